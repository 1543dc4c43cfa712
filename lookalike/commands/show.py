"""`lookalike demo` and `lookalike dashboard`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from lookalike.commands import terminal
from lookalike.commands.night import plainly, through_prefect
from lookalike.commands.options import ConfigOption, DataOption, settings
from lookalike.commands.query import print_matches
from storage.errors import LookalikeError


def demo(
    folder: Annotated[
        Path, typer.Option("--folder", metavar="DIR", help="Where the demo keeps its data and its page.")
    ] = Path(".demo"),
    serve: Annotated[
        bool, typer.Option("--serve", help="Keep the stores open afterwards, until Ctrl-C, to follow links.")
    ] = False,
    prefect: Annotated[
        bool, typer.Option("--prefect/--no-prefect", help="Run the night through Prefect, or plainly.")
    ] = True,
    config: ConfigOption = None,
    data: DataOption = None,
) -> None:
    """Start demo stores, run the whole night on them, and find five products for a photo."""
    from lookalike.demo.run import Demo, run_demo

    def show(demo: Demo) -> None:
        print_matches(demo.matches)
        terminal.say(f"These products look most like {demo.query}. Open {demo.page} to see them.")

    run_demo(
        folder,
        data=Path(data) if data else None,
        run_night=through_prefect if prefect else plainly,
        show=show,
        serve=serve,
        say=terminal.say,
    )


def dashboard(
    host: Annotated[str, typer.Option("--host", help="The address it listens on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=1, max=65535, help="The port it listens on.")] = 8501,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open it in a browser.")] = True,
    config: ConfigOption = None,
    data: DataOption = None,
) -> None:
    """Open the dashboard: upload a photo, see what looks like it."""
    import importlib.util

    resolved = settings(config, data)
    if importlib.util.find_spec("streamlit") is None:
        raise ModuleNotFoundError("streamlit", name="streamlit")
    # Streamlit runs the app in a process of its own: it is found, not imported.
    package = importlib.util.find_spec("dashboards")
    if package is None or package.origin is None:
        raise ModuleNotFoundError("dashboards", name="dashboards")
    app = Path(package.origin).with_name("app.py")
    command = [
        *(sys.executable, "-m", "streamlit", "run", str(app)),
        *("--server.address", host, "--server.port", str(port)),
        *("--server.headless", "false" if browser else "true", "--browser.gatherUsageStats", "false"),
        *("--", "--data", str(resolved.data)),
        *(("--config", str(resolved.file)) if resolved.file else ()),
    ]
    code = subprocess.call(command)  # noqa: S603 - our own interpreter and arguments
    if code:
        raise LookalikeError(f"The dashboard ended with code {code}; its last lines say why.")
