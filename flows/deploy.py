"""`lookalike deploy`: registers the nightly deployment, and runs Prefect's server and a worker."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Any

import requests
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.deployments.runner import EntrypointType
from prefect.exceptions import ObjectAlreadyExists
from prefect.schedules import Cron
from prefect.settings import PREFECT_API_URL, get_current_settings, temporary_settings
from prefect.workers.process import ProcessWorker

from flows.config import Config
from flows.flows import FLOWS, nightly
from flows.heartbeats import watch_heartbeats
from flows.prefect_environment import require_server
from storage.errors import InputError, LookalikeError

DEPLOYMENT = "nightly"
START_TIMEOUT_S = 180
STOP_TIMEOUT_S = 20

Say = Callable[[str], None]


class DeployError(LookalikeError):
    """Prefect's server or worker did not start, or stopped by itself."""


def deploy(config: Config, *, pool: str, host: str, port: int, say: Say) -> None:
    """Registers the deployment and works until Ctrl-C or SIGTERM; then stops what it started.

    Where Prefect knows a server (PREFECT_API_URL or the user's profile), that one is used, none started.

    :param pool: the work pool; made, of type process, where it does not exist.
    :raises InputError: where no store is configured or the port is taken.
    :raises DeployError: where the server or the worker does not start, or ends by itself.
    """
    config.choose_stores()
    known = get_current_settings().api.url
    with ExitStack() as stack:
        stack.enter_context(_terminate_as_interrupt())
        api = known or stack.enter_context(_server(host, port, say))
        with temporary_settings({PREFECT_API_URL: api}):
            register(config, pool)
        schedule = config.schedule
        say(f"Deployment nightly/{DEPLOYMENT} is registered at {api}: {schedule.cron} ({schedule.timezone}).")
        worker = stack.enter_context(_worker(api, pool))
        say(f"A worker of pool '{pool}' waits for it. Ctrl-C stops everything started here.")
        raise DeployError(
            f"Prefect's worker ended by itself with code {worker.wait()}. Its last lines say why."
        )


def register(config: Config, pool: str) -> None:
    """Makes the work pool where it is missing, and creates or updates the deployment.

    :raises PrefectUnreachableError: where the server does not answer.
    """
    require_server()
    template = ProcessWorker.get_default_base_job_template()
    with get_client(sync_client=True) as client:
        with suppress(ObjectAlreadyExists):
            client.create_work_pool(WorkPoolCreate(name=pool, type="process", base_job_template=template))
        watch_heartbeats(client, [flow.name for flow in FLOWS])
    deployment: Any = nightly.to_deployment(
        name=DEPLOYMENT,
        schedule=Cron(config.schedule.cron, timezone=config.schedule.timezone),
        # Workers change directory, so both paths have to be absolute.
        parameters={"config": str(config.file) if config.file else None, "data": str(config.data)},
        entrypoint_type=EntrypointType.MODULE_PATH,
        description="Crawl all stores, embed what is new, build, verify and publish.",
    )
    deployment.apply(work_pool_name=pool)


@contextmanager
def _server(host: str, port: int, say: Say) -> Iterator[str]:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise InputError(
                f"Prefect's server cannot listen on {host}:{port} ({error.strerror}). Give another --port, "
                "or set PREFECT_API_URL to the server that is already running."
            ) from None
    say(f"Prefect's server starts on http://{host}:{port} …")
    arguments = ["server", "start", "--host", host, "--port", str(port)]
    with _prefect(arguments, {}) as server:
        api = f"http://{host}:{port}/api"
        _wait_until_healthy(api, server)
        yield api


def _wait_until_healthy(api: str, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline:
        if server.poll() is not None:
            raise DeployError(f"Prefect's server ended at once with code {server.returncode}; see above.")
        try:
            if requests.get(f"{api}/health", timeout=5).ok:
                return
        except requests.RequestException:
            pass
        time.sleep(0.5)
    raise DeployError(f"Prefect's server at {api} did not answer within {START_TIMEOUT_S} s.")


@contextmanager
def _worker(api: str, pool: str) -> Iterator[subprocess.Popen[bytes]]:
    # The flow is named by module, so the runs' processes have to find the packages wherever these are.
    packages = str(Path(__file__).parent.parent)
    path = os.pathsep.join(filter(None, [packages, os.environ.get("PYTHONPATH")]))
    arguments = ["worker", "start", "--pool", pool, "--type", "process"]
    with _prefect(arguments, {"PREFECT_API_URL": api, "PYTHONPATH": path}) as worker:
        yield worker


@contextmanager
def _prefect(arguments: list[str], settings: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """A `prefect …` process, stopped at the end: asked first, killed where it does not listen."""
    # In a session of its own: the terminal's Ctrl-C then reaches only us, and we stop both in order.
    process = subprocess.Popen(  # noqa: S603 - our own interpreter and fixed arguments
        [sys.executable, "-m", "prefect", *arguments],
        env={**os.environ, **settings},
        stdout=sys.stderr.fileno(),
        start_new_session=True,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


@contextmanager
def _terminate_as_interrupt() -> Iterator[None]:
    """Makes SIGTERM, which service managers send, end things the way Ctrl-C does."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
