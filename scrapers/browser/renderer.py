"""Renders pages outside a crawl, for detection, in the same browser and behind the same proxy."""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
from collections.abc import Coroutine
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol, Self, TypeVar

from scrapers.browser.launch import check_browser
from scrapers.http.fetch import Fetched, FetchError
from storage.errors import LookalikeError

if TYPE_CHECKING:
    from scrapers.browser.chromium import Chromium, Document, Rendered

T = TypeVar("T")

_START_S = 60.0
_MAX_REDIRECTS = 5
"""How often the scripts of a page may navigate to another one."""


class DocumentFetcher(Protocol):
    """Fetches the documents of pages, as far as robots.txt allows."""

    def fetch(self, url: str, cookies: str = "") -> Fetched:
        """The response of an address, unrendered."""

    def is_allowed(self, url: str) -> bool:
        """Whether robots.txt allows an address."""

    def check_allowed(self, url: str) -> None:
        """:raises LookalikeError: where robots.txt forbids an address."""


class Renderer:
    """A browser, running in a thread of its own until the block ends.

    :raises LookalikeError: where none is installed.
    """

    def __init__(self, *, allow_private: bool) -> None:
        self.allow_private = allow_private
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, name="browser", daemon=True)

    def __enter__(self) -> Self:
        check_browser(os.environ)
        from scrapers.browser.chromium import Chromium

        self.thread.start()
        self.browser: Chromium = self._run(_create(Chromium, self.allow_private), _START_S)
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(TimeoutError):
            self._run(self.browser.close(), _START_S)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()

    def page(self, url: str, fetcher: DocumentFetcher, *, max_bytes: int, timeout_s: float) -> Fetched:
        """A page after its scripts ran; if they navigate to another page, that one.

        :param fetcher: fetches the document, and knows what robots.txt allows.
        :raises LookalikeError: where it is not there in time, refused, or too large.
        """
        for _ in range(_MAX_REDIRECTS + 1):
            answer = fetcher.fetch(url)
            if "html" not in answer.content_type:
                return answer
            page = self._render(answer, fetcher, max_bytes, timeout_s)
            if page.redirect is None:
                return replace(
                    answer,
                    url=page.url,
                    body=page.body,
                    content_type="text/html",
                    headers={**answer.headers, "content-type": "text/html; charset=utf-8"},
                )
            url = page.redirect
            fetcher.check_allowed(url)
        raise FetchError(f"{url} leads to other pages more than {_MAX_REDIRECTS} times.")

    def _render(
        self, answer: Fetched, fetcher: DocumentFetcher, max_bytes: int, timeout_s: float
    ) -> Rendered:
        from scrapers.browser.chromium import PageError, PageLimits

        async def may_load(url: str) -> bool:
            try:
                return await asyncio.to_thread(fetcher.is_allowed, url)
            except LookalikeError:
                return False

        async def reload(cookies: str) -> Document:
            return _document(await asyncio.to_thread(fetcher.fetch, answer.url, cookies))

        limits = PageLimits(max_bytes, max_bytes, timeout_s)
        work = self.browser.render(_document(answer), limits, may_load=may_load, reload=reload)
        try:
            return self._run(work, _START_S + 2 * timeout_s)
        except PageError as error:
            raise FetchError(f"{answer.url} cannot be read: {error}.") from None
        except TimeoutError:
            raise FetchError(f"{answer.url} cannot be read: there was no answer in time.") from None

    def _run(self, work: Coroutine[Any, Any, T], timeout_s: float) -> T:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(timeout_s)


async def _create(browser: type[Chromium], allow_private: bool) -> Chromium:
    return browser(allow_private=allow_private)


def _document(answer: Fetched) -> Document:
    from scrapers.browser.chromium import Document

    return Document(answer.url, answer.status, list(answer.headers.items()), answer.body)
