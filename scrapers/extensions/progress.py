"""Tells the process that started the crawl how far it is: a line of JSON on stdout every half second."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from scrapy import signals
from scrapy.exceptions import NotConfigured
from scrapy.utils.asyncio import create_looping_call

from scrapers.extensions.budget import stop
from scrapers.extensions.record import BUSY
from scrapers.session.job import check_job, job_of

if TYPE_CHECKING:
    from typing import Self

    from scrapy import Spider
    from scrapy.crawler import Crawler

_INTERVAL_S = 0.5


class ProgressLines:
    """Off unless the setting `PROGRESS_LINES` is true, so that a crawl by hand prints nothing but its log."""

    def __init__(self, crawler: Crawler) -> None:
        if not crawler.settings.getbool("PROGRESS_LINES"):
            raise NotConfigured
        self.crawler = crawler
        self.loop = create_looping_call(self._tick)

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        check_job(crawler)
        extension = cls(crawler)
        crawler.signals.connect(extension.spider_opened, signal=signals.spider_opened)
        crawler.signals.connect(extension.spider_closed, signal=signals.spider_closed)
        return extension

    def spider_opened(self, spider: Spider) -> None:
        """Starts to tell."""
        self.loop.start(_INTERVAL_S, now=False)

    def spider_closed(self, spider: Spider, reason: str) -> None:
        """Tells the last count, and whether the crawl was refused because another one runs."""
        if self.loop.running:
            self.loop.stop()
        self._tick()
        if reason == BUSY:
            self._print({"event": BUSY, "message": spider.job.ledger.broken})  # type: ignore[attr-defined]

    def _tick(self) -> None:
        job = job_of(self.crawler)
        stats = self.crawler.stats
        self._print(
            {
                "event": "progress",
                "store": job.store.name,
                "products": len(job.ledger.found),
                "expected": job.ledger.expected,
                "images_new": job.ledger.images_new,
                "requests": stats.get_value("downloader/request_count", 0),
            }
        )

    def _print(self, line: dict[str, object]) -> None:
        try:
            print(json.dumps(line), flush=True)
        except BrokenPipeError:
            # Nobody listens: the process that started us is gone, so end instead of crawling on unseen.
            sys.stdout = sys.stderr
            stop(self.crawler, "The crawl was interrupted: the process that started it ended.")
