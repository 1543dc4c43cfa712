"""`lookalike accept`, `reject`, `rollback`, `maintain` and `repair`: decisions and upkeep."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

import typer

from lookalike.commands import terminal
from lookalike.commands.options import ConfigOption, DataOption, JsonOption, existing_root, settings


def rollback(
    generation: Annotated[
        str | None,
        typer.Argument(help="The generation to publish again; the one before the current if not given."),
    ] = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
    data: DataOption = None,
) -> None:
    """Publish an earlier generation again."""
    from storage import generations

    name = generations.rollback(existing_root(config, data), generation)
    if as_json:
        terminal.print_json({"generation": name})
    else:
        terminal.print_lines([f"Generation {name} is published."])


def maintain(
    keep_days: Annotated[
        float | None,
        typer.Option("--keep-days", min=1, help="In place of `versions_days` in [maintain]."),
    ] = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
    data: DataOption = None,
) -> None:
    """Check all stored data; delete what is neither served nor recent, and join small files."""
    from flows.maintain import check_and_maintain
    from flows.report import plain

    resolved = settings(config, data)
    keep = None if keep_days is None else timedelta(days=keep_days)
    done, damaged = check_and_maintain(resolved.open_root(), resolved.maintain, keep=keep)
    if as_json:
        terminal.print_json({"tables": plain(done), "damaged": damaged})
    else:
        terminal.print_rows(
            ("table", "files joined", "files deleted", "rows expired"),
            [
                (table, str(upkeep.joined), str(upkeep.deleted), str(upkeep.expired))
                for table, upkeep in done.items()
            ],
        )
    terminal.fail(damaged)


def accept(
    store: Annotated[str, typer.Argument(help="The store's name.")],
    as_json: JsonOption = False,
    config: ConfigOption = None,
    data: DataOption = None,
) -> None:
    """Accept a quarantined crawl, and merge it into the tables."""
    from flows.quarantine import accept as run
    from flows.report import plain

    crawl = run(existing_root(config, data), store)
    if as_json:
        terminal.print_json(plain(crawl))
    else:
        terminal.print_lines(
            [
                f"The crawl {crawl['crawl_id']} of '{store}' is in the tables: {crawl['products']} products. "
                "The next `lookalike nightly` publishes it."
            ]
        )


def reject(
    store: Annotated[str, typer.Argument(help="The store's name.")],
    as_json: JsonOption = False,
    config: ConfigOption = None,
    data: DataOption = None,
) -> None:
    """Drop a quarantined crawl; the next crawl reads the store again."""
    from flows.quarantine import reject as run
    from flows.report import plain

    crawl = run(existing_root(config, data), store)
    if as_json:
        terminal.print_json(plain(crawl))
    else:
        terminal.print_lines([f"The crawl of '{store}' is dropped. The next crawl reads the store again."])


def repair(as_json: JsonOption = False, config: ConfigOption = None, data: DataOption = None) -> None:
    """Repair what `maintain` finds damaged: remove it, rebuild it, or crawl it again."""
    from flows.repair import repair as run
    from flows.report import plain

    resolved = settings(config, data)
    root = resolved.open_root()
    terminal.log_to_stderr()
    with terminal.progress() as advance:
        done = run(root, resolved, advance)
    if as_json:
        terminal.print_json(plain(done))
    else:
        terminal.print_lines(done.mended or ["Nothing is damaged."] if not done.lost else done.mended)
    terminal.fail(done.lost)
