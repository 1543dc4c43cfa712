"""No request is made for a crawl that has been stopped, nor to a host that has been given up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scrapy.exceptions import IgnoreRequest

from scrapers.session.job import check_job, job_of

if TYPE_CHECKING:
    from typing import Self

    from scrapy import Request
    from scrapy.crawler import Crawler


class Stopped(IgnoreRequest):
    """A request that was not made because the crawl ended before."""


class GivenUp(IgnoreRequest):
    """A request that was not made because its host refuses all; the message is the reason."""


class StoppedMiddleware:
    """Refuses what would otherwise wait for its turn, as a retry does, and keep the crawl open."""

    def __init__(self, crawler: Crawler) -> None:
        self.crawler = crawler

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        check_job(crawler)
        return cls(crawler)

    def process_request(self, request: Request) -> None:
        """:raises Stopped: where the crawl was stopped.
        :raises GivenUp: where the request's host was given up.
        """
        job = job_of(self.crawler)
        if job.ledger.stopped:
            raise Stopped("the crawl ended before its turn came")
        if job.given_up:
            reason = job.given_up.get(self.crawler.engine.downloader.get_slot_key(request))
            if reason:
                raise GivenUp(reason)
