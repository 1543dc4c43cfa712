"""Reports progress to the process that started the crawl: a line of JSON on stdout every half second."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from scrapy.exceptions import NotConfigured
from scrapy.utils.asyncio import create_looping_call

from scrapers.extensions.budget import stop
from scrapers.extensions.record import BUSY
from scrapers.session.component import JobComponent
from storage.verdicts import Failure

if TYPE_CHECKING:
    from scrapy import Spider
    from scrapy.crawler import Crawler

_INTERVAL_S = 0.5


class ProgressLines(JobComponent):
    """Off unless the setting `PROGRESS_LINES` is true, so that a crawl by hand prints only its log."""

    listens_to = ("spider_opened", "spider_closed")

    def __init__(self, crawler: Crawler) -> None:
        if not crawler.settings.getbool("PROGRESS_LINES"):
            raise NotConfigured
        super().__init__(crawler)
        self.loop = create_looping_call(self._report)

    def spider_opened(self, spider: Spider) -> None:
        """Starts reporting."""
        self.loop.start(_INTERVAL_S, now=False)

    def spider_closed(self, spider: Spider, reason: str) -> None:
        """Reports the final counts, and whether the crawl was refused because another one is running."""
        if self.loop.running:
            self.loop.stop()
        self._report()
        if reason == BUSY:
            self._print({"event": BUSY, "message": self.job.stats.broken})

    def _report(self) -> None:
        job = self.job
        scrapy_stats = self.crawler.stats
        self._print(
            {
                "event": "progress",
                "store": job.store.name,
                "products": len(job.stats.found),
                "expected": job.stats.expected,
                "images_new": job.stats.images_new,
                "requests": scrapy_stats.get_value("downloader/request_count", 0),
            }
        )

    def _print(self, line: dict[str, object]) -> None:
        try:
            print(json.dumps(line), flush=True)
        except BrokenPipeError:
            # The process that started this one is gone, and nobody reads the progress: end the crawl.
            sys.stdout = sys.stderr
            reason = "The crawl was interrupted: the process that started it ended."
            stop(self.crawler, reason, Failure.INTERRUPTED)
