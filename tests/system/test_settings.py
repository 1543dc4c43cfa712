"""Stores come and go, the dashboard opens, and Ctrl-C ends things, by the command line."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import requests

from lookalike.demo.catalogue import catalogue
from lookalike.demo.storefront import serve
from storage import tables
from storage.root import Root

REPO = Path(__file__).parents[2]


def test_init_writes_settings_once(tmp_path, lookalike):
    assert lookalike("init", cwd=tmp_path).returncode == 0
    assert (tmp_path / "lookalike.toml").read_text() == (REPO / "lookalike.example.toml").read_text()
    again = lookalike("init", cwd=tmp_path)
    assert again.returncode == 2
    assert "already there" in again.stderr


@pytest.mark.parametrize(("number", "strategy"), [(0, "shopify"), (1, "woocommerce"), (2, "sitemap")])
def test_a_store_is_detected_added_listed_and_removed(tmp_path, shops, lookalike, number, strategy):
    url = shops[number].front.url
    refused = lookalike("stores", "add", url, cwd=tmp_path)
    assert refused.returncode == 2
    assert "--allow-private" in refused.stderr
    assert not (tmp_path / "lookalike.toml").exists()

    added = lookalike("stores", "add", url, "--name", "mine", "--allow-private", cwd=tmp_path)
    assert added.returncode == 0, added.stderr
    assert any(product.title in added.stderr for product in shops[number].products)
    (store,) = json.loads(lookalike("stores", "list", "--json", cwd=tmp_path).stdout)
    assert (store["name"], store["strategy"]) == ("mine", strategy)
    assert store["url"].startswith(url)

    twice = lookalike("stores", "add", url, "--name", "mine", "--allow-private", cwd=tmp_path)
    assert twice.returncode == 2
    assert lookalike("stores", "remove", "other", cwd=tmp_path).returncode == 2
    assert lookalike("stores", "remove", "mine", cwd=tmp_path).returncode == 0
    assert lookalike("stores", "list", "--json", cwd=tmp_path).stdout.strip() == "[]"


def test_a_name_that_is_none_adds_nothing(tmp_path, shops, lookalike):
    command = ("stores", "add", shops[0].front.url, "--name", "My Shop", "--allow-private")
    seen = lookalike(*command, cwd=tmp_path)
    assert seen.returncode == 2
    assert "My Shop" in seen.stderr
    assert "Traceback" not in seen.stderr
    assert not (tmp_path / "lookalike.toml").exists()


def test_a_purged_store_is_gone_from_tables_and_the_next_index(installation, tmp_path, lookalike):
    folder = tmp_path / "copy"
    shutil.copytree(installation.folder, folder)
    going = installation.shops[0].name
    assert lookalike("stores", "remove", going, "--purge", cwd=folder).returncode == 0
    root = Root.open(folder / "data")
    assert going not in tables.read(root, "products", columns=["store"])["store"].to_pylist()
    built = lookalike("index", "--json", cwd=folder)
    assert built.returncode == 0, built.stderr
    assert json.loads(built.stdout)["products"] == 16


def start(folder, *arguments):
    return subprocess.Popen(
        [sys.executable, "-m", "lookalike.cli", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(REPO)},
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def test_the_dashboard_opens_on_this_machine_until_ctrl_c(installation):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    dashboard = start(installation.folder, "dashboard", "--no-browser", "--port", str(port))
    try:
        deadline = time.monotonic() + 90
        while time.monotonic() < deadline:
            try:
                if requests.get(f"http://127.0.0.1:{port}/_stcore/health", timeout=5).text == "ok":
                    break
            except requests.ConnectionError:
                time.sleep(0.5)
        else:
            raise AssertionError("the dashboard did not open")
    finally:
        os.killpg(dashboard.pid, signal.SIGINT)
        _, said = dashboard.communicate(timeout=30)
    assert dashboard.returncode == 130
    assert "Traceback" not in said


@pytest.mark.slow
def test_ctrl_c_ends_a_night_soon_and_frees_its_locks(tmp_path, install, lookalike):
    with serve(catalogue(60), "schema", crawl_delay=0.5) as front:
        file = tmp_path / "lookalike.toml"
        install(tmp_path, [])
        store = f'[[stores]]\nname = "slow.example"\nurl = "{front.url}"\nstrategy = "sitemap"\n'
        file.write_text(file.read_text() + store)
        night = start(tmp_path, "nightly", "--no-prefect")
        while len(front.requests) < 5 and night.poll() is None:
            time.sleep(0.1)
        assert night.poll() is None
        os.killpg(night.pid, signal.SIGINT)
        _, said = night.communicate(timeout=40)
        assert night.returncode == 130
        assert "Traceback" not in said
        root = Root.open(tmp_path / "data")
        with root.lock("nightly"), root.lock("crawl-slow.example"):
            pass
