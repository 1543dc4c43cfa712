"""`lookalike crawl`, `embed`, `index`, `nightly`, `deploy`: the night's stages, one by one or together."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from lookalike.commands import terminal
from lookalike.commands.options import ConfigOption, DataOption, JsonOption, PrivateOption, settings
from storage.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flows.config import Config
    from flows.night import Night
    from scrapers.config.store import Store

MAX_WORDS = 200
"""Characters of a query."""


def crawl(
    stores: Annotated[
        list[str] | None,
        typer.Argument(metavar="[STORE]...", help="Names of stores; all where none is given."),
    ] = None,
    query: Annotated[
        str | None,
        typer.Option("--query", metavar="WORDS", help="Only what the stores' own search finds for this."),
    ] = None,
    allow_private: PrivateOption = False,
    as_json: JsonOption = False,
    config: ConfigOption = None,
    data: DataOption = None,
) -> None:
    """Crawl stores into the tables."""
    from flows import night, report

    resolved = _settings(config, data, allow_private)
    chosen = resolved.choose_stores(stores or ())
    words = None if query is None else _words(query)
    if words is not None:
        chosen = tuple(_searchable(chosen))
    root = resolved.open_root(create=True)
    terminal.log_to_stderr(as_json=resolved.logs.as_json)
    with terminal.progress() as advance:
        outcomes, failures = night.crawl_stores(
            chosen,
            lambda store: night.crawl_store(root, store, resolved, advance, query=words),
            at_once=resolved.crawl.at_once,
        )
    if as_json:
        terminal.print_json({"crawls": report.plain(outcomes), "failures": failures})
    else:
        terminal.print_lines(report.crawl_line(outcome) for outcome in outcomes)
    terminal.fail(failures)


def embed(as_json: JsonOption = False, config: ConfigOption = None, data: DataOption = None) -> None:
    """Give every photo without a vector its vector."""
    from flows import night, report

    resolved = settings(config, data)
    terminal.log_to_stderr(as_json=resolved.logs.as_json)
    with terminal.progress() as advance:
        outcome = night.embed_images(resolved.open_root(), resolved, advance)
    _print(outcome, report.embed_line(outcome), as_json)


def index(
    allow_loss: Annotated[
        bool,
        typer.Option("--allow-loss", help="Publish even if far more products are missing than `max_loss`."),
    ] = False,
    full: Annotated[
        bool,
        typer.Option("--full", help="Build everything, also what did not change since the index before."),
    ] = False,
    as_json: JsonOption = False,
    config: ConfigOption = None,
    data: DataOption = None,
) -> None:
    """Build an index of the embedded photos, verify it and publish it."""
    from flows import night, report

    resolved = settings(config, data)
    root = resolved.open_root()
    terminal.log_to_stderr(as_json=resolved.logs.as_json)
    with terminal.progress() as advance:
        outcome = night.index_and_publish(root, resolved, advance=advance, allow_loss=allow_loss, full=full)
    _print(outcome, report.index_line(outcome), as_json)


def nightly(
    prefect: Annotated[
        bool,
        typer.Option(
            "--prefect/--no-prefect",
            help="Through Prefect (on a temporary server, or on yours), or as plain functions.",
        ),
    ] = True,
    allow_private: PrivateOption = False,
    as_json: JsonOption = False,
    config: ConfigOption = None,
    data: DataOption = None,
) -> None:
    """Crawl all stores, embed what is new, build an index, verify and publish it."""
    from flows import report

    resolved = _settings(config, data, allow_private)
    resolved.choose_stores()
    night = through_prefect(resolved) if prefect else plainly(resolved)
    if as_json:
        terminal.print_json(report.plain(night))
    else:
        terminal.print_lines(report.lines(night))
    for sentence in night.untold:
        terminal.say(sentence)
    terminal.fail(night.failures)


def deploy(
    pool: Annotated[
        str | None,
        typer.Option("--pool", help="The Prefect work pool; the catalogue's own if not given."),
    ] = None,
    host: Annotated[str, typer.Option("--host", help="Where Prefect's server listens.")] = "127.0.0.1",
    port: Annotated[
        int | None,
        typer.Option("--port", help="The port that Prefect's server listens on; else a free one from 4200."),
    ] = None,
    config: ConfigOption = None,
    data: DataOption = None,
) -> None:
    """Register the nightly deployment with its schedule, and run Prefect's server and a worker until Ctrl-C.

    Where PREFECT_API_URL is set, that server is used and none is started.
    """
    resolved = settings(config, data)
    resolved.choose_stores()
    _prepare_prefect(resolved)
    from flows.deploy import deploy as run

    run(resolved, pool=pool, host=host, port=port, say=terminal.say)


def _settings(config: Path | None, data: str | None, allow_private: bool) -> Config:
    resolved = settings(config, data)
    if not allow_private:
        return resolved
    return resolved.model_copy(update={"crawl": resolved.crawl.model_copy(update={"allow_private": True})})


def _words(query: str) -> str:
    words = " ".join(query.split())
    if not 0 < len(words) <= MAX_WORDS:
        raise InputError(f"A search needs words, such as 'red linen dress', {MAX_WORDS} characters at most.")
    return words


def _searchable(stores: Sequence[Store]) -> list[Store]:
    """The stores that can be asked for words; the others are named.

    :raises InputError: where none can.
    """
    for store in stores:
        if not store.searchable:
            terminal.say(
                f"'{store.name}' cannot be searched: it is read from its pages, and names no search. "
                "Give its entry a `search_url` under [stores.recipe]."
            )
    found = [store for store in stores if store.searchable]
    if not found:
        raise InputError("None of these stores can be searched. Crawl them without --query.")
    return found


def plainly(config: Config) -> Night:
    """The night as plain functions, with bars on stderr."""
    from flows.night import run_nightly

    terminal.log_to_stderr(as_json=config.logs.as_json)
    with terminal.progress() as advance:
        return run_nightly(config, advance=advance)


def through_prefect(config: Config) -> Night:
    """The night as a Prefect flow, on a server of its own or on yours."""
    _prepare_prefect(config)
    from flows.prefect_environment import reachable_server

    with reachable_server(config):
        from flows.flows import NightFailedError
        from flows.flows import nightly as flow

        try:
            # Only a deployment's night can be skipped, and return a state.
            return cast("Night", flow(config))
        except NightFailedError as error:
            return error.night


def _prepare_prefect(config: Config) -> None:
    from flows.prefect_environment import prepare

    prepare(os.environ, as_json=config.logs.as_json)


def _print(outcome: Any, line: str, as_json: bool) -> None:
    from flows.report import plain

    if as_json:
        terminal.print_json(plain(outcome))
    else:
        terminal.print_lines([line])
