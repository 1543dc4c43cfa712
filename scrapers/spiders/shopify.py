"""Shopify stores, by the product list that each of them publishes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urljoin

from scrapers.extract.currency import currency_code, extract_currency
from scrapers.extract.markup import read_markup
from scrapers.extract.page import parse_page
from scrapers.extract.shopify import MAX_PAGES, PER_PAGE, read_product
from scrapers.spiders.store import StoreSpider, source_of

if TYPE_CHECKING:
    from scrapy.http import Response
    from twisted.python.failure import Failure


class ShopifySpider(StoreSpider):
    """Asks `/meta.json` for the currency, then pages through `/products.json`.

    A list ends after 25,000 products: a store that has more is asked collection by collection after that.
    """

    name = "shopify"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.currency: str | None = None

    def begin(self) -> Iterator[Any]:
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
            self.currency = currency_code(meta.get("currency")) or self.currency
            count = meta.get("published_products_count")
            self.job.ledger.expected = count if isinstance(count, int) else None
        yield from self.list_page(1)

    def no_meta(self, failure: Failure) -> Iterator[Any]:
        """Goes on without: some stores hide `/meta.json`."""
        yield from self.list_page(1)

    def list_page(self, page: int, collection: str | None = None) -> Iterator[Any]:
        """Asks for one page of the store's product list, or of a collection's."""
        path = f"collections/{quote(collection)}/" if collection else ""
        url = urljoin(self.base_url, f"{path}products.json?limit={PER_PAGE}&page={page}")
        yield from self.ask(url, self.parse_list, essential=True, page=page, collection=collection)

    def parse_list(self, response: Response, page: int, collection: str | None) -> Iterator[Any]:
        """Yields the products of a page and asks for the next one, until a page is empty."""
        products = self.list_in(response, "products")
        if not products:
            return
        if page < MAX_PAGES:
            yield from self.list_page(page + 1, collection)
        elif collection is None:
            yield from self.collections_page(1)
        else:
            self.job.ledger.gaps.append(f"the collection '{collection}' has more products than are listed")
        if self.currency is None and page == 1 and collection is None:
            handle = products[0].get("handle") if isinstance(products[0], dict) else None
            url = urljoin(self.base_url, f"products/{quote(str(handle))}")
            for request in self.ask(url, self.parse_currency, response=response, products=products):
                yield request.replace(errback=lambda _: self.read(response, products))
            return
        yield from self.read(response, products)

    def parse_currency(
        self, page_response: Response, response: Response, products: list[Any]
    ) -> Iterator[Any]:
        """A product's page, for the currency it names, then the products that waited for it."""
        page = parse_page(page_response.body, page_response.url)
        found = extract_currency(read_markup(page).candidates, page) if page else None
        self.currency = found.value if found else self.currency
        yield from self.read(response, products)

    def collections_page(self, page: int) -> Iterator[Any]:
        """Asks for one page of the list of collections."""
        url = urljoin(self.base_url, f"collections.json?limit={PER_PAGE}&page={page}")
        yield from self.ask(url, self.parse_collections, essential=True, page=page)

    def parse_collections(self, response: Response, page: int) -> Iterator[Any]:
        """Asks for the products of each collection; those met before are passed over when they come."""
        collections = self.list_in(response, "collections") or []
        if collections and page < MAX_PAGES:
            yield from self.collections_page(page + 1)
        for collection in collections:
            if isinstance(collection, dict) and collection.get("handle"):
                yield from self.list_page(1, str(collection["handle"]))

    def list_in(self, response: Response, name: str) -> list[Any] | None:
        """The list of this name in an answer; None, with the reason noted, where there is none."""
        data = self.json_of(response)
        found = data.get(name) if isinstance(data, dict) else None
        if isinstance(found, list):
            return found
        if data is not None:
            self.job.ledger.gaps.append(f"{response.url}: it holds no list of {name}")
        return None

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
