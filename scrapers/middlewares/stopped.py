"""Drops requests of a crawl that was stopped, and requests to a host that was given up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scrapy.exceptions import IgnoreRequest

from scrapers.session.component import JobComponent

if TYPE_CHECKING:
    from scrapy import Request


class Stopped(IgnoreRequest):
    """A request that was not made because the crawl ended."""


class GivenUp(IgnoreRequest):
    """A request that was not made because its host refuses all requests; the message is the reason."""


class StoppedMiddleware(JobComponent):
    """Drops requests, such as retries, that would otherwise wait for their turn and keep the crawl open."""

    def process_request(self, request: Request) -> None:
        """:raises Stopped: where the crawl was stopped.
        :raises GivenUp: where the request's host was given up.
        """
        job = self.job
        if job.stats.stopped:
            raise Stopped("the crawl ended before its turn came")
        if job.given_up:
            reason = job.given_up.get(self.crawler.engine.downloader.get_slot_key(request))
            if reason:
                raise GivenUp(reason)
