"""A download handler that renders marked requests in a browser, one page at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scrapy import Request
from scrapy.core.downloader.handlers.http11 import HTTP11DownloadHandler
from scrapy.downloadermiddlewares.httpcompression import HttpCompressionMiddleware
from scrapy.downloadermiddlewares.robotstxt import RobotsTxtMiddleware
from scrapy.exceptions import DownloadCancelledError, DownloadTimeoutError, IgnoreRequest
from scrapy.http import Headers, HtmlResponse, Response

from scrapers.browser.chromium import Chromium, Document, PageError, PageLimits, TooLargeError, TooSlowError
from scrapers.session.component import job_of
from storage.verdicts import RejectStage

if TYPE_CHECKING:
    from typing import Self

    from scrapy.crawler import Crawler

_NOT_RENDERED = (301, 302, 303, 307, 308, 404, 410, 429)


class RefusedPage(IgnoreRequest):
    """The browser could not render a page; the message is the reason for `rejects`."""


class RenderingHandler(HTTP11DownloadHandler):
    """Fetches every request as Scrapy does, and has the browser run the scripts of marked ones.

    An address that a script navigates to is a redirect like any other: Scrapy requests it after robots.txt
    and the guard have allowed it, with the headers for its server.
    """

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        self.crawler = crawler
        self.job = job_of(crawler)
        self.browser = Chromium(allow_private=self.job.allow_private)
        self.unpacking = HttpCompressionMiddleware.from_crawler(crawler)
        self.closed = False

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """One handler, with one browser, for http and https."""
        handler: Self | None = getattr(crawler, "_rendering", None)
        if handler is None:
            handler = cls(crawler)
            crawler._rendering = handler  # type: ignore[attr-defined]
        return handler

    async def close(self) -> None:
        """Ends the browser, once."""
        if not self.closed:
            self.closed = True
            await self.browser.close()
            await super().close()

    async def download_request(self, request: Request) -> Response:
        """The page after its scripts ran.

        :raises RefusedPage: where the browser cannot render it.
        :raises DownloadCancelledError: where it is larger than the limit.
        :raises DownloadTimeoutError: where it is not there in time.
        """
        if not request.meta.get("render"):
            return await super().download_request(request)
        response = await self._fetch(request)
        if response.status in _NOT_RENDERED or not isinstance(response, HtmlResponse):
            return response
        try:
            return await self._render(request, response)
        except TooLargeError:
            raise DownloadCancelledError from None
        except TooSlowError:
            raise DownloadTimeoutError from None
        except PageError as error:
            raise RefusedPage(str(error)) from None

    async def _fetch(self, request: Request) -> Response:
        response = await super().download_request(request)
        unpacked = self.unpacking.process_response(request, response)
        return unpacked if isinstance(unpacked, Response) else response

    async def _render(self, request: Request, response: Response) -> Response:
        limits = self.job.store.limits
        bounds = PageLimits(limits.page_bytes, min(limits.html_bytes, limits.page_bytes), limits.timeout_s)

        async def reload(cookies: str) -> Document:
            again = request.copy()
            if cookies:
                own = request.headers.get("Cookie") or b""
                again.headers["Cookie"] = b"; ".join(filter(None, [own, cookies.encode()]))
            return _document(await self._fetch(again))

        page = await self.browser.render(_document(response), bounds, may_load=self._may_load, reload=reload)
        self._note_refused(request.url, page.refused)
        if page.redirect:
            return Response(request.url, 302, {"Location": page.redirect}, request=request)
        headers = Headers(response.headers)
        headers["Content-Type"] = "text/html; charset=utf-8"
        return HtmlResponse(page.url, response.status, headers, page.body, request=request, encoding="utf-8")

    async def _may_load(self, url: str) -> bool:
        robots = self.crawler.get_downloader_middleware(RobotsTxtMiddleware)
        try:
            if robots is not None:
                await robots.process_request(Request(url))
        except IgnoreRequest:
            return False
        return True

    def _note_refused(self, url: str, refused: dict[str, str]) -> None:
        """Notes each refused request of the page's scripts as a reject."""
        for sentence in refused.values():
            self.job.stats.reject(url, RejectStage.FETCH, f"A script on it was refused: {sentence}")


def _document(response: Response) -> Document:
    headers = [
        (name.decode("latin-1"), value.decode("latin-1"))
        for name, values in response.headers.items()
        for value in values
    ]
    return Document(response.url, response.status, headers, response.body)
