"""Ends a crawl early, without waiting for requests that the pace of the crawl holds back."""

from __future__ import annotations

import logging
import signal
from typing import TYPE_CHECKING, Any, cast

from scrapy import signals
from scrapy.utils.asyncio import call_later
from scrapy.utils.defer import _schedule_coro
from twisted.python.failure import Failure

from scrapers.http.downloader import Downloader
from scrapers.middlewares.stopped import GivenUp, Stopped
from scrapers.session.job import check_job, job_of

if TYPE_CHECKING:
    from typing import Self

    from scrapy import Spider
    from scrapy.core.downloader import Slot
    from scrapy.crawler import Crawler

logger = logging.getLogger(__name__)

WIND_UP_S = 4.0
"""Time for what is on its way when a crawl is ended: requests, and pages and photos that are read."""


class Interrupts:
    """Ends the crawl in good order when it is asked to, by Ctrl-C or SIGTERM; asked again, it ends at once.

    Scrapy alone would first wait for all requests that the pace holds back.
    """

    def __init__(self, crawler: Crawler) -> None:
        self.crawler = crawler
        self.before: dict[int, Any] = {}

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        check_job(crawler)
        extension = cls(crawler)
        crawler.signals.connect(extension.spider_opened, signal=signals.spider_opened)
        return extension

    def spider_opened(self) -> None:
        """Takes the place of Scrapy's own handlers, which were there before the spider was opened."""
        for number in (signal.SIGINT, signal.SIGTERM):
            self.before[number] = signal.signal(number, self._interrupted)

    def _interrupted(self, number: int, frame: object) -> None:
        from twisted.internet import reactor

        for known, handler in self.before.items():
            signal.signal(known, handler)
        reactor.callFromThread(stop, self.crawler, "The crawl was interrupted.")


class TimeBudget:
    """Stops the crawl after `Limits.seconds`; what is half read then is left for the next crawl."""

    def __init__(self, crawler: Crawler) -> None:
        self.crawler = crawler
        self.call: object | None = None

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        check_job(crawler)
        extension = cls(crawler)
        crawler.signals.connect(extension.spider_opened, signal=signals.spider_opened)
        crawler.signals.connect(extension.spider_closed, signal=signals.spider_closed)
        return extension

    def spider_opened(self, spider: Spider) -> None:
        """Starts the clock."""
        seconds = spider.job.store.limits.seconds  # type: ignore[attr-defined]
        self.call = call_later(seconds, self._out_of_time, seconds)

    def spider_closed(self, spider: Spider) -> None:
        """Stops the clock."""
        if self.call is not None:
            self.call.cancel()  # type: ignore[attr-defined]
            self.call = None

    def _out_of_time(self, seconds: float) -> None:
        self.call = None
        stop(self.crawler, f"The crawl was stopped at its limit of {seconds:g} seconds.")


def stop(crawler: Crawler, reason: str) -> None:
    """Ends a crawl now: requests that wait for their turn are given up, those on their way have `WIND_UP_S`.

    :param reason: a sentence for the crawl's row in `crawls`.
    """
    ledger = job_of(crawler).ledger
    if ledger.stopped:
        return
    ledger.stopped = reason
    logger.warning(reason)
    for slot in crawler.engine.downloader.slots.values():
        _drop(slot, Stopped("the crawl ended before its turn came"))
    _schedule_coro(crawler.engine.close_spider_async(reason="stopped"))
    call_later(WIND_UP_S, _give_up_all, crawler)


def _give_up_all(crawler: Crawler) -> None:
    """Gives up what is still downloaded or read, so that what is there can be written."""
    cast(Downloader, crawler.engine.downloader).give_up()
    for worker in job_of(crawler).workers:
        worker.end()


def give_up(crawler: Crawler, host: str, reason: str) -> None:
    """Makes no more requests to a host; those that wait for their turn fail.

    :param host: the name of its slot in the downloader.
    :param reason: why, for `rejects`.
    """
    job_of(crawler).given_up[host] = reason
    logger.warning("%s is asked for nothing more: %s", host, reason)
    slot = crawler.engine.downloader.slots.get(host)
    if slot is not None:
        _drop(slot, GivenUp(reason))


def _drop(slot: Slot, error: Exception) -> None:
    while slot.queue:
        _, waiting = slot.queue.popleft()
        waiting.errback(Failure(error))
