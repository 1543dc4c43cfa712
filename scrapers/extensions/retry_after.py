"""Pauses requests to a store that answers 429 or 503, for as long as it asks."""

from __future__ import annotations

import email.utils
import logging
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from scrapy import signals
from scrapy.utils.asyncio import call_later

from scrapers.extensions.budget import give_up

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
_CLOSED_S = 10.0
"""Longest wait for a store that answers only 503 and sends no Retry-After."""


@dataclass(slots=True)
class _Refusal:
    """A host that answers nothing but 429 and 503.

    :ivar until: when the present pause ends.
    :ivar pauses: how many pauses there were.
    """

    since: float
    urls: set[str] = field(default_factory=set)
    until: float = 0.0
    pauses: int = 0


class RetryAfter:
    """Holds back all requests to a host, new and waiting ones, until the requested pause is over.

    Scrapy's own retry then tries again. The pause doubles while the host answers nothing else, and after
    `Limits.patience_s` its requests are dropped.

    The downloader sends the next request before any middleware sees an answer, so this listens to its signal.
    """

    def __init__(self, crawler: Crawler) -> None:
        self.crawler = crawler
        self.longest_s = crawler.settings.getfloat("RETRY_AFTER_MAX")
        self.patience_s = crawler.settings.getfloat("RETRY_AFTER_PATIENCE")
        self.refusing: dict[str, _Refusal] = {}
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
            self.refusing.pop(host, None)
            self.answered.add(host)
            return
        now = time.monotonic()
        refusal = self.refusing.setdefault(host, _Refusal(now))
        refusal.urls.add(request.url)
        if host not in self.answered or len(refusal.urls) > 1:
            # The host refuses, not only this page: the attempt does not count.
            request.meta["retry_times"] = request.meta.get("retry_times", 0) - 1
        if now < refusal.until:
            return  # sent before the pause began
        requested = retry_after_s(response.headers.get("Retry-After"))
        # A store that refuses again after the pause it asked for needs a longer one.
        own = _FIRST_PAUSE_S * 2 ** min(refusal.pauses, 16) if requested is None or refusal.pauses else 0.0
        wait = min(max(requested or 0.0, own), self.longest_s)
        closed = response.status == _DOWN and requested is None and host not in self.answered
        if now + wait - refusal.since > (min(self.patience_s, _CLOSED_S) if closed else self.patience_s):
            request.meta["dont_retry"] = True
            give_up(self.crawler, host, f"its host answers nothing but {response.status}")
            return
        refusal.until, refusal.pauses = now + wait, refusal.pauses + 1
        self._pause(host, wait, response.status)

    def _pause(self, host: str, wait: float, status: int) -> None:
        downloader = self.crawler.engine.downloader
        slot: Slot | None = downloader.slots.get(host)
        if slot is None or wait <= 0:
            return
        if slot.latercall is not None:
            slot.latercall.cancel()
        # The downloader delays requests the same way: nothing leaves the slot before this call.
        slot.latercall = call_later(wait, downloader._latercall, slot)
        logger.info("%s answered %d: pausing for %g s", host, status, wait)


def retry_after_s(header: bytes | None) -> float | None:
    """The seconds that a `Retry-After` header asks for, as a number or a date; None if it is missing."""
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
