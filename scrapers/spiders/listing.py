"""Stores without a sitemap: from their category pages, page by page, to their product pages."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from scrapers.spiders.lists import ListSpider


class ListingSpider(ListSpider):
    """Follows the listings of `listing_urls`; without any, the front page and the store's navigation."""

    name = "listing"

    def first_requests(self) -> Iterator[Any]:
        """Requests the listings that the store's entry names, else its front page."""
        for url in self.job.store.listing_urls or [self.job.store.url]:
            yield from self.request_listing(url, front=not self.job.store.listing_urls)
