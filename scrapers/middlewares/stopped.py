"""No request is made for a crawl that has been stopped."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scrapy.exceptions import IgnoreRequest

from scrapers.job import job_of

if TYPE_CHECKING:
    from typing import Self

    from scrapy import Request
    from scrapy.crawler import Crawler


class Stopped(IgnoreRequest):
    """A request that was not made because the crawl ended before."""


class StoppedMiddleware:
    """Refuses what would otherwise wait for its turn, as a retry does, and keep the crawl open."""

    def __init__(self, crawler: Crawler) -> None:
        self.crawler = crawler

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        return cls(crawler)

    def process_request(self, request: Request) -> None:
        """:raises Stopped: where the crawl was stopped."""
        if job_of(self.crawler).ledger.stopped:
            raise Stopped("the crawl ended before its turn came")
