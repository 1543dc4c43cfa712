"""The pace of a crawl: as quick as the store answers, never quicker than its robots.txt allows."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from scrapy import signals
from scrapy.extensions.throttle import AutoThrottle
from scrapy.utils.httpobj import urlparse_cached

from scrapers.addresses import origin_of
from scrapers.job import Job, job_of

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
        """One request at a time to this host from now on, this far apart."""
        asked = float(robotparser.crawl_delay(self.user_agent) or 0)
        if not asked > 0:  # nor where it is not a number
            return
        host = urlparse_cached(request).hostname or ""
        downloader = self.crawler.engine.downloader
        settings = self.crawler.settings
        delay = max(min(asked, settings.getfloat("CRAWL_DELAY_MAX")), settings.getfloat("DOWNLOAD_DELAY"))
        if hasattr(self.crawler.spider, "job"):
            _note_pace(job_of(self.crawler), host, asked, delay)
        # No jitter: a third of the waits would be shorter than what was asked for. The settings by slot hold
        # after Scrapy drops an idle slot and makes a new one.
        downloader.per_slot_settings[host] = {"delay": delay, "concurrency": 1, "jitter": 0}
        slot = downloader.slots.get(host)
        if slot is not None:
            slot.delay, slot.concurrency, slot.jitter = delay, 1, 0.0
        logger.info("robots.txt of %s asks for %g s between requests", host, delay)


def _note_pace(job: Job, host: str, asked: float, delay: float) -> None:
    """What the crawl's row says about a delay of the store's own server that was cut, or takes too long."""
    if host != origin_of(job.store.url).host:
        return
    limits = job.store.limits
    says = f"robots.txt of {host} asks for {asked:g} s between requests"
    if asked > delay:
        job.ledger.delay_cut = f"{says}, and {delay:g} s were kept (`crawl_delay_s` in its limits)."
    job.ledger.delay_s = delay
    job.ledger.pace = (
        f"{says}: at most {int(limits.seconds / delay) + 1} fit into the {limits.seconds:g} s of a crawl. "
        "Raise `seconds` in its limits, or ask its owner for a shorter delay."
    )


class PoliteThrottle(AutoThrottle):
    """Scrapy's AutoThrottle, which would otherwise shorten a crawl-delay to the latency of the server."""

    def _adjust_delay(self, slot: Slot, latency: float, response: Response) -> None:
        super()._adjust_delay(slot, latency, response)
        host = urlparse_cached(response).hostname or ""
        asked = self.crawler.engine.downloader.per_slot_settings.get(host, {}).get("delay", 0.0)
        slot.delay = max(slot.delay, asked)
