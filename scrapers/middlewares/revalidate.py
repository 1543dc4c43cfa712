"""A page read before is asked for with its ETag, so that an unchanged one comes without a body."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scrapers.session.job import check_job, job_of

if TYPE_CHECKING:
    from typing import Self

    from scrapy import Request
    from scrapy.crawler import Crawler

NOT_MODIFIED = 304


class RevalidateMiddleware:
    """Adds `If-None-Match` and `If-Modified-Since` to requests whose meta says `revalidate`."""

    def __init__(self, crawler: Crawler) -> None:
        self.crawler = crawler

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        check_job(crawler)
        return cls(crawler)

    def process_request(self, request: Request) -> None:
        """Adds the headers where an earlier answer gave them."""
        if not request.meta.get("revalidate"):
            return
        address = request.url if "redirect_urls" in request.meta else request.meta.get("address", request.url)
        known = job_of(self.crawler).memory.fetches.get(address)
        if known is None:
            return
        if known.etag:
            request.headers.setdefault("If-None-Match", known.etag)
        if known.last_modified:
            request.headers.setdefault("If-Modified-Since", known.last_modified)
