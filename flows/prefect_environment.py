"""Environment variables that Prefect reads once, when it is imported; what the user set always wins."""

from __future__ import annotations

from collections.abc import MutableMapping

DEFAULTS = {
    # Nothing of a night leaves the machine.
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    # A busy machine takes longer than Prefect's 20 s to start the temporary server (13 s on an idle one).
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "180",
    # A run whose process was killed is noticed by its silence; 30 s is the least that Prefect allows.
    "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30",
}


def prepare(environ: MutableMapping[str, str]) -> None:
    """Fills in what Lookalike wants of Prefect. Call it before the first import of `prefect`."""
    for name, value in DEFAULTS.items():
        environ.setdefault(name, value)
