"""What a Shopify store finds for some words."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote, urlencode, urljoin, urlsplit

from scrapers.extract.reading import page_links
from scrapers.extract.sources.shopify import as_listed
from scrapers.session.reject_reasons import reason_for
from scrapers.session.workers import WorkerError
from scrapers.spiders.store import StoreSpider

if TYPE_CHECKING:
    from scrapy.http import Response
    from twisted.python.failure import Failure

MAX_SUGGESTED = 10
"""Shopify suggests at most ten products; what else it finds is on its result pages."""
MAX_RESULT_PAGES = 5

_HANDLE = re.compile(r"/products/([^/]+)/?$")


class ShopifySearch(StoreSpider):
    """Asks `/search/suggest.json`, then the result pages, for handles, and reads each product by its handle.

    Most stores' robots.txt forbids `/search`. Then the product list is read, and those products are kept in
    which all the words are found, in the fields that Shopify's own search looks at.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.words: str | None = None
        self.handles: set[str] = set()

    def search(self, words: str) -> Iterator[Any]:
        """As a whole crawl, with the currency first."""
        self.words = words
        yield from self.begin()

    def ask_search(self) -> Iterator[Any]:
        """Asks for what the store suggests."""
        query = urlencode(
            {
                "q": self.words,
                "resources[type]": "product",
                "resources[limit]": MAX_SUGGESTED,
                "resources[options][unavailable_products]": "show",
            }
        )
        for request in self.ask(urljoin(self.base_url, f"search/suggest.json?{query}"), self.parse_suggested):
            yield request.replace(errback=self.no_search)

    def parse_suggested(self, response: Response) -> Iterator[Any]:
        """Asks for each product that is suggested, and for the pages of further ones."""
        try:
            products = json.loads(response.body)["resources"]["results"]["products"]
            handles = [str(product["handle"]) for product in products]
        except (ValueError, KeyError, TypeError):
            yield from self.search_list("its answer is none of Shopify's")
            return
        for handle in handles:
            yield from self.ask_found(handle)
        if len(handles) >= MAX_SUGGESTED:
            yield from self.result_page(1)

    def no_search(self, failure: Failure) -> Iterator[Any]:
        """Looks through the product list where the search cannot be asked."""
        yield from self.search_list(reason_for(failure.value))

    def search_list(self, why: str) -> Iterator[Any]:
        """Reads the product list, of which only what has the words is kept."""
        self.job.ledger.searched = f"{self.job.ledger.searched} in its product list (its own search: {why})"
        yield from self.list_page(1)

    def list_page(self, page: int, collection: str | None = None) -> Iterator[Any]:
        """Asks for one page of the product list."""
        raise NotImplementedError

    def with_currency(self, response: Response, products: list[Any]) -> Iterator[Any]:
        """The products, once it is known what their prices are in."""
        raise NotImplementedError

    def result_page(self, page: int) -> Iterator[Any]:
        """Asks for one page of results; without it the suggestions have to do."""
        query = urlencode({"q": self.words, "type": "product", "page": page})
        url = urljoin(self.base_url, f"search?{query}")
        for request in self.ask(url, self.parse_results, page=page):
            yield request.replace(errback=lambda _: None)

    async def parse_results(self, response: Response, page: int) -> AsyncIterator[Any]:
        """Asks for the products of a result page that were not met before, and for the next page."""
        try:
            links = await self.job.reader.answer(page_links, response.body, response.url)
        except WorkerError as error:
            self.job.ledger.reject(response.url, "extract", str(error))
            return
        found = (_HANDLE.search(urlsplit(url).path) for url, _ in (links.products if links else ()))
        new = [handle for link in found if link and (handle := unquote(link[1])) not in self.handles]
        for handle in new:
            for request in self.ask_found(handle):
                yield request
        if new and page < MAX_RESULT_PAGES:
            for request in self.result_page(page + 1):
                yield request

    def ask_found(self, handle: str) -> Iterator[Any]:
        """Asks for one product, once."""
        if handle not in self.handles:
            self.handles.add(handle)
            url = urljoin(self.base_url, f"products/{quote(handle)}")
            yield from self.ask(f"{url}.json", self.parse_found, page_url=url)

    def parse_found(self, response: Response, page_url: str) -> Iterator[Any]:
        """A product without its stock, which only its `.js` tells."""
        data = self.json_of(response)
        product = data.get("product") if isinstance(data, dict) else None
        if not isinstance(product, dict):
            self.job.ledger.reject(response.url, "extract", "it holds no product")
            return
        for request in self.ask(f"{page_url}.js", self.parse_stock, response=response, product=product):
            yield request.replace(errback=lambda _: self.with_currency(response, [as_listed(product, None)]))

    def parse_stock(
        self, stock_response: Response, response: Response, product: dict[str, Any]
    ) -> Iterator[Any]:
        """The product with its stock, as the list would give it."""
        yield from self.with_currency(response, [as_listed(product, self.json_of(stock_response))])
