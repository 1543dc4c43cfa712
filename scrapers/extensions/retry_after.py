"""A store that says 429 or 503 is left alone for as long as it asks."""

from __future__ import annotations

import email.utils
import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from scrapy import signals
from scrapy.utils.asyncio import call_later

if TYPE_CHECKING:
    from typing import Self

    from scrapy import Request
    from scrapy.core.downloader import Slot
    from scrapy.crawler import Crawler
    from scrapy.http import Response

logger = logging.getLogger(__name__)

_DOWN = 503
_BUSY = (429, _DOWN)
_FIRST_PAUSE_S = 1.0
_PATIENCE_S = 3.0


class RetryAfter:
    """Holds back every request to a host, new and waiting ones, until the pause it asked for is over.

    Scrapy's own retry then tries again. Without a `Retry-After` header the pause doubles with every refusal.
    The downloader sends the next request before any middleware sees an answer, so this listens to its signal.
    """

    def __init__(self, crawler: Crawler) -> None:
        self.crawler = crawler
        self.longest_s = crawler.settings.getfloat("RETRY_AFTER_MAX")
        self.refusals: dict[str, int] = {}
        self.answered: set[str] = set()

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        extension = cls(crawler)
        crawler.signals.connect(extension.response_downloaded, signal=signals.response_downloaded)
        return extension

    def response_downloaded(self, response: Response, request: Request) -> None:
        """Pauses a host that is busy."""
        host = request.meta["download_slot"]
        if response.status not in _BUSY:
            self.refusals.pop(host, None)
            self.answered.add(host)
            return
        refusals = self.refusals[host] = self.refusals.get(host, 0) + 1
        asked = retry_after_s(response.headers.get("Retry-After"))
        wait = asked if asked is not None else _FIRST_PAUSE_S * 2 ** min(refusals - 1, 16)
        if response.status == _DOWN and host not in self.answered and wait > _PATIENCE_S:
            # The store is closed, as for maintenance: nothing is gained by waiting with a crawl that has not
            # begun. It fails, and is tried again later as a whole.
            request.meta["dont_retry"] = True
            return
        self._pause(host, min(wait, self.longest_s), response.status)

    def _pause(self, host: str, wait: float, status: int) -> None:
        downloader = self.crawler.engine.downloader
        slot: Slot | None = downloader.slots.get(host)
        if slot is None or wait <= 0:
            return
        if slot.latercall is not None:
            slot.latercall.cancel()
        # What the downloader itself does for a delay: nothing leaves the slot until the call comes.
        slot.latercall = call_later(wait, downloader._latercall, slot)
        logger.info("%s answered %d: pausing for %g s", host, status, wait)


def retry_after_s(header: bytes | None) -> float | None:
    """The seconds a `Retry-After` header asks for, as a number or a date; None where it says nothing."""
    if not header:
        return None
    text = header.decode("latin-1").strip()
    if text.isascii() and text.isdigit():
        return float(text)
    try:
        date = email.utils.parsedate_to_datetime(text)
    except ValueError:
        return None
    if date.tzinfo is None:
        date = date.replace(tzinfo=UTC)
    return max(0.0, (date - datetime.now(UTC)).total_seconds())
