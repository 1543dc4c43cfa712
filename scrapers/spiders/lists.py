"""What the spiders share that follow pages listing products: a category's, or the results of a search."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from scrapers import heap
from scrapers.extract.links import category_links, next_pages, product_links
from scrapers.extract.markup import read_markup
from scrapers.extract.page import Page
from scrapers.extract.recipe import links_by_recipe
from scrapers.spiders.pages import PageSpider

if TYPE_CHECKING:
    from scrapy.http import Response

MAX_CATEGORIES = 100
"""Categories of the navigation that are followed where no listing is named."""


@dataclass(frozen=True, slots=True)
class _Links:
    """Where a listing leads: to further listings and to products."""

    listings: list[str]
    products: list[str]


class ListSpider(PageSpider):
    """Follows lists of products, page by page, to the products' own pages."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.listings: set[str] = set()

    def search(self, words: str) -> Iterator[Any]:
        """The results of the search that the store's recipe names."""
        recipe = self.job.store.recipe
        url = recipe.search_for(words) if recipe else None
        if url:
            yield from self.ask_listing(url)
        else:
            self.job.ledger.gaps.append("its entry names no `search_url` in [stores.recipe]")

    def ask_listing(self, url: str, *, front: bool = False) -> Iterator[Any]:
        """Asks for a page of a listing, each once."""
        if url not in self.listings:
            self.listings.add(url)
            yield from self.ask_page(url, self.parse_listing, essential=True, priority=10, front=front)

    def parse_listing(self, response: Response, front: bool = False) -> Iterator[Any]:
        """Asks for the products of a listing and for its next page."""
        links = self._links_of(response, front=front)
        heap.trim_after(len(response.body))
        if links is None:
            self.job.ledger.gaps.append(f"{response.url}: it holds no page")
            return
        for url in links.listings:
            yield from self.ask_listing(url)
        for url in links.products:
            if url not in self.listings:
                yield from self.ask_product(url)

    def _links_of(self, response: Response, *, front: bool) -> _Links | None:
        """Where a listing leads; None where it is no HTML. The page's tree lives no longer than this."""
        page = self.page_of(response)
        if page is None:
            return None
        categories = category_links(page)[:MAX_CATEGORIES] if front else []
        return _Links(
            [*categories, *(self._by_recipe(page, "next_page") or next_pages(page))],
            self._by_recipe(page, "product_links") or product_links(page, read_markup(page)),
        )

    def _by_recipe(self, page: Page, name: str) -> list[str]:
        recipe = self.job.store.recipe
        return links_by_recipe(page, recipe, name) if recipe else []
