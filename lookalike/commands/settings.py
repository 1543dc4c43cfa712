"""`lookalike init` and `lookalike stores …`: the settings file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lookalike.commands import terminal
from lookalike.commands.options import ConfigOption, DataOption, JsonOption, PrivateOption, settings
from storage.errors import InputError

if TYPE_CHECKING:
    from scrapers.detect.store import Detected


stores = typer.Typer(no_args_is_help=True, help="The stores that are crawled: add, list, remove.")


def init(config: ConfigOption = None, data: DataOption = None) -> None:
    """Write a commented lookalike.toml, and a prefect.yaml that deploys it on your Prefect server."""
    from flows.config import CONFIG_NAME
    from flows.edit import write_example, write_prefect_yaml

    file = _file(config)
    write_example(file, data=data)
    if file.name == CONFIG_NAME:
        write_prefect_yaml(file.parent)
    terminal.say(f"{file} is written. Add a store with `lookalike stores add URL`.")


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
    from flows.config import load_config
    from flows.edit import add_store, with_changes, write_example
    from scrapers.config.store import Store
    from scrapers.detect.store import detect, with_scheme
    from scrapers.http.credentials import fill_credentials

    file = _file(config)
    before = load_config(file, data) if file.exists() else None
    everywhere = before is not None and before.crawl.allow_private
    headers = dict(_pair(line, ":", "--header", "'X-Country: DE'") for line in header or ())
    chosen: dict[str, Any] = {
        "name": name,
        "headers": headers,
        "proxy": proxy,
        "currency": currency,
        "locale": locale,
    }
    chosen["render"] = render
    chosen["allow_private"] = allow_private and not everywhere  # what holds for all stores is not repeated
    chosen["limits"] = dict(_pair(line, "=", "--limit", "pages=2000") for line in limit or ())
    given = {key: value for key, value in chosen.items() if value}
    # What is wrong with these is said before anything is asked.
    with_changes(Store(name="store", url="https://shop.example"), given)
    credentials = fill_credentials(headers, proxy, [with_scheme(url)], os.environ, store=with_scheme(url))
    detected = detect(
        url,
        allow_private=allow_private or everywhere,
        render=render,
        credentials=credentials,
        currency=currency,
    )
    store = with_changes(detected.store, given)
    if headers and not any(origin.serves(store.url) for origin in credentials.origins):
        raise InputError(
            f"{url} leads to {store.url}, and the headers are for the server that you name alone. "
            f"Run the command with {store.url} if they are for that one."
        )
    if before is None:
        write_example(file, data=data)
    add_store(file, store)
    _preview(detected)
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
    from flows.edit import remove_store

    file = _file(config)
    configured = settings(file, data)
    configured.choose_stores([name])
    if purge:
        from flows.purge import purge_store

        # Before the settings: a purge that is refused can be asked for again.
        gone = purge_store(configured.open_root(), name)
        terminal.say(
            f"Deleted {gone.products} products and {gone.images} photos that no other store shows. "
            "The next `lookalike index` publishes without them."
        )
    else:
        from flows.purge import drop_staged

        drop_staged(configured, name)
    remove_store(file, name)
    terminal.say(f"Store '{name}' is out of {file}.")


def _pair(text: str, separator: str, option: str, example: str) -> tuple[str, str]:
    name, found, value = text.partition(separator)
    if not found or not name.strip():
        raise InputError(f"{option} takes a name and a value, such as {example}.")
    return name.strip(), value.strip()


def _file(config: Path | None) -> Path:
    from flows.config import CONFIG_NAME

    return (config or Path(CONFIG_NAME)).absolute()


def _preview(detected: Detected) -> None:
    terminal.say(f"{detected.store.url} is read as {detected.store.strategy}: {detected.why}")
    for product in detected.preview:
        terminal.say(f"  {product}")
    if detected.notice:
        terminal.say(detected.notice)
