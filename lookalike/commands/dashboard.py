"""`lookalike dashboard`."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from typing import Annotated

import typer

from lookalike.commands.options import ConfigOption, DataOption, settings
from storage.errors import InputError, LookalikeError
from storage.import_path import import_environment


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
    # It runs in a process of its own: it is found, not imported.
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
    code = subprocess.call(command, env=os.environ | import_environment())  # noqa: S603 - our own code
    if code:
        raise LookalikeError(f"The dashboard ended with code {code}; its last lines say why.")


def _host_name(name: str) -> str:
    from flows.config import HOST_NAME

    if not re.fullmatch(HOST_NAME, name.lower()):
        raise InputError(f"'{name}' is no host name. Give it without scheme and port, like shop.example.com.")
    return name.lower()
