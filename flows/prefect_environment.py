"""Prepares Prefect: its environment variables, and a server that answers."""

from __future__ import annotations

import os
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager

from flows.child import LEFT_OUT
from flows.config import Config
from flows.server import free_port, run_server
from storage.errors import LookalikeError
from storage.startup import leave_out

HEARTBEAT_VARIABLE = "PREFECT_FLOWS_HEARTBEAT_FREQUENCY"
HEARTBEAT_S = 30
"""A run whose process was killed is noticed by its missing heartbeats; Prefect allows no less than 30 s."""

LOG_TIMEOUT_S = 10.0
"""Time for the last log lines to reach the server."""

DEFAULTS = {
    # Nothing of a night leaves the machine.
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    HEARTBEAT_VARIABLE: str(HEARTBEAT_S),
}

JSON_LINES = {"PREFECT_LOGGING_HANDLERS_CONSOLE_FORMATTER": "json"}
"""Makes Prefect write its log lines as JSON."""


class PrefectUnreachableError(LookalikeError):
    """The Prefect server of the user's settings does not answer."""


def prepare(environ: MutableMapping[str, str], *, as_json: bool = False) -> None:
    """Sets the variables that the user has not set, and spares Prefect what it has no use for.

    Call it before the first import of `prefect`.

    :param as_json: whether runs log JSON, one object a line.
    """
    for name, value in {**DEFAULTS, **(JSON_LINES if as_json else {})}.items():
        environ.setdefault(name, value)
    leave_out(*LEFT_OUT)


def require_server() -> None:
    """Connects to Prefect's server.

    :raises PrefectUnreachableError: where it does not answer; Prefect itself would end with a traceback.
    """
    import httpx
    from prefect.client.orchestration import get_client
    from prefect.settings import get_current_settings

    problem: Exception | None
    try:
        with get_client(sync_client=True) as client:
            problem = client.api_healthcheck()
    except (RuntimeError, OSError, httpx.HTTPError) as error:
        problem = error
    if problem:
        url = get_current_settings().api.url
        raise PrefectUnreachableError(
            f"Prefect's server at {url} cannot be reached ({problem}). Check it and PREFECT_API_URL, "
            "or run `lookalike nightly --no-prefect`."
        )


@contextmanager
def reachable_server(config: Config) -> Iterator[None]:
    """Lets flows run on the server that Prefect knows, or on a temporary one with the catalogue's database.

    Prefect's own temporary server would outlive a process that is killed.

    :raises PrefectUnreachableError: where the user's server does not answer.
    :raises ServerError: where the temporary one does not start.
    """
    from prefect.context import refresh_global_settings_context
    from prefect.logging.handlers import APILogWorker
    from prefect.settings import get_current_settings

    if get_current_settings().api.url:
        require_server()
        yield
        return
    host = "127.0.0.1"
    with run_server(config, host=host, port=free_port(host), temporary=True) as api:
        # In the environment: Prefect's own threads see no settings that hold for one context only.
        os.environ["PREFECT_API_URL"] = api
        refresh_global_settings_context()
        try:
            yield
        finally:
            # Later, its last lines would be sent to a server that has ended, and fail on the terminal.
            APILogWorker.drain_all(timeout=LOG_TIMEOUT_S, at_exit=False)
            del os.environ["PREFECT_API_URL"]
            refresh_global_settings_context()
