"""Checks that a store can be crawled from here: its secrets are set, and its browser is installed."""

from __future__ import annotations

from collections.abc import Mapping

from scrapers.browser.launch import check_browser
from scrapers.config.store import Store
from scrapers.http.credentials import credentials_of
from storage.errors import LookalikeError


def check_ready(store: Store, environ: Mapping[str, str]) -> None:
    """Checks what would end a crawl as soon as it begins.

    :raises InputError: where an environment variable that the store's entry names is not set or not usable.
    :raises LookalikeError: where its pages need a browser, and none is installed.
    """
    credentials_of(store, environ)
    if store.render:
        try:
            check_browser(environ)
        except LookalikeError as error:
            raise LookalikeError(f"The store '{store.name}' has render = true. {error}") from None
