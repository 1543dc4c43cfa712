"""Adds stores to `lookalike.toml` after detection, and removes them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flows.config import load_config
from flows.edit import add_store, remove_store, with_changes, write_example
from flows.purge import Purged, drop_staged, purge_store
from scrapers.config.store import Store
from scrapers.detect.store import Detected, detect, with_scheme
from scrapers.http.credentials import fill_credentials
from storage.errors import InputError


@dataclass(frozen=True)
class NewStore:
    """What the operator says about a store to add; what is empty is left to detection.

    :ivar url: its address; https if it has no scheme.
    :ivar limits: the store's own limits, as text or numbers.
    """

    url: str
    name: str | None = None
    render: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)
    proxy: str | None = None
    currency: str | None = None
    locale: str | None = None
    limits: Mapping[str, Any] = field(default_factory=dict)
    allow_private: bool = False


def add(
    file: Path,
    new: NewStore,
    *,
    data: str | None,
    environ: Mapping[str, str],
    show: Callable[[Detected], None],
) -> Store:
    """Finds out how a store can be read, and adds it to the settings file, which is created if needed.

    :param data: the data root to name in a new settings file.
    :param environ: the environment variables for headers and proxy.
    :param show: shows what was detected, before the file is written: an entry that cannot be shown is not
        added.
    :return: the store as it was added.
    :raises InputError: the entry is not usable, or the file has a store of that name.
    :raises LookalikeError: the store cannot be reached or read.
    """
    before = load_config(file, data) if file.exists() else None
    allowed_for_all = before is not None and before.crawl.allow_private
    changes = _changes(new, allowed_for_all=allowed_for_all)
    # Checked before the first request.
    with_changes(Store(name="store", url="https://shop.example"), changes)
    address = with_scheme(new.url)
    credentials = fill_credentials(new.headers, new.proxy, [address], environ, store=address)
    detected = detect(
        new.url,
        allow_private=new.allow_private or allowed_for_all,
        render=new.render,
        credentials=credentials,
        currency=new.currency,
    )
    store = with_changes(detected.store, changes)
    if new.headers and not any(origin.serves(store.url) for origin in credentials.origins):
        raise InputError(
            f"{new.url} leads to {store.url}, and the headers are for the server that you name alone. "
            f"Run the command with {store.url} if they are for that one."
        )
    show(detected)
    if before is None:
        write_example(file, data=data)
    add_store(file, store)
    return store


def remove(file: Path, name: str, *, data: str | None, purge: bool) -> Purged | None:
    """Removes a store from the settings file, and its staged crawl if there is one.

    :param purge: whether to delete everything that was read from it, too.
    :return: what was purged; None without `purge`.
    :raises InputError: the file has no store of that name.
    :raises BusyError: the store is being crawled.
    """
    config = load_config(file, data)
    config.choose_stores([name])
    # Before the settings, so that a purge that fails can be repeated.
    purged = purge_store(config.open_root(), name) if purge else None
    if not purge:
        drop_staged(config, name)
    remove_store(file, name)
    return purged


def _changes(new: NewStore, *, allowed_for_all: bool) -> dict[str, Any]:
    """What the operator says about a store, as values of its entry."""
    values: dict[str, Any] = {
        "name": new.name,
        "headers": dict(new.headers),
        "proxy": new.proxy,
        "currency": new.currency,
        "locale": new.locale,
        "render": new.render,
        # The entry does not repeat what holds for all stores.
        "allow_private": new.allow_private and not allowed_for_all,
        "limits": dict(new.limits),
    }
    return {name: value for name, value in values.items() if value}
