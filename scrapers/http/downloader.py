"""Scrapy's downloader, with downloads that can be cancelled and a limit of connections that holds."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from scrapy.core import downloader

from scrapers.middlewares.stopped import Stopped

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from scrapy import Request
    from scrapy.crawler import Crawler
    from scrapy.http import Response
    from twisted.internet.defer import Deferred


class Downloader(downloader.Downloader):
    """Can cancel running downloads, and never exceeds a slot's concurrency.

    Scrapy itself waits for each response until its timeout. It counts a download once its task runs, so that
    several requests can leave the queue for one free connection.
    """

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        self.downloads: set[asyncio.Task[Response]] = set()

    def give_up(self) -> None:
        """Cancels the running downloads."""
        for download in self.downloads:
            download.cancel()

    def _wait_for_download(
        self, slot: downloader.Slot, request: Request, queue_dfd: Deferred[Response]
    ) -> Coroutine[Any, Any, None]:
        # Counted when it leaves the queue, before its task runs.
        slot.transferring.add(request)
        return super()._wait_for_download(slot, request, queue_dfd)

    async def _download(self, slot: downloader.Slot, request: Request) -> Response:
        download = asyncio.ensure_future(super()._download(slot, request))
        self.downloads.add(download)
        download.add_done_callback(self.downloads.discard)
        try:
            return await download
        except asyncio.CancelledError:
            slot.transferring.discard(request)
            raise Stopped("the crawl ended before the answer was there") from None
