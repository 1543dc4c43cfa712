"""`lookalike status`, `accept`, `reject`, `rollback` and `maintain`: what there is, decisions, and upkeep."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from lookalike.commands import terminal
from lookalike.commands.options import ConfigOption, DataOption, JsonOption, existing_root, settings

if TYPE_CHECKING:
    from lookalike.status import Status, StoreStatus


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
        float,
        typer.Option("--keep-days", min=1, help="Files that no version younger than this needs are deleted."),
    ] = 7,
    as_json: JsonOption = False,
    config: ConfigOption = None,
    data: DataOption = None,
) -> None:
    """Check all stored data; join small files, and delete what no recent version needs."""
    from flows.maintain import maintain as run
    from flows.report import plain
    from storage import audit

    root = existing_root(config, data)
    damaged = audit.tables_damage(root)
    # Joining files would write what is damaged once more, as if it were in order.
    done = {} if damaged else run(root, keep=timedelta(days=keep_days))
    damaged += audit.published_damage(root)
    if as_json:
        terminal.print_json({"tables": plain(done), "damaged": damaged})
    else:
        terminal.print_rows(
            ("table", "files joined", "files deleted"),
            [(table, str(upkeep.joined), str(upkeep.deleted)) for table, upkeep in done.items()],
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


def _print_status(status: Status) -> None:
    from storage.staging import quarantine_sentence

    terminal.say(f"Data root {status.data}")
    now = datetime.now(UTC)
    stores = [
        (
            store.name,
            store.strategy or ("" if store.configured else "not in lookalike.toml"),
            str(store.products),
            str(store.removed),
            _last_crawl(store),
            _age(now - store.fresh_at) if store.fresh_at else "",
            str(store.last_crawl["images_new"]) if store.last_crawl else "",
        )
        for store in status.stores
    ]
    terminal.print_rows(
        ("store", "strategy", "products", "removed", "last crawl", "last complete", "new photos then"),
        stores,
        titled=True,
    )
    terminal.print_lines(
        quarantine_sentence(store.name, store.findings) for store in status.stores if store.findings
    )
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
        ("encoder", "vectors"),
        [(model, str(vectors)) for model, vectors in status.embeddings.items()],
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
    ended = store.last_crawl["status"] if store.last_crawl else "never crawled"
    return ended if store.staged in (None, ended) else f"{ended}, {store.staged}"


def _age(span: timedelta) -> str:
    hours = span.total_seconds() / 3600
    if hours < 1:
        return f"{span.total_seconds() / 60:.0f} min ago"
    return f"{hours:.0f} h ago" if hours < 48 else f"{hours / 24:.0f} days ago"
