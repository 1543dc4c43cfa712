"""WooCommerce stores, read through the Store API that each of them has."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from scrapers.extract.api import woocommerce_item
from scrapers.extract.sources.woocommerce import (
    PER_PAGE,
    Categories,
    api_url,
    categories_of,
    read_categories,
)
from scrapers.spiders.store import StoreSpider, json_bytes, source_of
from storage.verdicts import RejectStage

if TYPE_CHECKING:
    from scrapy.http import Response
    from twisted.python.failure import Failure


class WooCommerceSpider(StoreSpider):
    """Requests the categories, then pages through the products by id, so that new ones do not shift pages."""

    name = "woocommerce"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.categories: Categories = {}
        self.words: str | None = None

    def first_requests(self) -> Iterator[Any]:
        """Requests the categories first: a product names its own without the parent categories."""
        url = api_url(self.base_url, "products/categories")
        for request in self.request(url, self.parse_categories):
            yield request.replace(errback=self.categories_failed)

    def search(self, words: str) -> Iterator[Any]:
        """Starts as a whole crawl does, and reads the products that the store finds for the words."""
        self.words = words
        yield from self.first_requests()

    def parse_categories(self, response: Response) -> Iterator[Any]:
        """Reads the names and parents of all categories."""
        try:
            self.categories = read_categories(json.loads(response.body))
        except ValueError:
            self.logger.info("%s is no list of categories", response.url)
        yield from self.request_list_page(1)

    def categories_failed(self, failure: Failure) -> Iterator[Any]:
        """Goes on without categories: older stores have no such list."""
        yield from self.request_list_page(1)

    def request_list_page(self, page: int) -> Iterator[Any]:
        """Requests a page of products. The `Link` header is not followed, since it is escaped wrongly."""
        query: dict[str, Any] = {"per_page": PER_PAGE, "page": page, "orderby": "id", "order": "asc"}
        if self.words:
            query["search"] = self.words
        url = api_url(self.base_url, "products", **query)
        yield from self.request(url, self.parse_list, essential=True, page=page)

    def parse_list(self, response: Response, page: int) -> Iterator[Any]:
        """Yields the products of a page and requests the next one."""
        products = self.json_of(response)
        if not isinstance(products, list):
            if products is not None:
                self.job.stats.gaps.append(f"{response.url}: it holds no list of products")
            return
        if page == 1:
            self.job.stats.expected = _number(response, "X-WP-Total")
        last = _number(response, "X-WP-TotalPages")
        # Some caches strip the header: then a page that is not full is the last one.
        if page < last if last is not None else len(products) >= PER_PAGE:
            yield from self.request_list_page(page + 1)
        for data in products:
            try:
                item = woocommerce_item(
                    data, store=self.job.store.name, base_url=self.base_url, categories=self.categories
                )
            except ValueError as error:
                self.job.stats.reject(response.url, RejectStage.EXTRACT, str(error))
                continue
            # With its categories, so that the stored source gives the same product again.
            source = {"categories": categories_of(data, self.categories), "product": data}
            item.source = source_of(response, json_bytes(source), "application/json")
            yield item


def _number(response: Response, header: str) -> int | None:
    value = (response.headers.get(header) or b"").decode("latin-1").strip()
    return int(value) if value.isdigit() else None
