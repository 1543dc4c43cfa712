"""The night on a real Prefect server with a real worker."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
import requests

from lookalike.demo.garments import catalogue
from lookalike.demo.storefront import serve
from storage import generations
from storage.root import Root

pytestmark = pytest.mark.slow

REPO = Path(__file__).parents[2]
START_TIMEOUT_S = 180


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def environ(tmp_path):
    """An environment without the developer's own Prefect in it."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "LOOKALIKE_"))
    }
    return {
        **kept,
        "PREFECT_HOME": str(tmp_path / "prefect"),
        "DO_NOT_TRACK": "1",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PYTHONPATH": str(REPO),
    }


@contextmanager
def running(arguments, **how):
    process = subprocess.Popen([sys.executable, "-m", *arguments], start_new_session=True, **how)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def wait_for(ready, what, timeout_s=START_TIMEOUT_S):
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        try:
            if found := ready():
                return found
        except requests.RequestException:
            pass
        time.sleep(0.5)
    raise AssertionError(f"{what} did not happen within {timeout_s} s")


def prefect(*arguments, **how):
    return subprocess.run(
        [sys.executable, "-m", "prefect", *arguments], capture_output=True, text=True, timeout=300, **how
    )


def scheduled_runs(api):
    return requests.post(
        f"{api}/flow_runs/filter",
        json={"flow_runs": {"state": {"type": {"any_": ["SCHEDULED"]}}}},
        timeout=10,
    ).json()


def artifacts(api):
    return requests.post(
        f"{api}/artifacts/latest/filter", json={"artifacts": {"key": {"any_": ["nightly"]}}}, timeout=10
    ).json()


@pytest.fixture
def server(environ):
    """A Prefect server's API address; `environ` then names it."""
    port = free_port()
    api = f"http://127.0.0.1:{port}/api"
    with running(["prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)], env=environ):
        wait_for(lambda: requests.get(f"{api}/health", timeout=5).ok, "the server's start")
        environ["PREFECT_API_URL"] = api
        yield api


@pytest.fixture
def folder(tmp_path, install, shops):
    """A folder with settings for three small demo stores, as a user has it."""
    return install(tmp_path / "installed", shops).parent


def test_prefect_yaml_schedules_the_night_and_runs_it(server, environ, folder, shops):
    shutil.copy(REPO / "prefect.yaml", folder)
    how = {"cwd": folder, "env": environ}
    pool = prefect("work-pool", "create", "local", "--type", "process", "--overwrite", **how)
    assert pool.returncode == 0, pool.stderr
    deployed = prefect("--no-prompt", "deploy", "--all", **how)
    assert deployed.returncode == 0, deployed.stdout + deployed.stderr

    runs = wait_for(lambda: scheduled_runs(server), "a scheduled run", 90)
    assert all(run["auto_scheduled"] for run in runs)
    assert {run["expected_start_time"][11:19] for run in runs} == {"03:00:00"}

    # The worker starts somewhere else: the deployment has to know where it belongs.
    with running(["prefect", "worker", "start", "--pool", "local"], cwd="/", env=environ):
        first = prefect("deployment", "run", "nightly/nightly", "--watch", **how)
        assert first.returncode == 0, first.stdout + first.stderr
        root = Root.open(folder / "data")
        published = generations.current_name(root)
        assert published
        summary = artifacts(server)[0]["data"]
        assert published in summary
        assert all(shop.name in summary for shop in shops)

        shops[0].front.stop()
        second = prefect("deployment", "run", "nightly/nightly", "--watch", **how)
        assert second.returncode == 1, second.stdout + second.stderr
        assert generations.current_name(root) == published
        assert "## Failed" in artifacts(server)[0]["data"]


def test_lookalike_nightly_runs_on_prefects_temporary_server(environ, folder, shops, lookalike, stored):
    first = lookalike("nightly", "--json", cwd=folder, **environ)
    assert first.returncode == 0, first.stderr
    night = json.loads(first.stdout)
    assert [crawl["store"] for crawl in night["crawls"]] == [shop.name for shop in shops]
    for flow in ("nightly", "crawl-store", "embed-images", "build-index"):
        assert f"for flow '{flow}'" in first.stderr
    root = Root.open(folder / "data")
    before = stored(root)
    assert before["CURRENT"] == night["index"]["generation"]

    shops[0].front.stop()
    second = lookalike("nightly", cwd=folder, **environ)
    assert second.returncode == 1
    (sentence,) = [line for line in second.stderr.splitlines() if line.startswith("lookalike: ")]
    assert shops[0].name in sentence
    assert "Traceback" not in second.stderr
    assert stored(root) == before


def processes(home):
    """Ids of the processes started with this PREFECT_HOME, whatever session they put themselves in."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):
                if f"PREFECT_HOME={home}\0".encode() in (entry / "environ").read_bytes():
                    yield int(entry.name)


def runs(api):
    found = requests.post(
        f"{api}/flow_runs/filter", json={"flow_runs": {"start_time": {"is_null_": False}}}, timeout=10
    ).json()
    return {run["name"]: run["state_name"] for run in found}


def heartbeats(api):
    wanted = {"filter": {"event": {"name": ["prefect.flow-run.heartbeat"]}}}
    events = requests.post(f"{api}/events/filter", json=wanted, timeout=10).json()["events"]
    return {event["resource"].get("prefect.resource.name") for event in events}


def test_a_night_that_was_killed_is_marked_crashed_and_the_next_one_runs(
    server, environ, tmp_path, install, lookalike
):
    before = set(processes(environ["PREFECT_HOME"]))
    with serve(catalogue(100, seed=3), "schema", crawl_delay=5) as slow:
        file = install(tmp_path / "installed", [])
        store = f'[[stores]]\nname = "slow.example"\nurl = "{slow.url}"\nstrategy = "sitemap"\n'
        file.write_text(file.read_text() + store)
        with running(["lookalike.cli", "deploy", "--config", str(file)], cwd="/", env=environ):
            wait_for(lambda: lookalike_is_deployed(server), "the deployment")
            prefect("deployment", "run", "nightly/nightly", env=environ)
            started = {"nightly", "crawl-slow.example"}
            wait_for(lambda: started <= heartbeats(server), "a heartbeat")
            for process in set(processes(environ["PREFECT_HOME"])) - before:
                os.kill(process, signal.SIGKILL)
    assert wait_for(lambda: set(runs(server).values()) == {"Crashed"}, "the crash's notice")
    seen = lookalike("nightly", "--no-prefect", cwd=file.parent)
    assert "slow.example" in seen.stderr
    assert "Another process" not in seen.stderr


def lookalike_is_deployed(api):
    return requests.get(f"{api}/deployments/name/nightly/nightly", timeout=10).ok


def test_lookalike_deploy_serves_the_night_until_it_is_stopped(environ, folder, tmp_path):
    port = free_port()
    api = f"http://127.0.0.1:{port}/api"
    log = tmp_path / "deploy.log"
    command = [
        "lookalike.cli",
        "deploy",
        "--config",
        str(folder / "lookalike.toml"),
        "--port",
        str(port),
    ]
    with log.open("wb") as stderr, running(command, cwd="/", env=environ, stderr=stderr) as deploy:
        wait_for(lambda: b"Ctrl-C" in log.read_bytes() or deploy.poll() is not None, "the deployment")
        assert deploy.poll() is None, log.read_text()
        assert wait_for(lambda: scheduled_runs(api), "a scheduled run", 90)
        night = prefect(
            "deployment", "run", "nightly/nightly", "--watch", env={**environ, "PREFECT_API_URL": api}
        )
        assert night.returncode == 0, night.stdout + night.stderr + log.read_text()
        assert generations.current_name(Root.open(folder / "data"))
        deploy.send_signal(signal.SIGINT)
        assert deploy.wait(60) == 130, log.read_text()
    with pytest.raises(requests.ConnectionError):
        requests.get(f"{api}/health", timeout=5)
    # Prefect's server may log troubles of its own while it stops; ours would name our files.
    assert "lookalike/cli.py" not in log.read_text()
