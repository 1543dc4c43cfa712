"""`lookalike dashboard`."""

from __future__ import annotations

import os
import re
import sys
from typing import Annotated

import typer

from lookalike.commands.options import ConfigOption, DataOption, settings
from storage.errors import InputError
from storage.import_path import import_environment

_LOW_MEMORY = {
    "ARROW_DEFAULT_MEMORY_POOL": "system",
    "MALLOC_ARENA_MAX": "1",
    "MALLOC_TRIM_THRESHOLD_": "65536",
}
"""Gives freed memory back to the system, unless the operator has set something else."""


def dashboard(
    host: Annotated[str, typer.Option("--host", help="The address it listens on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=1, max=65535, help="The port it listens on.")] = 8501,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open it in a browser.")] = True,
    allow_host: Annotated[
        list[str] | None,
        typer.Option(
            "--allow-host", metavar="NAME", help="A host name that visitors reach it by; repeatable."
        ),
    ] = None,
    config: ConfigOption = None,
    data: DataOption = None,
) -> None:
    """Open the dashboard: upload a photo, see what looks like it."""
    import importlib.util

    resolved = settings(config, data)
    if importlib.util.find_spec("streamlit") is None:
        raise ModuleNotFoundError("streamlit", name="streamlit")
    # Another program takes this one's place: it is found, not imported.
    if importlib.util.find_spec("dashboards") is None:
        raise ModuleNotFoundError("dashboards", name="dashboards")
    names = [*resolved.dashboard.hosts, *map(_host_name, allow_host or ())]
    command = [
        *(sys.executable, "-P", "-m", "dashboards.server", "--host", host, "--port", str(port)),
        *(("--browser",) if browser else ()),
        *(word for name in names for word in ("--allow-host", name)),
        *("--data", str(resolved.data)),
        *(("--config", str(resolved.file)) if resolved.file else ()),
    ]
    # In this process's place: waiting for the server it would hold 40 MB, and signals would reach both.
    os.execve(sys.executable, command, _LOW_MEMORY | os.environ | import_environment())  # noqa: S606 - no shell


def _host_name(name: str) -> str:
    from flows.config import HOST_NAME

    if not re.fullmatch(HOST_NAME, name.lower()):
        raise InputError(f"'{name}' is no host name. Give it without scheme and port, like shop.example.com.")
    return name.lower()
