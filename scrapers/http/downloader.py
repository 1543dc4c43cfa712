"""Scrapy's downloader, with downloads that can be given up."""

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
    """Scrapy itself waits for each answer until its timeout, also where the crawl's time is up."""

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        self.downloads: set[asyncio.Task[Response]] = set()

    def give_up(self) -> None:
        """Ends the downloads that are on their way."""
        for download in self.downloads:
            download.cancel()

    async def _download(self, slot: downloader.Slot, request: Request) -> Response:
        # At once, as Scrapy does: a task begins later, and until then the slot would seem to be free.
        slot.transferring.add(request)
        download = asyncio.ensure_future(super()._download(slot, request))
        self.downloads.add(download)
        download.add_done_callback(self.downloads.discard)
        try:
            return await download
        except asyncio.CancelledError:
            slot.transferring.discard(request)
            raise Stopped("the crawl ended before the answer was there") from None
