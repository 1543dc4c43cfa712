"""A store that says 429 or 503 is left alone for as long as it asks."""

from __future__ import annotations

import asyncio
import email.utils
import logging
from datetime import UTC, datetime
from time import monotonic
from typing import TYPE_CHECKING

from scrapy.utils.httpobj import urlparse_cached

from scrapers.job import job_of

if TYPE_CHECKING:
    from typing import Self

    from scrapy import Request
    from scrapy.crawler import Crawler
    from scrapy.http import Response

logger = logging.getLogger(__name__)

_BUSY = (429, 503)
_FIRST_PAUSE_S = 1.0
_STEP_S = 1.0


class RetryAfterMiddleware:
    """Holds back every request to a host until the pause it asked for is over.

    Scrapy's own retry, which comes after, then tries again. Without a `Retry-After` header the pause doubles
    with every refusal.
    """

    def __init__(self, crawler: Crawler) -> None:
        self.crawler = crawler
        self.longest_s = crawler.settings.getfloat("RETRY_AFTER_MAX")
        self.until: dict[str, float] = {}
        self.refusals: dict[str, int] = {}

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        return cls(crawler)

    async def process_request(self, request: Request) -> None:
        """Waits until the host may be asked again."""
        host = urlparse_cached(request).hostname or ""
        while (wait := self.until.get(host, 0.0) - monotonic()) > 0 and self._running():
            # In short steps, so that a crawl that is to end does not have to wait for the pause.
            await asyncio.sleep(min(wait, _STEP_S))

    def process_response(self, request: Request, response: Response) -> Response:
        """Notes the pause a host asks for."""
        host = urlparse_cached(request).hostname or ""
        if response.status not in _BUSY:
            self.refusals.pop(host, None)
            return response
        refusals = self.refusals[host] = self.refusals.get(host, 0) + 1
        asked = retry_after_s(response.headers.get("Retry-After"))
        wait = asked if asked is not None else _FIRST_PAUSE_S * 2 ** min(refusals - 1, 16)
        wait = min(wait, self.longest_s)
        self.until[host] = max(self.until.get(host, 0.0), monotonic() + wait)
        logger.info("%s answered %d: pausing for %g s", host, response.status, wait)
        return response

    def _running(self) -> bool:
        engine = self.crawler.engine
        return bool(engine and engine.running and not job_of(self.crawler).ledger.stopped)


def retry_after_s(header: bytes | None) -> float | None:
    """The seconds a `Retry-After` header asks for, as a number or a date; None where it says nothing."""
    if not header:
        return None
    text = header.decode("latin-1").strip()
    if text.isdigit():
        return float(text)
    try:
        date = email.utils.parsedate_to_datetime(text)
    except ValueError:
        return None
    if date.tzinfo is None:
        date = date.replace(tzinfo=UTC)
    return max(0.0, (date - datetime.now(UTC)).total_seconds())
