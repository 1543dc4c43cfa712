"""Prefect's server, `lookalike deploy` and what they start, as processes of their own."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

REPO = Path(__file__).parents[2]
START_TIMEOUT_S = 180


def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def environment(home: Path) -> dict[str, str]:
    """An environment without the developer's own Prefect in it."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "LOOKALIKE_"))
    }
    return {
        **kept,
        "PREFECT_HOME": str(home),
        "DO_NOT_TRACK": "1",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30",
        "PREFECT_WORKER_QUERY_SECONDS": "2",  # instead of 10: tests wait for what a worker finds
        "PYTHONPATH": str(REPO),
    }


@contextmanager
def running(arguments: list[str], **how: Any) -> Iterator[subprocess.Popen[bytes]]:
    """A Python module as a process, which ends with the block."""
    process = subprocess.Popen([sys.executable, "-m", *arguments], start_new_session=True, **how)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


@contextmanager
def server(environ: dict[str, str]) -> Iterator[str]:
    """Prefect's server: its API's address, which `environ` then names."""
    port = free_port()
    api = f"http://127.0.0.1:{port}/api"
    with running(["prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)], env=environ):
        wait_for(lambda: requests.get(f"{api}/health", timeout=5).ok, "the server's start")
        environ["PREFECT_API_URL"] = api
        yield api


@contextmanager
def deployed(file: Path, environ: dict[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """`lookalike deploy`, ready for work."""
    command = ["lookalike.cli", "deploy", "--config", str(file)]
    with log.open("wb") as stderr, running(command, cwd="/", env=environ, stderr=stderr) as deploy:
        wait_for(lambda: b" started!" in log.read_bytes() or deploy.poll() is not None, "the worker's start")
        assert deploy.poll() is None, log.read_text()
        yield deploy


def wait_for(ready: Callable[[], Any], what: str, timeout_s: float = START_TIMEOUT_S) -> Any:
    """What `ready` returns as soon as that is something."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        try:
            if found := ready():
                return found
        except requests.RequestException:
            pass
        time.sleep(0.5)
    raise AssertionError(f"{what} did not happen within {timeout_s} s")


def prefect(*arguments: str, **how: Any) -> subprocess.CompletedProcess[str]:
    """Runs a `prefect` command."""
    return subprocess.run(
        [sys.executable, "-m", "prefect", *arguments], capture_output=True, text=True, timeout=300, **how
    )


def processes(home: Path | str) -> set[psutil.Process]:
    """The processes started with this PREFECT_HOME, whatever session they put themselves in."""
    found = set()
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.environ().get("PREFECT_HOME") == str(home) and process.pid != os.getpid():
                found.add(process)
    return found


def _session() -> requests.Session:
    """Asks again while the server's SQLite database is locked, as Prefect's own client does."""
    session = requests.Session()
    retries = Retry(total=8, backoff_factor=0.5, status_forcelist=[503], allowed_methods=None)
    session.mount("http://", HTTPAdapter(max_retries=retries))
    return session


def read(api: str, what: str, **filters: Any) -> list[dict[str, Any]]:
    """Rows of the API: `flow_runs`, `deployments`, …"""
    answer = _session().post(f"{api}/{what}/filter", json=filters, timeout=60)
    answer.raise_for_status()
    return answer.json()


def nights(api: str, deployment: str | None = None) -> list[dict[str, Any]]:
    """The nights that are not only scheduled, in the order in which they were due."""
    rows = read(api, "flow_runs", sort="EXPECTED_START_TIME_ASC", flows={"name": {"any_": ["nightly"]}})
    return [
        row
        for row in rows
        if row["state_type"] != "SCHEDULED" and (deployment is None or row["deployment_id"] == deployment)
    ]


def deployment_id(api: str, name: str) -> str:
    """The id of the deployment `nightly/NAME`."""
    answer = _session().get(f"{api}/deployments/name/nightly/{name}", timeout=60)
    answer.raise_for_status()
    return str(answer.json()["id"])


def trigger(api: str, deployment: str, due: str | None = None, *, state_type: str = "SCHEDULED") -> str:
    """Creates a run by hand, or one that was due at a moment, or one that is over; returns its id."""
    state: dict[str, Any] = {"type": state_type}
    if due:
        state |= {"state_details": {"scheduled_time": due}}
    answer = _session().post(
        f"{api}/deployments/{deployment}/create_flow_run", json={"state": state}, timeout=60
    )
    answer.raise_for_status()
    return str(answer.json()["id"])
