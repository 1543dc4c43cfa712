"""`lookalike deploy`: registers the nightly deployment, and runs Prefect's server and a worker."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from types import FrameType
from uuid import UUID

import psutil
from prefect.client.orchestration import get_client
from prefect.settings import PREFECT_API_URL, get_current_settings, temporary_settings

from flows.child import kill, terminate
from flows.config import Config
from flows.deployment import register
from flows.heartbeats import crash, crash_silent_runs, stages_of
from flows.server import STOP_TIMEOUT_S, ServerError, choose_port, run_prefect, run_server

POLL_S = 60.0
"""Time between two checks for runs whose process is gone."""

RUN_VARIABLE = "PREFECT__FLOW_RUN_ID"
RUN_TIMEOUT_S = 30.0
"""Time a run has to end when the worker is stopped; its crawls take up to 20 s to write what they have."""

AT_ONCE = 3
"""Runs that a worker starts at once: one works, one waits, and the third finds that it is not needed."""

Say = Callable[[str], None]


def deploy(config: Config, *, pool: str | None, host: str, port: int | None, say: Say) -> None:
    """Registers the deployment and runs a worker until Ctrl-C or SIGTERM; then stops what it started.

    If Prefect knows a server (PREFECT_API_URL or the user's profile), that one is used and none is started.

    :param pool: the work pool, made where it does not exist; named by the catalogue where None.
    :param port: where the server listens; a free one from the settings' on where None.
    :raises InputError: where no store is configured, the port is taken or the name is another catalogue's.
    :raises BusyError: where this catalogue is deployed already by another process with a server of its own.
    :raises ServerError: where the server or the worker does not start, or ends by itself.
    """
    config.choose_stores()
    with ExitStack() as stack:
        stack.enter_context(_terminate_as_interrupt())
        api = get_current_settings().api.url
        if api is None:
            # A second server on the same database would start every night twice.
            stack.enter_context(config.open_root(create=True).lock("deploy"))
            port = choose_port(host, port or config.prefect.port, exactly=port is not None)
            say(f"Prefect's server starts on http://{host}:{port} …")
            api = stack.enter_context(run_server(config, host=host, port=port))
        stack.enter_context(temporary_settings({PREFECT_API_URL: api}))
        deployment, deployment_id = register(config, pool)
        when = f"{config.schedule.cron} ({config.schedule.timezone})"
        say(f"Deployment {deployment.full_name} is registered at {api}: {when}.")
        worker = stack.enter_context(_worker(api, deployment.pool))
        say(f"A worker of pool '{deployment.pool}' waits for it. Ctrl-C stops everything started here.")
        code = _watch(worker, deployment_id)
        raise ServerError(f"Prefect's worker ended by itself with code {code}. Its last lines say why.")


def _watch(worker: subprocess.Popen[bytes], deployment: UUID) -> int:
    """Waits for the worker's end; meanwhile marks runs whose process is gone."""
    while True:
        with suppress(subprocess.TimeoutExpired):
            return worker.wait(POLL_S)
        # If the server does not answer now, the next check is a minute later.
        with suppress(Exception), get_client(sync_client=True) as client:
            crash_silent_runs(client, deployment)


@contextmanager
def _worker(api: str, pool: str) -> Iterator[subprocess.Popen[bytes]]:
    """Runs a worker. At the end it is stopped with its runs, which are marked as crashed."""
    arguments = ["worker", "start", "--pool", pool, "--type", "process", "--limit", str(AT_ONCE)]
    with run_prefect(arguments, {"PREFECT_API_URL": api}) as worker:
        try:
            yield worker
        finally:
            if worker.poll() is None:
                _stop_runs(worker)


def _stop_runs(worker: subprocess.Popen[bytes]) -> None:
    # First, so that the worker starts no further run; it waits for the runs that it has started.
    worker.send_signal(signal.SIGINT)
    process = psutil.Process(worker.pid)
    children, descendants = process.children(), process.children(recursive=True)
    runs = [run for child in children if (run := _flow_run_id(child))]
    terminate(children)
    _, left = psutil.wait_procs(descendants, timeout=RUN_TIMEOUT_S)
    kill(left)
    with suppress(subprocess.TimeoutExpired):
        worker.wait(STOP_TIMEOUT_S)
    with get_client(sync_client=True) as client:
        for run in runs:
            for stage in (*stages_of(client, [run]), client.read_flow_run(run)):
                if stage.state is None or not stage.state.is_final():
                    crash(client, stage.id, "`lookalike deploy` was stopped.")


def _flow_run_id(process: psutil.Process) -> UUID | None:
    with suppress(psutil.Error):
        return UUID(process.environ()[RUN_VARIABLE]) if RUN_VARIABLE in process.environ() else None
    return None


@contextmanager
def _terminate_as_interrupt() -> Iterator[None]:
    """Handles SIGTERM, which service managers send, like Ctrl-C, and ignores further signals."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
