"""What Lookalike wants of Prefect before it uses it: its environment variables, and a server that answers."""

from __future__ import annotations

from collections.abc import MutableMapping

from storage.errors import LookalikeError

DEFAULTS = {
    # Nothing of a night leaves the machine.
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    # A busy machine takes longer than Prefect's 20 s to start the temporary server (13 s on an idle one).
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "180",
    # A run whose process was killed is noticed by its silence; 30 s is the least that Prefect allows.
    "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30",
}


class PrefectUnreachableError(LookalikeError):
    """The Prefect server of the user's settings does not answer, or the temporary one did not start."""


def prepare(environ: MutableMapping[str, str]) -> None:
    """Fills in what is not set; what the user set wins. Call it before the first import of `prefect`."""
    for name, value in DEFAULTS.items():
        environ.setdefault(name, value)


def require_server() -> None:
    """Connects to Prefect's server, or starts the temporary one where none is configured.

    :raises PrefectUnreachableError: a sentence, where Prefect itself would end a night with a traceback.
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
        server = f"Prefect's server at {url} cannot be reached" if url else "Prefect's server did not start"
        raise PrefectUnreachableError(
            f"{server} ({problem}). Check it and PREFECT_API_URL, or run `lookalike nightly --no-prefect`."
        )
