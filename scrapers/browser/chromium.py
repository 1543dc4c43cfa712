"""One Chromium that renders pages, one at a time, from documents that were fetched without it.

The browser never requests a document itself: a page begins with a response that we fetched, so that the
store's headers, robots.txt and the guard are applied in one place. What scripts request goes through a
guarded proxy.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import os
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urldefrag

from playwright.async_api import Error, async_playwright

from scrapers.browser.launch import find_browser, launch_options
from scrapers.browser.memory import BrowserMemory
from scrapers.http.fetch import USER_AGENT
from scrapers.http.proxy import MAX_REFUSED, GuardedProxy
from storage.errors import LookalikeError

if TYPE_CHECKING:
    from playwright.async_api import Browser, CDPSession, Page, Playwright

SETTLE_S = 5.0
"""How long a page may make requests after it was loaded, before it is read as it is."""
_CLOSING_S = 5.0
_LENGTH = "() => document.documentElement ? document.documentElement.outerHTML.length : 0"
_LOADED = frozenset({"Script", "Stylesheet", "XHR", "Fetch", "EventSource", "Preflight"})
"""The resource types that a page needs to be read. Photos, fonts, media and icons are not loaded."""
_CHECKED_BY_ROBOTS = frozenset({"XHR", "Fetch", "EventSource"})
"""Robots.txt applies to these: they are documents of their own. Scripts and styles are parts of the page."""
_MAX_RELOADS = 3
_POLICY = (
    "frame-src 'none'; worker-src 'none'; object-src 'none'; "
    "sandbox allow-scripts allow-same-origin allow-forms"
)
"""The Content-Security-Policy of each document: frames and workers would have a network and memory of their
own, and nobody reads popups and downloads. The browser enforces it, so no script can undo it."""
_DROPPED_HEADERS = frozenset({"content-encoding", "content-length", "transfer-encoding", "www-authenticate"})


class PageError(LookalikeError):
    """A page cannot be rendered; the message says why, as the end of a sentence."""


class TooLargeError(PageError):
    """A page is larger, or loads more, than it may."""


class TooSlowError(PageError):
    """A page took too long."""


@dataclass(frozen=True)
class Document:
    """The document of a page, decompressed.

    :ivar headers: names and values; a name may occur more than once.
    """

    url: str
    status: int
    headers: Sequence[tuple[str, str]]
    body: bytes


@dataclass(frozen=True)
class Rendered:
    """A page after its scripts ran.

    :ivar redirect: the address that its scripts navigated to, which was not loaded; None if they did not.
    :ivar refused: why requests of its scripts were refused, a sentence for each host.
    """

    url: str
    body: bytes
    redirect: str | None
    refused: dict[str, str]


@dataclass(frozen=True)
class PageLimits:
    """The limits of one page.

    :ivar loaded_bytes: of everything that it loads, including scripts and data.
    :ivar html_bytes: of the rendered HTML.
    """

    loaded_bytes: int
    html_bytes: int
    timeout_s: float


MayLoad = Callable[[str], Awaitable[bool]]
"""Whether robots.txt allows an address."""
Reload = Callable[[str], Awaitable[Document]]
"""Fetches a page's document again, with the cookies that the page has set."""


class Chromium:
    """A browser that starts with the first page, and starts again after a page has ended it."""

    def __init__(self, *, allow_private: bool) -> None:
        self.proxy = GuardedProxy(allow_private=allow_private)
        self.playwright: Playwright | None = None
        self.browser: Browser | None = None
        self.memory = BrowserMemory()
        # One page at a time limits the browser's memory, and the proxy knows whose bytes it forwards.
        self.page_lock = asyncio.Lock()

    async def close(self) -> None:
        """Ends the browser and the proxy."""
        await self._end_browser()
        if self.playwright is not None:
            await self.playwright.stop()
            self.playwright = None
            await self.proxy.stop()

    async def render(
        self, document: Document, limits: PageLimits, *, may_load: MayLoad, reload: Reload
    ) -> Rendered:
        """Renders a page from its document.

        :raises PageError: where it takes too much time or memory, or is too large.
        """
        async with self.page_lock:
            browser = await self._started()
            self.proxy.begin_page(limits.loaded_bytes)
            self.memory.exceeded = False
            watch = asyncio.ensure_future(self.memory.watch())
            try:
                async with asyncio.timeout(limits.timeout_s + 2 * SETTLE_S):
                    return await self._render(browser, _PageLoad(document, limits, may_load, reload))
            except TimeoutError:
                raise TooSlowError("there was no answer in time") from None
            except Error as error:
                raise self._page_error(error) from None
            finally:
                watch.cancel()
                await self._close_pages()

    async def _render(self, browser: Browser, load: _PageLoad) -> Rendered:
        # A context of its own, so that pages share no cookies and no storage.
        context = await browser.new_context(
            user_agent=USER_AGENT, service_workers="block", accept_downloads=False
        )
        page = await context.new_page()
        crashed = asyncio.ensure_future(page.wait_for_event("crash", timeout=0))
        reading = asyncio.ensure_future(load.read(page))
        try:
            await asyncio.wait({crashed, reading}, return_when=asyncio.FIRST_COMPLETED)
            if not reading.done():
                raise Error("Page crashed")
            url, body = reading.result()
        finally:
            await _cancel(crashed, reading)
        if self.proxy.used_up or len(body) > load.limits.html_bytes:
            raise TooLargeError("it is larger than the limit")
        return Rendered(url, body, load.redirect, {**load.refused, **self.proxy.refused})

    def _page_error(self, error: Error) -> PageError:
        if self.memory.exceeded:
            return PageError("it takes more memory than a page may have")
        if self.proxy.used_up:
            return TooLargeError("it is larger than the limit")
        if "crashed" in error.message:
            return PageError("it crashes the browser, as pages do that take too much memory")
        if "Timeout" in error.message:
            return TooSlowError("there was no answer in time")
        return PageError(f"it cannot be rendered ({error.message.partition(chr(10))[0][:200]})")

    async def _started(self) -> Browser:
        if self.playwright is None:
            await self.proxy.start()
            self.playwright = await async_playwright().start()
        if self.browser is None or not self.browser.is_connected():
            options = launch_options({"executable_path": find_browser(os.environ)}, self.proxy.url)
            options["args"].append(self.memory.new_mark())
            self.browser = await self.playwright.chromium.launch(**options)
            await asyncio.to_thread(self.memory.bound)
        return self.browser

    async def _close_pages(self) -> None:
        """Closes all pages; ends the browser if that hangs, and the next page starts a new one."""
        if self.browser is None:
            return
        try:
            async with asyncio.timeout(_CLOSING_S):
                for context in self.browser.contexts:
                    await context.close()
        except (TimeoutError, Error):
            await self._end_browser()

    async def _end_browser(self) -> None:
        browser, self.browser = self.browser, None
        if browser is None:
            return
        try:
            async with asyncio.timeout(_CLOSING_S):
                await browser.close()
        except (TimeoutError, Error):
            await asyncio.to_thread(self.memory.kill)


class _PageLoad:
    """Loads one page, and decides about each request that the browser wants to make meanwhile."""

    def __init__(self, document: Document, limits: PageLimits, may_load: MayLoad, reload: Reload) -> None:
        self.document, self.limits = document, limits
        self.may_load, self.reload = may_load, reload
        self.address: str | None = None
        self.reloads = 0
        self.redirect: str | None = None
        self.redirected = asyncio.Event()
        self.refused: dict[str, str] = {}
        self.tasks: set[asyncio.Task[None]] = set()

    async def read(self, page: Page) -> tuple[str, bytes]:
        """The page's address and HTML; the HTML is empty if its scripts navigated elsewhere."""
        session = await page.context.new_cdp_session(page)
        session.on("Fetch.requestPaused", lambda event: self._begin(self._decide(session, event)))
        # Unlike a route of Playwright's, this also sees each address that a request is redirected to.
        await session.send("Fetch.enable", {"patterns": [{"urlPattern": "*"}]})
        loading = asyncio.ensure_future(self._load(page))
        navigated_away = asyncio.ensure_future(self.redirected.wait())
        try:
            await asyncio.wait({loading, navigated_away}, return_when=asyncio.FIRST_COMPLETED)
            return (page.url, b"") if self.redirect else loading.result()
        finally:
            await _cancel(loading, navigated_away, *self.tasks)

    async def _load(self, page: Page) -> tuple[str, bytes]:
        timeout_ms = 1000 * self.limits.timeout_s
        # A page may reload itself before it is loaded, which would be an error of `goto`.
        await page.goto(self.document.url, wait_until="commit", timeout=timeout_ms)
        await page.wait_for_load_state("load", timeout=timeout_ms)
        with contextlib.suppress(Error):
            await page.wait_for_load_state("networkidle", timeout=1000 * SETTLE_S)
        if await page.evaluate(_LENGTH) > self.limits.html_bytes:
            raise TooLargeError("it is larger than the limit")
        return page.url, (await page.content()).encode("utf-8", "replace")

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def _decide(self, session: CDPSession, event: dict[str, Any]) -> None:
        request, kind = event["request"], event["resourceType"]
        with contextlib.suppress(Error):  # the page is gone meanwhile
            if kind == "Document":
                await self._navigate(session, event)
            elif kind in _LOADED and (kind not in _CHECKED_BY_ROBOTS or await self._allowed(request["url"])):
                await session.send("Fetch.continueRequest", {"requestId": event["requestId"]})
            else:
                await _abort(session, event)

    async def _allowed(self, url: str) -> bool:
        if await self.may_load(url):
            return True
        shown = url.partition("?")[0]
        if len(self.refused) < MAX_REFUSED:
            self.refused[shown] = f"robots.txt forbids {shown}."
        return False

    async def _navigate(self, session: CDPSession, event: dict[str, Any]) -> None:
        """Handles a navigation to the page itself, to the same page again, or to another one (refused)."""
        request = event["request"]
        address = urldefrag(request["url"]).url
        if self.address is None:
            self.address = address
            await _answer(session, event, self.document)
        elif request["method"] != "GET":
            await _abort(session, event)
        elif address != self.address:
            self.redirect = address
            self.redirected.set()
            await _abort(session, event)
        elif self.reloads < _MAX_RELOADS:
            self.reloads += 1
            cookies = await session.send("Network.getCookies", {"urls": [address]})
            line = "; ".join(f"{cookie['name']}={cookie['value']}" for cookie in cookies["cookies"])
            await _answer(session, event, await self.reload(line))
        else:
            await _abort(session, event)


async def _cancel(*tasks: asyncio.Future[Any]) -> None:
    """Cancels tasks, and retrieves their results so that no warning is logged."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _answer(session: CDPSession, event: dict[str, Any], document: Document) -> None:
    headers = [(name, value) for name, value in document.headers if name.lower() not in _DROPPED_HEADERS]
    headers.append(("Content-Security-Policy", _POLICY))
    await session.send(
        "Fetch.fulfillRequest",
        {
            "requestId": event["requestId"],
            "responseCode": document.status,
            "responseHeaders": [{"name": name, "value": value} for name, value in headers],
            "body": base64.b64encode(document.body).decode(),
        },
    )


async def _abort(session: CDPSession, event: dict[str, Any]) -> None:
    reason = {"requestId": event["requestId"], "errorReason": "BlockedByClient"}
    await session.send("Fetch.failRequest", reason)
