"""`lookalike demo`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lookalike.commands import terminal
from lookalike.commands.night import plainly, through_prefect
from lookalike.commands.options import ConfigOption, DataOption
from lookalike.commands.query import print_matches


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
