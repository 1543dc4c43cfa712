"""The detection session: fetches a few pages of one store, as far as its robots.txt allows."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar
from urllib.parse import urlsplit

from protego import Protego

from scrapers.config.store import Limits, Store
from scrapers.extract.sitemap import MAX_ROBOTS
from scrapers.http.credentials import Credentials, credentials_of
from scrapers.http.fetch import USER_AGENT, Fetched, FetchError, check_url, fetch
from scrapers.session.workers import Worker, WorkerError
from storage.errors import LookalikeError

if TYPE_CHECKING:
    from scrapers.browser.renderer import Renderer

P = ParamSpec("P")
T = TypeVar("T")

TIMEOUT_S = 20.0
_NO_PAGES = (".xml", ".gz", ".txt", ".json")


class UnreadableStoreError(LookalikeError):
    """An address cannot be read as a store; the message says what was tried."""


class DetectionSession:
    """Fetches pages of one store as far as its robots.txt allows."""

    def __init__(self, *, allow_private: bool, credentials: Credentials | None = None) -> None:
        """:param credentials: the store's own headers and proxy.

        :ivar browser: renders pages where there is one; lists and sitemaps are fetched as they are.
        :ivar empty_pages: pages that showed nothing without JavaScript.
        """
        self.allow_private, self.credentials = allow_private, credentials or Credentials()
        self.browser: Renderer | None = None
        self.empty_pages = 0
        self.robots: dict[str, tuple[str, Protego]] = {}
        self.worker = Worker()

    def read(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T | None:
        """What a function reads from a page; None if it fails or takes too long."""
        try:
            return self.worker.call(function, *args, **kwargs)
        except WorkerError:
            return None

    def page(self, url: str) -> Fetched:
        """:raises LookalikeError: where it cannot or must not be fetched."""
        check_url(url, allow_private=self.allow_private)
        self.check_allowed(url)
        if self.browser and not urlsplit(url).path.endswith(_NO_PAGES):
            return self.browser.page(url, self, max_bytes=Limits().page_bytes, timeout_s=TIMEOUT_S)
        return self.fetch(url)

    def check_allowed(self, url: str) -> None:
        """:raises UnreadableStoreError: where robots.txt forbids an address."""
        if not self.is_allowed(url):
            raise UnreadableStoreError(f"robots.txt forbids reading {url}. Ask its owner for permission.")

    def is_allowed(self, url: str) -> bool:
        """Whether robots.txt allows an address."""
        return self.robots_of(url)[1].can_fetch(url, USER_AGENT)

    def try_page(self, url: str) -> Fetched | None:
        """The page at an address; None if it cannot be fetched."""
        try:
            page = self.page(url)
        except LookalikeError:
            return None
        return page if page.status == 200 else None

    def json(self, url: str) -> Any:
        """The JSON document at an address; None if there is none."""
        page = self.try_page(url)
        try:
            return json.loads(page.body) if page else None
        except (ValueError, RecursionError):
            return None

    def robots_of(self, url: str) -> tuple[str, Protego]:
        """The robots.txt of an address's host, as text and as rules; without one everything is allowed."""
        parts = urlsplit(url)
        host = f"{parts.scheme}://{parts.netloc}"
        if host not in self.robots:
            text = ""
            try:
                answer = self._fetch(f"{host}/robots.txt", self.credentials)
                text = answer.text[:MAX_ROBOTS] if answer.status == 200 else ""
            except FetchError:
                pass  # fetching the page itself shows whether the host answers
            self.robots[host] = (text, Protego.parse(text))
        return self.robots[host]

    def fetch(self, url: str, cookies: str = "") -> Fetched:
        """The response of an address, unrendered; each redirect is checked against robots.txt.

        :param cookies: cookies that the page at this address has set before.
        :raises LookalikeError: where it cannot or must not be fetched.
        """
        sent = self.credentials.with_cookies(url, cookies) if cookies else self.credentials
        return self._fetch(url, sent, self.check_allowed)

    def _fetch(
        self, url: str, credentials: Credentials, check: Callable[[str], None] | None = None
    ) -> Fetched:
        return fetch(
            url,
            max_bytes=Limits().page_bytes,
            timeout_s=TIMEOUT_S,
            allow_private=self.allow_private,
            credentials=credentials,
            check=check,
        )


@contextlib.contextmanager
def detection_session(
    store: Store, environ: Mapping[str, str], *, allow_private: bool
) -> Iterator[DetectionSession]:
    """A session with a store as its entry says: with its headers, through its proxy, rendered if needed.

    :raises InputError: where an environment variable that the entry names is not set.
    """
    from scrapers.browser.renderer import Renderer

    session = DetectionSession(allow_private=allow_private, credentials=credentials_of(store, environ))
    with contextlib.ExitStack() as opened:
        opened.callback(session.worker.end)
        if store.render:
            session.browser = opened.enter_context(Renderer(allow_private=allow_private))
        yield session
