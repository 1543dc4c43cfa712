"""Ends a crawl early, without waiting for requests that are held back by the crawl's pace."""

from __future__ import annotations

import logging
import signal
from typing import TYPE_CHECKING, Any, cast

from scrapy.utils.asyncio import call_later
from scrapy.utils.defer import _schedule_coro
from twisted.python.failure import Failure

from scrapers.http.downloader import Downloader
from scrapers.middlewares.stopped import GivenUp, Stopped
from scrapers.session.component import JobComponent, job_of
from storage import verdicts

if TYPE_CHECKING:
    from scrapy import Spider
    from scrapy.core.downloader import Slot
    from scrapy.crawler import Crawler

logger = logging.getLogger(__name__)

WIND_UP_S = 4.0
"""Time that running requests, and pages and photos being read, have when a crawl is ended."""


class Interrupts(JobComponent):
    """Ends the crawl in good order on Ctrl-C or SIGTERM, and at once on the second one.

    Scrapy itself would first wait for all requests that the pace holds back.
    """

    listens_to = ("spider_opened",)

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        self.replaced_handlers: dict[int, Any] = {}

    def spider_opened(self) -> None:
        """Replaces Scrapy's own handlers, which it installs before the spider is opened."""
        for number in (signal.SIGINT, signal.SIGTERM):
            self.replaced_handlers[number] = signal.signal(number, self._interrupted)

    def _interrupted(self, number: int, frame: object) -> None:
        from twisted.internet import reactor

        for replaced, handler in self.replaced_handlers.items():
            signal.signal(replaced, handler)
        reactor.callFromThread(stop, self.crawler, "The crawl was interrupted.", verdicts.Failure.INTERRUPTED)


class TimeBudget(JobComponent):
    """Stops the crawl after `Limits.seconds`; the next crawl reads the rest."""

    listens_to = ("spider_opened", "spider_closed")

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        self.call: object | None = None

    def spider_opened(self, spider: Spider) -> None:
        """Starts the clock."""
        seconds = self.job.store.limits.seconds
        self.call = call_later(seconds, self._out_of_time, seconds)

    def spider_closed(self, spider: Spider) -> None:
        """Stops the clock."""
        if self.call is not None:
            self.call.cancel()  # type: ignore[attr-defined]
            self.call = None

    def _out_of_time(self, seconds: float) -> None:
        self.call = None
        reason = f"The crawl was stopped at its limit of {seconds:g} seconds."
        stop(self.crawler, reason, verdicts.Failure.OUT_OF_TIME)


def stop(crawler: Crawler, reason: str, cause: verdicts.Failure | None = None) -> None:
    """Ends a crawl now: drops waiting requests, and gives running ones `WIND_UP_S` to finish.

    :param reason: a sentence for the crawl's row in `crawls`.
    :param cause: what to call it; None if the statistics have it already.
    """
    stats = job_of(crawler).stats
    if stats.stopped:
        return
    stats.stopped, stats.cause = reason, cause or stats.cause
    logger.warning(reason)
    for slot in crawler.engine.downloader.slots.values():
        _drop(slot, Stopped("the crawl ended before its turn came"))
    _schedule_coro(crawler.engine.close_spider_async(reason="stopped"))
    call_later(WIND_UP_S, _give_up_all, crawler)


def _give_up_all(crawler: Crawler) -> None:
    """Gives up running downloads and reads, so that the rest can be written."""
    cast(Downloader, crawler.engine.downloader).give_up()
    for worker in job_of(crawler).workers:
        worker.end()


def give_up(crawler: Crawler, host: str, reason: str) -> None:
    """Makes no more requests to a host, and lets the waiting ones fail.

    :param host: the name of its slot in the downloader.
    :param reason: why, for `rejects`.
    """
    job_of(crawler).given_up[host] = reason
    logger.warning("%s gets no more requests: %s", host, reason)
    slot = crawler.engine.downloader.slots.get(host)
    if slot is not None:
        _drop(slot, GivenUp(reason))


def _drop(slot: Slot, error: Exception) -> None:
    while slot.queue:
        _, waiting = slot.queue.popleft()
        waiting.errback(Failure(error))
