"""Shopify stores, by the product list that each of them publishes."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin

from scrapers.extract.shopify import MAX_PAGES, PER_PAGE, read_product
from scrapers.spiders.store import StoreSpider, source_of

if TYPE_CHECKING:
    from scrapy.http import Response
    from twisted.python.failure import Failure


class ShopifySpider(StoreSpider):
    """Asks `/meta.json` for the currency, then pages through `/products.json`."""

    name = "shopify"
    currency: str | None = None

    async def start(self) -> AsyncIterator[Any]:
        """The currency first: the list of products does not name it."""
        self.currency = self.job.store.currency
        for request in self.ask(urljoin(self.base_url, "meta.json"), self.parse_meta):
            yield request.replace(errback=self.no_meta)

    def parse_meta(self, response: Response) -> Iterator[Any]:
        """`/meta.json`, which names the currency and how many products there are."""
        try:
            meta = json.loads(response.body)
        except ValueError:
            meta = None
        if isinstance(meta, dict):
            self.currency = self.currency or meta.get("currency")
            count = meta.get("published_products_count")
            self.job.ledger.expected = count if isinstance(count, int) else None
        yield from self.list_page(1)

    def no_meta(self, failure: Failure) -> Iterator[Any]:
        """Goes on without: some stores hide `/meta.json`."""
        yield from self.list_page(1)

    def list_page(self, page: int) -> Iterator[Any]:
        """Asks for one page of the product list."""
        url = urljoin(self.base_url, f"products.json?limit={PER_PAGE}&page={page}")
        yield from self.ask(url, self.parse_list, essential=True, page=page)

    def parse_list(self, response: Response, page: int) -> Iterator[Any]:
        """Yields the products of a page and asks for the next one, until a page is empty."""
        data = self.json_of(response)
        products = data.get("products") if isinstance(data, dict) else None
        if not isinstance(products, list):
            if data is not None:
                self.job.ledger.gaps.append(f"{response.url}: it holds no list of products")
            return
        if products and page < MAX_PAGES:
            yield from self.list_page(page + 1)
        yield from self.read(response, products)

    def read(self, response: Response, products: list[Any]) -> Iterator[Any]:
        """The products of a list, each with its own part of the answer as source."""
        for data in products:
            try:
                item = read_product(
                    data, store=self.job.store.name, base_url=self.base_url, currency=self.currency
                )
            except ValueError as error:
                self.job.ledger.reject(response.url, "extract", str(error))
                continue
            body = json.dumps({"currency": self.currency, "product": data}, ensure_ascii=False).encode()
            item.source = source_of(response, body, "application/json")
            yield item
