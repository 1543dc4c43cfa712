"""Stores without a sitemap: from their category pages, page by page, to their product pages."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, Any

from scrapers.extract.links import category_links, next_pages, product_links
from scrapers.extract.markup import read_markup
from scrapers.spiders.pages import PageSpider

if TYPE_CHECKING:
    from scrapy.http import Response

MAX_CATEGORIES = 100
"""Categories of the navigation that are followed where no listing is named."""


class ListingSpider(PageSpider):
    """Follows the listings of `listing_urls`; without any, the front page and the store's navigation."""

    name = "listing"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.listings: set[str] = set()

    async def start(self) -> AsyncIterator[Any]:
        """The listings that the store's entry names, else its front page."""
        for url in self.job.store.listing_urls or [self.job.store.url]:
            for request in self.ask_listing(url, front=not self.job.store.listing_urls):
                yield request

    def ask_listing(self, url: str, *, front: bool = False) -> Iterator[Any]:
        """Asks for a page of a listing, each once."""
        if url not in self.listings:
            self.listings.add(url)
            yield from self.ask(url, self.parse_listing, essential=True, priority=10, front=front)

    def parse_listing(self, response: Response, front: bool = False) -> Iterator[Any]:
        """Asks for the products of a listing and for its next page."""
        page = self.page_of(response)
        if page is None:
            self.job.ledger.gaps.append(f"{response.url}: it holds no page")
            return
        if front:
            for url in category_links(page)[:MAX_CATEGORIES]:
                yield from self.ask_listing(url)
        for url in next_pages(page):
            yield from self.ask_listing(url)
        for url in product_links(page, read_markup(page)):
            if url not in self.listings:
                yield from self.ask_product(url)
