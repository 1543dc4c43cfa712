"""Scrapy's downloader, with downloads that can be cancelled."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from scrapy.core import downloader

from scrapers.middlewares.stopped import Stopped

if TYPE_CHECKING:
    from scrapy import Request
    from scrapy.crawler import Crawler
    from scrapy.http import Response


class Downloader(downloader.Downloader):
    """Can cancel running downloads; Scrapy itself waits for each response until its timeout."""

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        self.downloads: set[asyncio.Task[Response]] = set()

    def give_up(self) -> None:
        """Cancels the running downloads."""
        for download in self.downloads:
            download.cancel()

    async def _download(self, slot: downloader.Slot, request: Request) -> Response:
        # Here and not in the task, which begins later: until then the slot would seem to be free.
        slot.transferring.add(request)
        download = asyncio.ensure_future(super()._download(slot, request))
        self.downloads.add(download)
        download.add_done_callback(self.downloads.discard)
        try:
            return await download
        except asyncio.CancelledError:
            slot.transferring.discard(request)
            raise Stopped("the crawl ended before the answer was there") from None
