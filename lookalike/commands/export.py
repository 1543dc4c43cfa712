"""`lookalike export`: the published generation as a folder that can be copied anywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lookalike.commands import terminal
from lookalike.commands.options import ConfigOption, DataOption, JsonOption, existing_root


def export(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A new or empty folder.")],
    sign: Annotated[
        Path | None,
        typer.Option("--sign", metavar="KEYFILE", help="An Ed25519 private key (PEM) to sign it with."),
    ] = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
    data: DataOption = None,
) -> None:
    """Write what is published, and all it needs, to a folder that can be copied and searched anywhere."""
    from flows.report import plain
    from storage.export import export as write

    root = existing_root(config, data)
    with terminal.progress() as advance:
        done = write(
            root,
            folder,
            lambda size, total: advance("export, MB", size // 10**6, total // 10**6),
            sign_key=sign,
        )
    if as_json:
        terminal.print_json({"folder": str(folder), **plain(done)})
        return
    terminal.print_lines(
        [
            f"Generation {done.generation} ({done.products} products, {done.items} photos, "
            f"{done.size_bytes / 1e6:,.0f} MB) is in {folder}."
        ]
    )
    terminal.say(f'Search it with `lookalike search --data {folder} PHOTO`, or lookalike.open("{folder}").')
