"""`lookalike status`: stores and their freshness, tables, generations."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from lookalike.commands import terminal
from lookalike.commands.options import ConfigOption, DataOption, JsonOption, settings

if TYPE_CHECKING:
    from lookalike.status import Status, StoreStatus, StyleHeadStatus


def status(
    check: Annotated[
        bool, typer.Option("--check", help="Exit with 1 where a store or the published index is stale.")
    ] = False,
    as_json: JsonOption = False,
    config: ConfigOption = None,
    data: DataOption = None,
) -> None:
    """Show stores and their freshness, what the tables hold, and the generations."""
    from flows.report import plain
    from lookalike.status import read_status, stale

    resolved = settings(config, data)
    found = read_status(resolved.open_root(), resolved.stores)
    if as_json:
        terminal.print_json(plain(found))
    else:
        _print_status(found)
    if check:
        terminal.fail(stale(found, timedelta(hours=resolved.alerts.stale_hours)))


def _print_status(status: Status) -> None:
    terminal.say(f"Data root {status.data}")
    now = datetime.now(UTC)
    stores = [
        (
            store.name,
            store.strategy or ("" if store.configured else "not in lookalike.toml"),
            str(store.products),
            str(store.removed),
            _last_crawl(store),
            terminal.age(now - store.fresh_at) if store.fresh_at else "",
            str(store.last_crawl["images_new"]) if store.last_crawl else "",
        )
        for store in status.stores
    ]
    terminal.print_rows(
        ("store", "strategy", "products", "removed", "last crawl", "last complete", "new photos then"),
        stores,
        titled=True,
    )
    terminal.print_lines(store.problem for store in status.stores if store.problem)
    terminal.print_lines([""])
    terminal.print_rows(
        ("table", "rows", "version"),
        [
            (name, str(table.rows), "" if table.version is None else str(table.version))
            for name, table in status.tables.items()
        ],
        titled=True,
    )
    terminal.print_lines([""])
    terminal.print_rows(
        ("encoder", "vectors", "outfits completed by"),
        [
            (model, str(vectors), _completed_by(status.style_heads.get(model)))
            for model, vectors in status.embeddings.items()
        ],
        titled=True,
    )
    terminal.print_lines([""])
    terminal.print_rows(
        ("generation", "built", "model", "products", "items", "recall@5", ""),
        [
            (
                generation.name,
                f"{generation.built_at:%Y-%m-%d %H:%M}" if generation.built_at else "damaged",
                generation.model or "",
                "" if generation.products is None else str(generation.products),
                "" if generation.items is None else str(generation.items),
                "" if generation.recall is None else f"{generation.recall:.3f}",
                "published" if generation.current else "",
            )
            for generation in status.generations
        ],
        titled=True,
    )
    if status.current is None:
        terminal.say("Nothing is published yet. Run `lookalike nightly`.")


def _last_crawl(store: StoreStatus) -> str:
    ended = str(store.last_crawl["status"]) if store.last_crawl else "never crawled"
    if store.failure and store.failure != ended:
        return f"{ended} ({store.failure})"
    return ended if store.staged in (None, ended) else f"{ended}, {store.staged}"


def _completed_by(head: StyleHeadStatus | None) -> str:
    """What answers `complete`, and why, such as `style head (fills 0.57 of the blanks, the default 0.41)`."""
    if head is None:
        return "untrained default"
    if head.used is None:
        return "nothing: the style head is damaged, run `lookalike repair`"
    filled = f"fills {head.cold['learnt']:.2f} of the blanks"
    if head.used:
        return f"style head ({filled}, the default {head.cold['default']:.2f})"
    return f"untrained default (the style head {filled}, the default {head.cold['default']:.2f})"
