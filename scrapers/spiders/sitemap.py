"""Stores that list their product pages in a sitemap."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

from scrapy.spidermiddlewares.httperror import HttpError

from scrapers.extract.page import same_site
from scrapers.extract.sitemap import (
    USUAL_PLACES,
    UnreadableSitemap,
    of_products,
    read_sitemap,
    sitemaps_in_robots,
)
from scrapers.items import Photo, ProductItem
from scrapers.session.reject_reasons import reason_for
from scrapers.session.workers import WorkerError
from scrapers.spiders.lists import ListSpider
from storage.verdicts import RejectStage

if TYPE_CHECKING:
    from scrapy.http import Response
    from twisted.python.failure import Failure

MAX_DEPTH = 5
MAX_REJECTED_ADDRESSES = 1000
"""Addresses of one sitemap that are rejected one by one for the same reason."""


class SitemapSpider(ListSpider):
    """Follows the sitemaps that robots.txt names, or those in the usual places, to the product pages."""

    name = "sitemap"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.sitemaps: set[str] = set()
        self.photos_of: dict[str, tuple[str, ...]] = {}

    def first_requests(self) -> Iterator[Any]:
        """Requests the sitemap if the store's address is one, else robots.txt."""
        if urlsplit(self.job.store.url).path.lower().endswith((".xml", ".xml.gz", ".txt")):
            yield from self.request_sitemap(self.job.store.url)
            return
        for request in self.request(urljoin(self.base_url, "/robots.txt"), self.parse_robots):
            yield request.replace(errback=self.robots_failed)

    def parse_robots(self, response: Response) -> Iterator[Any]:
        """Requests the sitemaps that robots.txt names."""
        named = sitemaps_in_robots(response.text if hasattr(response, "text") else "", response.url)
        for url in named:
            yield from self.request_sitemap(url)
        if not named:
            yield from self.try_usual_place(0)

    def robots_failed(self, failure: Failure) -> Iterator[Any]:
        """Tries the usual places, unless the store is down."""
        error = failure.value
        if isinstance(error, HttpError) and error.response.status < 500:
            yield from self.try_usual_place(0)
        else:
            self.job.stats.gaps.append(f"{self.job.store.url}: {reason_for(error)}")

    def try_usual_place(self, number: int) -> Iterator[Any]:
        """Requests a sitemap in one of the usual places, one after the other."""
        if number == len(USUAL_PLACES):
            self.job.stats.gaps.append("robots.txt names no sitemap, and none is in the usual places")
            return
        url = urljoin(self.base_url, USUAL_PLACES[number])
        for request in self.request(url, self.parse_sitemap):
            yield request.replace(errback=lambda _: self.try_usual_place(number + 1))

    def request_sitemap(self, url: str, depth: int = 0) -> Iterator[Any]:
        """Requests a sitemap, each once: some name themselves."""
        if url not in self.sitemaps and depth <= MAX_DEPTH:
            self.sitemaps.add(url)
            yield from self.request(url, self.parse_sitemap, essential=True, priority=10, depth=depth)

    async def parse_sitemap(self, response: Response, depth: int = 0) -> AsyncIterator[Any]:
        """Requests the pages and the sitemaps that a sitemap lists."""
        most = self.job.store.limits.page_bytes
        try:
            found = await self.job.reader.answer(read_sitemap, response.body, response.url, max_bytes=most)
        except UnreadableSitemap as error:
            self.job.stats.reject(response.url, RejectStage.EXTRACT, str(error))
            self.job.stats.gaps.append(f"{response.url}: {error}")
            return
        except WorkerError as error:
            self.list_reading_failed(response.url, error)
            return
        for entry in of_products(found.sitemaps):
            for request in self.request_sitemap(entry.url, depth + 1):
                yield request
        pages = [entry for entry in found.pages if same_site(entry.url, self.job.store.url)]
        others = [entry.url for entry in found.pages if not same_site(entry.url, self.job.store.url)]
        self.reject_addresses(response.url, others, "it is on another site")
        self.reject_addresses(
            response.url, found.odd, "it is no web address: only http and https are fetched"
        )
        self.job.stats.expected = (self.job.stats.expected or 0) + len(pages)
        for entry in pages:
            if entry.images:
                self.photos_of[entry.url] = entry.images
            for request in self.request_product(entry.url, entry.lastmod):
                yield request

    @property
    def follows_images(self) -> bool:
        """Never: a sitemap lists all products."""
        return False

    def reject_addresses(self, sitemap: str, urls: Sequence[str], reason: str) -> None:
        """Rejects addresses of a sitemap; beyond `MAX_REJECTED_ADDRESSES` only their number."""
        for url in urls[:MAX_REJECTED_ADDRESSES]:
            self.job.stats.reject(url, RejectStage.FETCH, reason)
        if len(urls) > MAX_REJECTED_ADDRESSES:
            more = f"{len(urls) - MAX_REJECTED_ADDRESSES} more of its addresses: {reason}"
            self.job.stats.reject(sitemap, RejectStage.FETCH, more)

    async def parse_product(self, response: Response) -> AsyncIterator[Any]:
        """Reads a product page; one that names no photo gets those that the sitemap lists for it."""
        requested = response.meta.get("redirect_urls", [response.url])[0]
        listed = self.photos_of.pop(requested, ())
        async for item in super().parse_product(response):
            if isinstance(item, ProductItem) and not item.images:
                item.images = [Photo(url, position) for position, url in enumerate(listed)]
            yield item
