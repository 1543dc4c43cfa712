"""A few pages of one store, fetched as far as its robots.txt allows, for detection."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlsplit

from protego import Protego

from scrapers.guard import USER_AGENT, Fetched, FetchError, check_url, fetch
from scrapers.stores import Limits
from storage.errors import LookalikeError

TIMEOUT_S = 20.0


class UnreadableStoreError(LookalikeError):
    """An address that cannot be read as a store; the message says what was tried."""


class Visit:
    """Fetches pages of one store as far as its robots.txt allows."""

    def __init__(self, allow_private: bool) -> None:
        self.allow_private = allow_private
        self.robots: dict[str, tuple[str, Protego]] = {}

    def page(self, url: str) -> Fetched:
        """:raises LookalikeError: where it cannot or must not be fetched."""
        check_url(url, allow_private=self.allow_private)
        if not self.robots_of(url)[1].can_fetch(url, USER_AGENT):
            raise UnreadableStoreError(f"robots.txt forbids reading {url}. Ask its owner for permission.")
        return fetch(
            url, max_bytes=Limits().page_bytes, timeout_s=TIMEOUT_S, allow_private=self.allow_private
        )

    def tried(self, url: str) -> Fetched | None:
        """The page; None where it cannot be had."""
        try:
            page = self.page(url)
        except LookalikeError:
            return None
        return page if page.status == 200 else None

    def json(self, url: str) -> Any:
        """The document at an address; None where there is none."""
        page = self.tried(url)
        try:
            return json.loads(page.body) if page else None
        except ValueError:
            return None

    def robots_of(self, url: str) -> tuple[str, Protego]:
        """The robots.txt of an address's host, as text and as rules; without one everything is allowed."""
        parts = urlsplit(url)
        host = f"{parts.scheme}://{parts.netloc}"
        if host not in self.robots:
            text = ""
            try:
                answer = fetch(
                    f"{host}/robots.txt",
                    max_bytes=Limits().page_bytes,
                    timeout_s=TIMEOUT_S,
                    allow_private=self.allow_private,
                )
                text = answer.text if answer.status == 200 else ""
            except FetchError:
                pass  # the page itself will tell whether the host is there
            self.robots[host] = (text, Protego.parse(text))
        return self.robots[host]
