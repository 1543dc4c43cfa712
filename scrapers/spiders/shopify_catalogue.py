"""The catalogue of a Shopify store, from the product list that every such store publishes."""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urljoin, urlsplit

from scrapy.spidermiddlewares.httperror import HttpError

from scrapers.detect.platforms import shopify_host
from scrapers.extract.api import shopify_item
from scrapers.extract.fields.currency import currency_code
from scrapers.extract.reading import page_currency
from scrapers.extract.sources.shopify import MAX_PAGES, PER_PAGE
from scrapers.session.reject_reasons import reason_for
from scrapers.session.workers import WorkerError
from scrapers.spiders.store import StoreSpider, json_bytes, source_of
from storage.verdicts import RejectStage

if TYPE_CHECKING:
    from scrapy.http import Response
    from twisted.python.failure import Failure


class ShopifyCatalogue(StoreSpider):
    """Reads the currency from `/meta.json`, then pages through `/products.json`.

    A list ends after 25,000 products: a larger store is read collection by collection after that. A store
    that hides its list is read at its address below myshopify.com, which its front page names.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.currency: str | None = None
        self.myshopify_url: str | None = None
        self.by_collection = False
        self.cut_collections: list[str] = []
        self.full_lists: set[str | None] = set()

    @property
    def base_url(self) -> str:
        """The address above the product list, ending in a slash."""
        return self.myshopify_url or super().base_url

    def first_requests(self) -> Iterator[Any]:
        """Requests the currency first: the list of products does not name it."""
        self.currency = self.job.store.currency
        for request in self.request(urljoin(self.base_url, "meta.json"), self.parse_meta):
            yield request.replace(errback=self.meta_failed)

    def parse_meta(self, response: Response) -> Iterator[Any]:
        """Reads `/meta.json`, which names the currency and how many products there are."""
        try:
            meta = json.loads(response.body)
        except ValueError:
            meta = None
        if isinstance(meta, dict):
            self.currency = currency_code(meta.get("currency")) or self.currency
            count = meta.get("published_products_count")
            if isinstance(count, int) and not self.job.query:
                self.job.stats.expected = count
        yield from self.request_products()

    def meta_failed(self, failure: Failure) -> Iterator[Any]:
        """Goes on without the currency: some stores hide `/meta.json`."""
        yield from self.request_products()

    def request_products(self) -> Iterator[Any]:
        """Requests the products, after the currency."""
        yield from self.request_list_page(1)

    def choose(self, products: list[Any]) -> list[Any]:
        """The products of a list that this crawl reads."""
        return products

    def request_list_page(self, page: int, collection: str | None = None) -> Iterator[Any]:
        """Requests a page of the store's product list, or of a collection's."""
        path = f"collections/{quote(collection)}/" if collection else ""
        url = urljoin(self.base_url, f"{path}products.json?limit={PER_PAGE}&page={page}")
        for request in self.request(url, self.parse_list, essential=True, page=page, collection=collection):
            yield request.replace(errback=self.list_failed)

    def parse_list(self, response: Response, page: int, collection: str | None) -> Iterator[Any]:
        """Yields the products of a page and requests the next one, until a page is empty."""
        products = self.read_list(response, "products")
        if products is None and page == 1 and collection is None:
            yield from self.request_front_page(self.job.stats.gaps.pop())
        if not products:
            return
        (self.full_lists.add if len(products) >= PER_PAGE else self.full_lists.discard)(collection)
        if page < MAX_PAGES:
            yield from self.request_list_page(page + 1, collection)
        else:
            yield from self.list_ended(collection)
        yield from self.items_with_currency(response, self.choose(products))

    def list_failed(self, failure: Failure) -> Iterator[Any]:
        """Looks for another address if there is no list, and reads by collection if it ends early."""
        request: Any = failure.request  # type: ignore[attr-defined]
        error = failure.value
        page, collection = request.cb_kwargs["page"], request.cb_kwargs["collection"]
        status = error.response.status if isinstance(error, HttpError) else 0
        if page > 1 and status == 400:
            yield from self.list_ended(collection)
        elif page == 1 and collection is None and 400 <= status < 500:
            yield from self.request_front_page(f"{request.url}: {reason_for(error)}")
        else:
            self.request_failed(failure)

    def list_ended(self, collection: str | None) -> Iterator[Any]:
        """Reads by collection if Shopify returns no more of the whole list."""
        if collection not in self.full_lists:
            return  # its last page was not full, so the list is complete
        if collection is None:
            self.by_collection = True
            yield from self.request_collections_page(1)
        else:
            self.cut_collections.append(collection)

    def request_front_page(self, problem: str) -> Iterator[Any]:
        """Requests the store's front page, which may name its address below myshopify.com.

        :param problem: why the list could not be read at the store's own address.
        """
        if self.myshopify_url:
            self.job.stats.gaps.append(problem)
            return
        for request in self.request(self.job.store.url, self.parse_front, problem=problem):
            yield request.replace(errback=lambda _: self.job.stats.gaps.append(problem))

    def parse_front(self, response: Response, problem: str) -> Iterator[Any]:
        """Starts again at the store's address below myshopify.com; without one the crawl fails."""
        host = shopify_host(response.text) if hasattr(response, "text") else None
        if host is None or host == urlsplit(self.base_url).netloc:
            self.job.stats.gaps.append(problem)
            return
        self.logger.info("%s; reading %s", problem, host)
        self.myshopify_url = f"{urlsplit(self.job.store.url).scheme}://{host}/"
        yield from self.first_requests()

    def items_with_currency(self, response: Response, products: list[Any]) -> Iterator[Any]:
        """Yields the products once the currency of their prices is known."""
        handle = products[0].get("handle") if products and isinstance(products[0], dict) else None
        if self.currency is not None or not handle:
            yield from self.items_of(response, products)
            return
        url = urljoin(self.base_url, f"products/{quote(str(handle))}")
        for request in self.request(url, self.parse_currency, response=response, products=products):
            yield request.replace(errback=lambda _: self.items_of(response, products))

    async def parse_currency(
        self, page_response: Response, response: Response, products: list[Any]
    ) -> AsyncIterator[Any]:
        """Reads the currency from a product's page, and yields the products that waited for it."""
        body, url = page_response.body, page_response.url
        with contextlib.suppress(WorkerError):
            self.currency = await self.job.reader.answer(page_currency, body, url) or self.currency
        for item in self.items_of(response, products):
            yield item

    def request_collections_page(self, page: int) -> Iterator[Any]:
        """Requests a page of the list of collections."""
        url = urljoin(self.base_url, f"collections.json?limit={PER_PAGE}&page={page}")
        yield from self.request(url, self.parse_collections, essential=True, page=page)

    def parse_collections(self, response: Response, page: int) -> Iterator[Any]:
        """Requests the products of each collection; products found before are dropped later."""
        collections = self.read_list(response, "collections") or []
        if collections and page < MAX_PAGES:
            yield from self.request_collections_page(page + 1)
        for collection in collections:
            if isinstance(collection, dict) and collection.get("handle"):
                yield from self.request_list_page(1, str(collection["handle"]))

    def read_list(self, response: Response, name: str) -> list[Any] | None:
        """The list of this name in a response; None if there is none, with the reason noted as a gap."""
        data = self.json_of(response)
        found = data.get(name) if isinstance(data, dict) else None
        if isinstance(found, list):
            return found
        if data is not None:
            self.job.stats.gaps.append(f"{response.url}: it holds no list of {name}")
        return None

    def items_of(self, response: Response, products: list[Any]) -> Iterator[Any]:
        """Yields the products of a list, each with its own part of the response as source."""
        for data in products:
            try:
                item = shopify_item(
                    data, store=self.job.store.name, base_url=self.base_url, currency=self.currency
                )
            except ValueError as error:
                self.job.stats.reject(response.url, RejectStage.EXTRACT, str(error))
                continue
            body = json_bytes({"currency": self.currency, "product": data})
            item.source = source_of(response, body, "application/json")
            yield item

    def closed(self, reason: str) -> None:
        """Notes a gap if no list returned some products: they were not found, but may be on sale."""
        stats = self.job.stats
        if not self.by_collection:
            return
        if stats.expected is None:
            stats.gaps += [
                f"the collection '{name}' has more products than are listed" for name in self.cut_collections
            ]
        elif len(stats.found) < stats.expected:
            not_listed = stats.expected - len(stats.found)
            stats.gaps.append(f"{not_listed} products are in no list that the store gives out")
