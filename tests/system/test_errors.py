"""What a user can get wrong: one sentence, exit code 1 or 2, and nothing stored changes."""

import os
import subprocess
import sys
from contextlib import contextmanager

import pytest

from lookalike.cli import main
from storage.root import Root


@pytest.fixture
def wrong(installation, run_command):
    """Runs a command that has to fail, and returns the sentence it says."""

    def run(*arguments, code, **environ):
        before = everything(installation.root)
        returncode, stdout, stderr = run_command(*arguments, **environ)
        assert returncode == code, stderr
        assert stdout == ""
        assert "Traceback" not in stderr
        *_, sentence = stderr.strip().splitlines()
        assert sentence.startswith("lookalike: ")
        assert everything(installation.root) == before
        return sentence

    return run


@pytest.fixture
def run_command(installation, capfd, monkeypatch):
    """Runs a command in the installation's folder; in this process, unless it may start Prefect.

    A process of its own takes seconds of imports, and `tests/system/test_night.py` has them.
    """
    monkeypatch.chdir(installation.folder)
    for name in [name for name in os.environ if name.startswith("LOOKALIKE_")]:
        monkeypatch.delenv(name)

    def run(command, *arguments, **environ):
        if command in ("nightly", "deploy"):
            seen = installation.run(command, *arguments, **environ)
            return seen.returncode, seen.stdout, seen.stderr
        capfd.readouterr()
        returncode = main([command, *map(str, arguments)])
        return returncode, *capfd.readouterr()

    return run


def everything(root: Root) -> dict[str, bytes | int]:
    """Every stored file but locks and logs, with its size and time."""
    logs = root.path / "logs"
    files = sorted(
        path
        for path in root.path.rglob("*")
        if path.is_file() and path.parent != root.locks and not path.is_relative_to(logs)
    )
    return {str(path): (path.stat().st_size, path.stat().st_mtime_ns) for path in files}


@contextmanager
def held(root, name):
    """Another process that holds a lock of the data root."""
    code = (
        "import sys; from storage.root import Root\n"
        "with Root.open(sys.argv[1]).lock(sys.argv[2]): print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(root.path), name], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout.readline().strip() == b"held"
        yield
        other.stdin.close()


def test_a_photo_that_is_not_there(wrong):
    assert "none.jpg" in wrong("search", "none.jpg", code=2)


def test_a_text_named_jpg(wrong, tmp_path):
    file = tmp_path / "photo.jpg"
    file.write_text("<!DOCTYPE html><title>Not found</title>")
    sentence = wrong("search", file, code=2)
    assert str(file) in sentence
    assert "not an image" in sentence


@pytest.mark.parametrize(
    "command", [["search", "PHOTO"], ["status"], ["embed"], ["index"], ["rollback"]], ids=" ".join
)
def test_a_data_root_that_is_not_there(wrong, photo, tmp_path, command):
    command = [photo if word == "PHOTO" else word for word in command]
    assert str(tmp_path / "empty") in wrong(*command, "--data", tmp_path / "empty", code=2)
    assert not (tmp_path / "empty").exists()


@pytest.mark.parametrize("command", ["search", "index"])
def test_a_data_root_with_nothing_in_it(wrong, photo, tmp_path, command):
    root = Root.open(tmp_path / "new", create=True)
    query = [photo] if command == "search" else []
    assert str(root.path) in wrong(command, *query, "--data", root.path, code=2 if query else 1)


def test_an_unknown_store(wrong):
    sentence = wrong("crawl", "none.example", code=2)
    assert "'none.example'" in sentence
    assert "shopify.example" in sentence


def test_a_malformed_settings_file(wrong, tmp_path):
    file = tmp_path / "lookalike.toml"
    file.write_text("[crawl\nat_once = 3\n")
    for command in ("nightly", "status", "stores list"):
        assert str(file) in wrong(*command.split(), "--config", file, code=2)


def test_no_store_at_all(wrong, tmp_path):
    file = tmp_path / "lookalike.toml"
    file.write_text("")
    for command in (["nightly"], ["nightly", "--no-prefect"], ["crawl"], ["deploy"]):
        assert "lookalike stores add" in wrong(*command, "--config", file, code=2)
    assert not (tmp_path / "data").exists()


def test_a_second_night_on_the_same_root(wrong, installation):
    with held(installation.root, "nightly"):
        assert str(installation.root.path) in wrong("nightly", "--no-prefect", code=1)


def test_a_second_crawl_of_the_same_store(wrong, installation):
    with held(installation.root, "crawl-shopify.example"):
        assert "crawl-shopify.example" in wrong("crawl", "shopify.example", code=1)


@pytest.mark.parametrize("stage", ["embed", "index"])
def test_a_second_writer_of_a_stage(wrong, installation, stage):
    with held(installation.root, stage):
        assert str(installation.root.path) in wrong(stage, code=1)


@pytest.mark.parametrize("command", ["nightly", "deploy"])
def test_a_prefect_server_that_is_down(wrong, tmp_path, command):
    unreachable = {"PREFECT_API_URL": "http://127.0.0.1:9/api", "PREFECT_HOME": str(tmp_path)}
    sentence = wrong(command, code=1, **unreachable)
    assert "http://127.0.0.1:9/api" in sentence


def test_a_page_that_is_no_product(run_command, tmp_path):
    file = tmp_path / "page.html"
    file.write_text("<title>About us</title><p>We sell clothes.</p>")
    returncode, stdout, stderr = run_command("extract", file, "--json")
    assert (returncode, stdout.strip()) == (1, "null")
    assert str(file) in stderr


def test_a_rollback_to_nothing(wrong):
    assert "20200101T000000Z-000000000000" in wrong("rollback", "20200101T000000Z-000000000000", code=2)


@pytest.mark.parametrize("price", ["cheap", "-1", "nan"])
def test_a_price_that_is_none(wrong, photo, price):
    assert price in wrong("search", photo, f"--max-price={price}", code=2)
