"""Shopify stores, by the product list that each of them publishes."""

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
from scrapers.extract.sources.shopify import MAX_PAGES, PER_PAGE, has_words
from scrapers.session.reject_reasons import reason_for
from scrapers.session.workers import WorkerError
from scrapers.spiders.shopify_search import ShopifySearch
from scrapers.spiders.store import json_bytes, source_of

if TYPE_CHECKING:
    from scrapy.http import Response
    from twisted.python.failure import Failure


class ShopifySpider(ShopifySearch):
    """Asks `/meta.json` for the currency, then pages through `/products.json`.

    A list ends after 25,000 products: a store that has more is asked collection by collection after that. A
    store that hides its list is asked at its address below myshopify.com, which its front page names.
    """

    name = "shopify"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.currency: str | None = None
        self.other_home: str | None = None
        self.by_collection = False
        self.cut: list[str] = []
        self.full: set[str | None] = set()

    @property
    def base_url(self) -> str:
        """The address that the product list is below, ending in a slash."""
        return self.other_home or super().base_url

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
            if isinstance(count, int) and not self.words:
                self.job.ledger.expected = count
        yield from self.ask_search() if self.words else self.list_page(1)

    def no_meta(self, failure: Failure) -> Iterator[Any]:
        """Goes on without: some stores hide `/meta.json`."""
        yield from self.ask_search() if self.words else self.list_page(1)

    def list_page(self, page: int, collection: str | None = None) -> Iterator[Any]:
        """Asks for one page of the store's product list, or of a collection's."""
        path = f"collections/{quote(collection)}/" if collection else ""
        url = urljoin(self.base_url, f"{path}products.json?limit={PER_PAGE}&page={page}")
        for request in self.ask(url, self.parse_list, essential=True, page=page, collection=collection):
            yield request.replace(errback=self.no_list)

    def parse_list(self, response: Response, page: int, collection: str | None) -> Iterator[Any]:
        """Yields the products of a page and asks for the next one, until a page is empty."""
        products = self.list_in(response, "products")
        if products is None and page == 1 and collection is None:
            yield from self.ask_front(self.job.ledger.gaps.pop())
        if not products:
            return
        (self.full.add if len(products) >= PER_PAGE else self.full.discard)(collection)
        if page < MAX_PAGES:
            yield from self.list_page(page + 1, collection)
        else:
            yield from self.list_ended(collection)
        if self.words:
            products = [data for data in products if has_words(data, self.words)]
        yield from self.with_currency(response, products)

    def no_list(self, failure: Failure) -> Iterator[Any]:
        """Looks elsewhere where there is no list, and goes on by collection where it ends early."""
        request: Any = failure.request  # type: ignore[attr-defined]
        error = failure.value
        page, collection = request.cb_kwargs["page"], request.cb_kwargs["collection"]
        status = error.response.status if isinstance(error, HttpError) else 0
        if page > 1 and status == 400:
            yield from self.list_ended(collection)
        elif page == 1 and collection is None and 400 <= status < 500:
            yield from self.ask_front(f"{request.url}: {reason_for(error)}")
        else:
            self.failed(failure)

    def list_ended(self, collection: str | None) -> Iterator[Any]:
        """Asks by collection where Shopify gives out no more of the whole list."""
        if collection not in self.full:
            return  # its last page was not full, so that was its end
        if collection is None:
            self.by_collection = True
            yield from self.collections_page(1)
        else:
            self.cut.append(collection)

    def ask_front(self, problem: str) -> Iterator[Any]:
        """Asks for the store's front page, which may name its address below myshopify.com.

        :param problem: why it is not read where it was expected.
        """
        if self.other_home:
            self.job.ledger.gaps.append(problem)
            return
        for request in self.ask(self.job.store.url, self.parse_front, problem=problem):
            yield request.replace(errback=lambda _: self.job.ledger.gaps.append(problem))

    def parse_front(self, response: Response, problem: str) -> Iterator[Any]:
        """Begins again at the store's address below myshopify.com; without one the crawl has failed."""
        host = shopify_host(response.text) if hasattr(response, "text") else None
        if host is None or host == urlsplit(self.base_url).netloc:
            self.job.ledger.gaps.append(problem)
            return
        self.logger.info("%s; reading %s", problem, host)
        self.other_home = f"{urlsplit(self.job.store.url).scheme}://{host}/"
        yield from self.begin()

    def with_currency(self, response: Response, products: list[Any]) -> Iterator[Any]:
        """The products, once it is known what their prices are in."""
        handle = products[0].get("handle") if products and isinstance(products[0], dict) else None
        if self.currency is not None or not handle:
            yield from self.read(response, products)
            return
        url = urljoin(self.base_url, f"products/{quote(str(handle))}")
        for request in self.ask(url, self.parse_currency, response=response, products=products):
            yield request.replace(errback=lambda _: self.read(response, products))

    async def parse_currency(
        self, page_response: Response, response: Response, products: list[Any]
    ) -> AsyncIterator[Any]:
        """A product's page, for the currency it names, then the products that waited for it."""
        body, url = page_response.body, page_response.url
        with contextlib.suppress(WorkerError):
            self.currency = await self.job.reader.answer(page_currency, body, url) or self.currency
        for item in self.read(response, products):
            yield item

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
                item = shopify_item(
                    data, store=self.job.store.name, base_url=self.base_url, currency=self.currency
                )
            except ValueError as error:
                self.job.ledger.reject(response.url, "extract", str(error))
                continue
            body = json_bytes({"currency": self.currency, "product": data})
            item.source = source_of(response, body, "application/json")
            yield item

    def closed(self, reason: str) -> None:
        """Notes what no list gave out: those products were not met, and that says nothing about them."""
        ledger = self.job.ledger
        if not self.by_collection:
            return
        if ledger.expected is None:
            ledger.gaps += [f"the collection '{name}' has more products than are listed" for name in self.cut]
        elif len(ledger.found) < ledger.expected:
            unmet = ledger.expected - len(ledger.found)
            ledger.gaps.append(f"{unmet} products are in no list that the store gives out")
