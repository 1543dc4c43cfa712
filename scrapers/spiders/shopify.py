"""Shopify stores: the whole catalogue, or what the store's search finds."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote, urlencode, urljoin, urlsplit

from scrapers.extract.reading import page_links
from scrapers.extract.sources.shopify import as_listed, has_words
from scrapers.session.reject_reasons import reason_for
from scrapers.session.workers import WorkerError
from scrapers.spiders.shopify_catalogue import ShopifyCatalogue
from storage.verdicts import RejectStage

if TYPE_CHECKING:
    from scrapy.http import Response
    from twisted.python.failure import Failure

MAX_SUGGESTED = 10
"""Shopify suggests at most ten products; its result pages list further ones."""
MAX_RESULT_PAGES = 5

_HANDLE = re.compile(r"/products/([^/]+)/?$")


class ShopifySpider(ShopifyCatalogue):
    """Searches `/search/suggest.json`, then the result pages, and reads each product found by its handle.

    Most stores' robots.txt forbids `/search`. Then the product list is read, and of it only the products that
    contain all the words in the fields that Shopify's own search looks at.
    """

    name = "shopify"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.words: str | None = None
        self.handles: set[str] = set()

    def search(self, words: str) -> Iterator[Any]:
        """Starts as a whole crawl does, with the currency."""
        self.words = words
        yield from self.first_requests()

    def request_products(self) -> Iterator[Any]:
        """Requests the search, or the whole list if there are no words to search for."""
        yield from self.request_search() if self.words else self.request_list_page(1)

    def request_search(self) -> Iterator[Any]:
        """Requests what the store suggests for the words."""
        query = urlencode(
            {
                "q": self.words,
                "resources[type]": "product",
                "resources[limit]": MAX_SUGGESTED,
                "resources[options][unavailable_products]": "show",
            }
        )
        url = urljoin(self.base_url, f"search/suggest.json?{query}")
        for request in self.request(url, self.parse_suggested):
            yield request.replace(errback=self.search_failed)

    def parse_suggested(self, response: Response) -> Iterator[Any]:
        """Requests each suggested product, and the result pages if there may be more."""
        try:
            products = json.loads(response.body)["resources"]["results"]["products"]
            handles = [str(product["handle"]) for product in products]
        except (ValueError, KeyError, TypeError):
            yield from self.search_list("its answer is not in Shopify's format")
            return
        for handle in handles:
            yield from self.request_found_product(handle)
        if len(handles) >= MAX_SUGGESTED:
            yield from self.request_result_page(1)

    def search_failed(self, failure: Failure) -> Iterator[Any]:
        """Searches the product list if the store's own search fails."""
        yield from self.search_list(reason_for(failure.value))

    def search_list(self, why: str) -> Iterator[Any]:
        """Reads the product list, and keeps only products with the words."""
        self.job.stats.searched = f"{self.job.stats.searched} in its product list (its own search: {why})"
        yield from self.request_list_page(1)

    def choose(self, products: list[Any]) -> list[Any]:
        """The products with the words that were searched for; all of them if none were."""
        return [data for data in products if has_words(data, self.words)] if self.words else products

    def request_result_page(self, page: int) -> Iterator[Any]:
        """Requests a page of results; if it fails, the suggestions have to suffice."""
        query = urlencode({"q": self.words, "type": "product", "page": page})
        url = urljoin(self.base_url, f"search?{query}")
        for request in self.request(url, self.parse_results, page=page):
            yield request.replace(errback=lambda _: None)

    async def parse_results(self, response: Response, page: int) -> AsyncIterator[Any]:
        """Requests the new products of a result page, and the next page."""
        try:
            links = await self.job.reader.answer(page_links, response.body, response.url)
        except WorkerError as error:
            self.job.stats.reject(response.url, RejectStage.EXTRACT, str(error))
            return
        found = (_HANDLE.search(urlsplit(url).path) for url, _ in (links.products if links else ()))
        new = [handle for link in found if link and (handle := unquote(link[1])) not in self.handles]
        for handle in new:
            for request in self.request_found_product(handle):
                yield request
        if new and page < MAX_RESULT_PAGES:
            for request in self.request_result_page(page + 1):
                yield request

    def request_found_product(self, handle: str) -> Iterator[Any]:
        """Requests a product, once."""
        if handle not in self.handles:
            self.handles.add(handle)
            url = urljoin(self.base_url, f"products/{quote(handle)}")
            yield from self.request(f"{url}.json", self.parse_found, page_url=url)

    def parse_found(self, response: Response, page_url: str) -> Iterator[Any]:
        """Reads a product, and requests its `.js`, which alone states the stock."""
        data = self.json_of(response)
        product = data.get("product") if isinstance(data, dict) else None
        if not isinstance(product, dict):
            self.job.stats.reject(response.url, RejectStage.EXTRACT, "it holds no product")
            return
        for request in self.request(f"{page_url}.js", self.parse_stock, response=response, product=product):
            yield request.replace(
                errback=lambda _: self.items_with_currency(response, [as_listed(product, None)])
            )

    def parse_stock(
        self, stock_response: Response, response: Response, product: dict[str, Any]
    ) -> Iterator[Any]:
        """Yields the product with its stock, as the list would give it."""
        yield from self.items_with_currency(response, [as_listed(product, self.json_of(stock_response))])
