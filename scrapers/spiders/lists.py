"""What the spiders share that follow pages listing products: a category's, or the results of a search."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from scrapers import heap
from scrapers.extract.address import is_told_by_query, spelling
from scrapers.extract.links import (
    category_links,
    further_listings,
    listing_key,
    listing_shape,
    next_pages,
    product_cards,
)
from scrapers.extract.markup import read_markup
from scrapers.extract.page import Page
from scrapers.extract.recipe import links_by_recipe
from scrapers.spiders.pages import PageSpider

if TYPE_CHECKING:
    from scrapy.http import Response

MAX_CATEGORIES = 300
"""Categories of the navigation that are followed where no listing is named."""
MAX_LISTINGS = 5000
"""Pages of listings that one crawl follows."""
MIN_CARDS = 2
"""Products that make a page without one of its own a listing."""


@dataclass(frozen=True, slots=True)
class _Links:
    """Where a listing leads: to further listings, to its own next page, and to products with their names."""

    listings: list[str]
    following: list[str]
    products: list[tuple[str, str]] = field(default_factory=list)


class ListSpider(PageSpider):
    """Follows lists of products, page by page, to the products' own pages."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.listings: set[str] = set()
        self.shapes: set[tuple[object, ...]] = set()
        self.built: set[tuple[object, ...]] = set()

    def search(self, words: str) -> Iterator[Any]:
        """The results of the search that the store's recipe names."""
        recipe = self.job.store.recipe
        url = recipe.search_for(words) if recipe else None
        if url:
            yield from self.ask_listing(url)
        else:
            self.job.ledger.gaps.append("its entry names no `search_url` in [stores.recipe]")

    def ask_listing(self, url: str, *, front: bool = False, discovered: bool = False) -> Iterator[Any]:
        """Asks for a page of a listing, each once.

        :param discovered: whether only a link leads to it, which may be a dead one.
        """
        key = spelling(listing_key(url))
        if key in self.listings or self.is_asked(url):
            return
        if len(self.listings) >= MAX_LISTINGS:
            gap = f"more than {MAX_LISTINGS} pages of listings"
            if gap not in self.job.ledger.gaps:
                self.job.ledger.gaps.append(gap)
            return
        self.listings.add(key)
        self.addresses.note_listing(url)
        options = {"essential": True, "priority": 10, "front": front, "meta": {"discovered": discovered}}
        yield from self.ask_page(url, self.parse_listing, **options)

    def parse_listing(self, response: Response, front: bool = False) -> Iterator[Any]:
        """Asks for the products of a listing and for its next page."""
        page = self.page_of(response)
        if page is None:
            self.job.ledger.gaps.append(f"{response.url}: it holds no page")
            return
        links = self._links_of(page, front=front)
        del page
        heap.trim_after(len(response.body))
        yield from self.follow(response.url, links)

    def follow(self, listing: str, links: _Links) -> Iterator[Any]:
        """Asks for what a listing leads to."""
        self.job.ledger.listed(listing, len(links.products))
        self.addresses.note_cards(links.products)
        for url in links.listings:
            yield from self.ask_listing(url, discovered=True)
        for url in links.following:
            yield from self.ask_listing(url, discovered=True)
        for url, _ in links.products:
            if spelling(listing_key(url)) not in self.listings:
                yield from self.ask_product(url)

    def no_product(self, page: Page, asked: str, reason: str) -> Iterator[Any]:
        """A picture may lead to a category: what shows several products is followed as a listing."""
        key = spelling(listing_key(asked))
        links = (
            self._links_of(page, front=False) if self.follows_pictures and key not in self.listings else None
        )
        if links is None or len(links.products) < MIN_CARDS:
            yield from super().no_product(page, asked, reason)
            yield from self.beside(page)
            return
        self.listings.add(key)
        self.addresses.note_listing(asked)
        yield from self.follow(asked, links)

    def beside(self, page: Page) -> Iterator[Any]:
        """The products beside a page's own, and listings such as its maker's: some are in no category."""
        if not self.follows_pictures:
            return
        for url in further_listings(page, self.shapes):
            yield from self.ask_listing(url, discovered=True)
        for url, _ in product_cards(page, read_markup(page)):
            if self.is_built_as_products(url) and spelling(listing_key(url)) not in self.listings:
                yield from self.ask_product(url)

    def note_built(self, address: str) -> None:
        """Notes how the address of a product is built."""
        self.built.add(listing_shape(address))

    def is_built_as_products(self, url: str) -> bool:
        """Whether an address whose query names it is built as those of products of this crawl."""
        return is_told_by_query(urlsplit(url).path) and listing_shape(self.addresses.key(url)) in self.built

    def leads_nowhere(self, url: str, asked: str) -> bool:
        """Whether a product's address leads to the front page or to a listing."""
        return super().leads_nowhere(url, asked) or spelling(listing_key(url)) in self.listings

    @property
    def follows_pictures(self) -> bool:
        """Whether a listing may be found where a product was looked for."""
        return not self.job.store.listing_urls and not self.job.query

    def _links_of(self, page: Page, *, front: bool) -> _Links:
        """Where a listing leads."""
        recipe_links = self._by_recipe(page, "product_links")
        products = [(url, "") for url in recipe_links] or product_cards(page, read_markup(page))
        if len(products) >= MIN_CARDS and not front:
            self.shapes.add(listing_shape(page.url))
        categories = category_links(page)[:MAX_CATEGORIES] if front else []
        if self.follows_pictures:
            categories += further_listings(page, self.shapes)
        return _Links(categories, self._by_recipe(page, "next_page") or next_pages(page), products)

    def _by_recipe(self, page: Page, name: str) -> list[str]:
        recipe = self.job.store.recipe
        return links_by_recipe(page, recipe, name) if recipe else []
