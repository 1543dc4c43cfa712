"""The pace of a crawl: as fast as the store answers, with the delay of its robots.txt up to a limit."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from scrapy import signals
from scrapy.extensions.throttle import AutoThrottle
from scrapy.utils.httpobj import urlparse_cached

from scrapers.http.addresses import origin_of
from scrapers.session import crawl_stats
from scrapers.session.component import job_of

if TYPE_CHECKING:
    from typing import Self

    from scrapy import Request
    from scrapy.core.downloader import Slot
    from scrapy.crawler import Crawler
    from scrapy.http import Response
    from scrapy.robotstxt import RobotParser

logger = logging.getLogger(__name__)


class CrawlDelay:
    """Applies the `Crawl-delay` of robots.txt, which Scrapy reads but does not act on."""

    def __init__(self, crawler: Crawler) -> None:
        self.crawler = crawler
        self.user_agent = crawler.settings["USER_AGENT"]

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        extension = cls(crawler)
        crawler.signals.connect(extension.robots_parsed, signal=signals.robots_parsed)
        return extension

    def robots_parsed(self, robotparser: RobotParser, request: Request) -> None:
        """Sends one request at a time to this host from now on, with the requested delay between them."""
        requested = float(robotparser.crawl_delay(self.user_agent) or 0)
        if not requested > 0:  # false for NaN as well
            return
        host = urlparse_cached(request).hostname or ""
        downloader = self.crawler.engine.downloader
        settings = self.crawler.settings
        delay = max(min(requested, settings.getfloat("CRAWL_DELAY_MAX")), settings.getfloat("DOWNLOAD_DELAY"))
        self._note(host, requested, delay)
        # No jitter: with it, a third of the delays would be shorter than requested. The per-slot settings
        # still apply when Scrapy drops an idle slot and makes a new one.
        downloader.per_slot_settings[host] = {"delay": delay, "concurrency": 1, "jitter": 0}
        slot = downloader.slots.get(host)
        if slot is not None:
            slot.delay, slot.concurrency, slot.jitter = delay, 1, 0.0
        logger.info("robots.txt of %s asks for %g s between requests; %g s are kept", host, requested, delay)

    def _note(self, host: str, requested: float, kept: float) -> None:
        """Notes the delay for the crawl's row, if the host is the store's own server."""
        if not hasattr(self.crawler.spider, "job"):
            return
        job = job_of(self.crawler)
        if host == origin_of(job.store.url).host:
            job.stats.crawl_delay = crawl_stats.CrawlDelay(host, requested, kept, job.store.limits.seconds)


class PoliteThrottle(AutoThrottle):
    """Scrapy's AutoThrottle, which by itself would shorten a crawl-delay to the server's latency."""

    def _adjust_delay(self, slot: Slot, latency: float, response: Response) -> None:
        super()._adjust_delay(slot, latency, response)
        host = urlparse_cached(response).hostname or ""
        requested = self.crawler.engine.downloader.per_slot_settings.get(host, {}).get("delay", 0.0)
        slot.delay = max(slot.delay, requested)
