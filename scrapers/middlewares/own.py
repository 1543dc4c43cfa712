"""What a store's entry says to send: its headers to its own servers, and everything through its proxy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scrapers.session.job import check_job, job_of

if TYPE_CHECKING:
    from typing import Self

    from scrapy import Request
    from scrapy.crawler import Crawler


class OwnHeadersMiddleware:
    """Adds the headers of the store's entry to requests to its own servers, and takes them from all others.

    A redirect, or a photo on somebody else's server, must not carry the store's secrets there.
    """

    def __init__(self, crawler: Crawler) -> None:
        self.crawler = crawler

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        check_job(crawler)
        return cls(crawler)

    def process_request(self, request: Request) -> None:
        """Sets or removes them."""
        credentials = job_of(self.crawler).credentials
        for name in credentials.headers:
            request.headers.pop(name, None)
        request.headers.update(credentials.headers_for(request.url))


class OwnProxyMiddleware:
    """Sends every request through the proxy of the store's entry."""

    def __init__(self, crawler: Crawler) -> None:
        self.crawler = crawler

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        check_job(crawler)
        return cls(crawler)

    def process_request(self, request: Request) -> None:
        """Names the proxy, and who we are to it."""
        credentials = job_of(self.crawler).credentials
        if credentials.proxy is None:
            return
        request.meta["proxy"] = credentials.proxy_address
        if credentials.proxy_authorization:
            request.headers["Proxy-Authorization"] = credentials.proxy_authorization.get_secret_value()
