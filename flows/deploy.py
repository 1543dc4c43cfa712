"""`lookalike deploy`: registers the nightly deployment, and runs Prefect's server and a worker."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Callable, Iterator, Sequence
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

LOOK_EVERY_S = 60.0
"""Between two looks for runs whose process is gone."""

RUN_VARIABLE = "PREFECT__FLOW_RUN_ID"
RUN_TIMEOUT_S = 30.0
"""Time a run has to end when the worker is stopped; its crawls take up to 20 s to write what they have."""

AT_ONCE = 3
"""Runs a worker starts: one works, one waits, and the third finds that it is not needed."""

Say = Callable[[str], None]


def deploy(config: Config, *, pool: str | None, host: str, port: int | None, say: Say) -> None:
    """Registers the deployment and works until Ctrl-C or SIGTERM; then stops what it started.

    Where Prefect knows a server (PREFECT_API_URL or the user's profile), that one is used, none started.

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
        deployment, deployment_ids = register(config, pool)
        when = f"{config.schedule.cron} ({config.schedule.timezone})"
        say(f"Deployment {deployment.full_name} is registered at {api}: {when}.")
        say(f"Deployment maintain/{deployment.name} is registered, too: {config.maintain.cron}.")
        worker = stack.enter_context(_worker(api, deployment.pool))
        say(f"A worker of pool '{deployment.pool}' waits for it. Ctrl-C stops everything started here.")
        code = _watch(worker, deployment_ids)
        raise ServerError(f"Prefect's worker ended by itself with code {code}. Its last lines say why.")


def _watch(worker: subprocess.Popen[bytes], deployments: Sequence[UUID]) -> int:
    """Waits for the worker's end; meanwhile marks runs whose process is gone."""
    while True:
        with suppress(subprocess.TimeoutExpired):
            return worker.wait(LOOK_EVERY_S)
        # A server that does not answer just now is asked again a minute later.
        with suppress(Exception), get_client(sync_client=True) as client:
            for deployment in deployments:
                crash_silent_runs(client, deployment)


@contextmanager
def _worker(api: str, pool: str) -> Iterator[subprocess.Popen[bytes]]:
    """A worker; it is stopped with the runs that it has started, which are marked."""
    arguments = ["worker", "start", "--pool", pool, "--type", "process", "--limit", str(AT_ONCE)]
    with run_prefect(arguments, {"PREFECT_API_URL": api}) as worker:
        try:
            yield worker
        finally:
            if worker.poll() is None:
                _stop_runs(worker)


def _stop_runs(worker: subprocess.Popen[bytes]) -> None:
    process = psutil.Process(worker.pid)
    # Listed before the worker is asked to end, since it may end its runs faster than they can be listed, and
    # again afterwards, since it may just have started one. Once asked, it starts no further run.
    runs, descendants = _flow_runs(process), set(process.children(recursive=True))
    worker.send_signal(signal.SIGINT)
    with suppress(psutil.NoSuchProcess):
        runs |= _flow_runs(process)
        descendants |= set(process.children(recursive=True))
        terminate(process.children())
    _, left = psutil.wait_procs(descendants, timeout=RUN_TIMEOUT_S)
    kill(left)
    with suppress(subprocess.TimeoutExpired):
        worker.wait(STOP_TIMEOUT_S)
    with get_client(sync_client=True) as client:
        for run in runs:
            for stage in (*stages_of(client, [run]), client.read_flow_run(run)):
                if stage.state is None or not stage.state.is_final():
                    crash(client, stage.id, "`lookalike deploy` was stopped.")


def _flow_runs(worker: psutil.Process) -> set[UUID]:
    """The flow runs that a worker's processes work on now."""
    found = set()
    for process in worker.children():
        with suppress(psutil.Error):
            if run := process.environ().get(RUN_VARIABLE):
                found.add(UUID(run))
    return found


@contextmanager
def _terminate_as_interrupt() -> Iterator[None]:
    """Makes SIGTERM, which service managers send, end things like Ctrl-C; a second one changes nothing."""

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
