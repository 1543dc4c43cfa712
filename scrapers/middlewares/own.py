"""What a store's entry says to send: its headers to the store alone, and everything through its proxy."""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from scrapers.extract.page import same_site
from scrapers.job import check_job, job_of

if TYPE_CHECKING:
    from typing import Self

    from scrapy import Request
    from scrapy.crawler import Crawler


class OwnHeadersMiddleware:
    """Adds the headers of the store's entry to requests to its site, and takes them from all others.

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
        job = job_of(self.crawler)
        for name, value in job.headers.items():
            request.headers.pop(name, None)
            if same_site(request.url, job.store.url):
                request.headers[name] = value


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
        job = job_of(self.crawler)
        if job.proxy is None:
            return
        parts = urlsplit(job.proxy)
        request.meta["proxy"] = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
        if parts.username:
            told = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
            request.headers["Proxy-Authorization"] = b"Basic " + b64encode(told.encode())
