"""The download handler that has marked requests rendered by a browser, one page at a time."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from playwright.async_api import Error as PlaywrightError
from playwright.async_api import Page
from playwright.async_api import TimeoutError as PlaywrightTimeoutError
from scrapy.exceptions import DownloadCancelledError, DownloadFailedError, DownloadTimeoutError
from scrapy_playwright.handler import ScrapyPlaywrightDownloadHandler
from scrapy_playwright.page import PageMethod

from scrapers.browser import launch_options
from scrapers.extract.page import same_site
from scrapers.guarded_proxy import GuardedProxy
from scrapers.job import job_of
from scrapers.middlewares.guard import RefusedRequest

if TYPE_CHECKING:
    from typing import Self

    from playwright.async_api import Request as PageRequest
    from scrapy import Request
    from scrapy.crawler import Crawler
    from scrapy.http import Response

logger = logging.getLogger(__name__)

SETTLE_S = 5.0
"""How long a page may go on asking for things after it was loaded, before it is read as it is."""
NOT_LOADED = frozenset({"image", "media", "font"})
_CLOSING_S = 5.0
_LENGTH = "() => document.documentElement ? document.documentElement.outerHTML.length : 0"


class RenderingHandler(ScrapyPlaywrightDownloadHandler):
    """Renders in one browser behind a guarded proxy; all other requests take Scrapy's own way."""

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        self.job = job_of(crawler)
        self.proxy = GuardedProxy(allow_private=self.job.allow_private)
        # One page at a time bounds the browser's memory, and tells whose bytes pass through the proxy.
        self.turn = asyncio.Lock()
        self.closed = False

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """One handler, with one browser, for http and https."""
        handler: Self | None = getattr(crawler, "_rendering", None)
        if handler is None:
            handler = cls(crawler)
            crawler._rendering = handler  # type: ignore[attr-defined]
        return handler

    async def _launch(self) -> None:
        await self.proxy.start()
        self.config.launch_options = launch_options(self.config.launch_options, self.proxy.url)
        await super()._launch()

    async def close(self) -> None:
        """Ends the browser and the proxy, once."""
        if not self.closed:
            self.closed = True
            await super().close()
            await self.proxy.stop()

    async def download_request(self, request: Request) -> Response:
        """The page as the browser has it after its scripts ran.

        :raises RefusedRequest: where it leads to a private address.
        :raises DownloadCancelledError: where it is larger than the limit.
        :raises DownloadTimeoutError: where it is not there in time.
        """
        if not request.meta.get("playwright"):
            return await super().download_request(request)
        limits = self.job.store.limits
        # All that a page loads, scripts and data included, is bounded as one page; what comes of it as HTML.
        longest = min(limits.html_bytes, limits.page_bytes)
        request.meta["playwright_page_goto_kwargs"] = {"timeout": 1000 * limits.timeout_s}
        request.meta["playwright_page_methods"] = [PageMethod(_settled, longest)]
        async with self.turn:
            self.proxy.begin_page(limits.page_bytes)
            try:
                async with asyncio.timeout(limits.timeout_s + 2 * SETTLE_S):
                    response = await super().download_request(request)
            except (TimeoutError, PlaywrightTimeoutError):
                raise DownloadTimeoutError from None
            except PlaywrightError as error:
                self._raise_refusal(request)
                if self.proxy.used_up:
                    raise DownloadCancelledError from None
                raise DownloadFailedError(error.message.partition("\n")[0][:200]) from None
            finally:
                await self._close_pages()
                self._note_refused(request)
        if response.status == 403:
            self._raise_refusal(request)
        if self.proxy.used_up or len(response.body) > longest:
            raise DownloadCancelledError
        return response

    def _raise_refusal(self, request: Request) -> None:
        refused = self.proxy.refused.get(urlsplit(request.url).hostname or "")
        if refused:
            raise RefusedRequest(refused)

    def _note_refused(self, request: Request) -> None:
        """What the page's scripts were refused is a reject each; the page itself is one where it is read."""
        own = urlsplit(request.url).hostname
        for host, sentence in self.proxy.refused.items():
            if host != own:
                self.job.ledger.reject(request.url, "fetch", f"A script on it was refused: {sentence}")

    async def _close_pages(self) -> None:
        """Closes what a page left open; where even that hangs, ends the browser; the next page starts one."""
        try:
            async with asyncio.timeout(_CLOSING_S):
                for wrapper in list(self.context_wrappers.values()):
                    for page in wrapper.context.pages:
                        await page.close()
        except (TimeoutError, PlaywrightError):
            with contextlib.suppress(TimeoutError, PlaywrightError):
                async with asyncio.timeout(_CLOSING_S):
                    await self.browser.close()


async def settled(page: Page, max_bytes: int) -> bool:
    """Waits until a page asks for nothing more, or for long enough; false where it grew without end."""
    with contextlib.suppress(PlaywrightTimeoutError):
        await page.wait_for_load_state("networkidle", timeout=1000 * SETTLE_S)
    return bool(await page.evaluate(_LENGTH) <= max_bytes)


async def _settled(page: Page, max_bytes: int) -> None:
    if not await settled(page, max_bytes):
        raise DownloadCancelledError


def not_loaded(request: PageRequest) -> bool:
    """Whether something on a page is not needed to read it."""
    return request.resource_type in NOT_LOADED


async def headers_of(
    *, browser_type_name: str, playwright_request: PageRequest, scrapy_request_data: dict[str, Any]
) -> dict[str, str]:
    """The headers of what a page asks for; the crawl's own go to the store only, to no frame of others."""
    headers = await playwright_request.all_headers()
    own: dict[str, str] = scrapy_request_data["headers"].to_unicode_dict()
    if playwright_request.is_navigation_request() and same_site(
        playwright_request.url, scrapy_request_data["url"]
    ):
        return {**headers, **{name.lower(): value for name, value in own.items()}}
    return {**headers, "user-agent": own.get("user-agent") or headers.get("user-agent", "")}
