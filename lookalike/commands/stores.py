"""`lookalike stores …`: adds, lists and removes stores."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated

import typer

from lookalike.commands import terminal
from lookalike.commands.options import ConfigOption, DataOption, JsonOption, PrivateOption, settings
from lookalike.commands.settings import settings_file
from storage.errors import InputError

if TYPE_CHECKING:
    from scrapers.detect.store import Detected

stores = typer.Typer(no_args_is_help=True, help="The stores that are crawled: add, list, remove.")


@stores.command("add")
def add(
    url: Annotated[str, typer.Argument(help="The store's address, such as https://shop.example/.")],
    name: Annotated[
        str | None, typer.Option("--name", metavar="N", help="The store's name; else its host's.")
    ] = None,
    render: Annotated[
        bool, typer.Option("--render", help="Read its pages with a browser, for a store that needs scripts.")
    ] = False,
    header: Annotated[
        list[str] | None,
        typer.Option("--header", metavar="'NAME: VALUE'", help="Sent to the store; a secret as ${VARIABLE}."),
    ] = None,
    proxy: Annotated[
        str | None,
        typer.Option("--proxy", metavar="URL", help="Ask through this; a password as ${VARIABLE}."),
    ] = None,
    currency: Annotated[
        str | None, typer.Option("--currency", metavar="CODE", help="Of prices that name none, such as EUR.")
    ] = None,
    locale: Annotated[
        str | None, typer.Option("--locale", metavar="TAG", help="The language asked for, such as de-AT.")
    ] = None,
    limit: Annotated[
        list[str] | None,
        typer.Option("--limit", metavar="NAME=VALUE", help="A limit of its own, such as pages=2000."),
    ] = None,
    allow_private: PrivateOption = False,
    config: ConfigOption = None,
    data: DataOption = None,
) -> None:
    """Find out how a store can be read, show a preview, and add it to lookalike.toml."""
    from flows.stores import NewStore
    from flows.stores import add as add_store

    new = NewStore(
        url=url,
        name=name,
        render=render,
        headers=dict(_pair(line, ":", "--header", "'X-Country: DE'") for line in header or ()),
        proxy=proxy,
        currency=currency,
        locale=locale,
        limits=dict(_pair(line, "=", "--limit", "pages=2000") for line in limit or ()),
        allow_private=allow_private,
    )
    file = settings_file(config)
    store = add_store(file, new, data=data, environ=os.environ, show=_preview)
    terminal.say(f"Store '{store.name}' is in {file}. Read it with `lookalike crawl {store.name}`.")


@stores.command("list")
def list_stores(as_json: JsonOption = False, config: ConfigOption = None, data: DataOption = None) -> None:
    """List the stores of lookalike.toml."""
    configured = settings(config, data).stores
    if as_json:
        terminal.print_json([store.model_dump(mode="json") for store in configured])
        return
    if not configured:
        terminal.say("No store yet. Add one with `lookalike stores add URL`.")
        return
    terminal.print_rows(
        ("store", "strategy", "url"), [(store.name, store.strategy, str(store.url)) for store in configured]
    )


@stores.command("remove")
def remove(
    name: Annotated[str, typer.Argument(help="The store's name in lookalike.toml.")],
    purge: Annotated[
        bool, typer.Option("--purge", help="Delete what was read from it, too. Cannot be undone.")
    ] = False,
    config: ConfigOption = None,
    data: DataOption = None,
) -> None:
    """Take a store out of lookalike.toml; its products stay in the tables unless --purge is given.

    A crawl of it that is quarantined, or was killed, is dropped.
    """
    from flows.stores import remove as remove_store

    file = settings_file(config)
    purged = remove_store(file, name, data=data, purge=purge)
    if purged:
        terminal.say(
            f"Deleted {purged.products} products and {purged.images} photos that no other store shows. "
            "The next `lookalike index` publishes without them."
        )
    terminal.say(f"Store '{name}' is out of {file}.")


def _pair(text: str, separator: str, option: str, example: str) -> tuple[str, str]:
    name, found, value = text.partition(separator)
    if not found or not name.strip():
        raise InputError(f"{option} takes a name and a value, such as {example}.")
    return name.strip(), value.strip()


def _preview(detected: Detected) -> None:
    terminal.say(f"{detected.store.url} is read as {detected.store.strategy}: {detected.why}")
    for product in detected.preview:
        terminal.say(f"  {product}")
    if detected.notice:
        terminal.say(detected.notice)
