"""What the spiders share that follow pages listing products: a category's, or the results of a search."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from scrapers.extract.address import is_named_by_query, spelling
from scrapers.extract.links import listing_key, listing_shape
from scrapers.extract.reading import Links, ProductPage, Shapes, page_links
from scrapers.session.workers import EndedError, WorkerError
from scrapers.spiders.pages import PageSpider, content_type_of, is_page

if TYPE_CHECKING:
    from scrapy.http import Response

MAX_CATEGORIES = 300
"""Categories of the navigation that are followed where no listing is named."""
MAX_LISTINGS = 5000
"""Pages of listings that one crawl follows."""


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

    async def parse_listing(self, response: Response, front: bool = False) -> AsyncIterator[Any]:
        """Asks for the products of a listing and for its next page."""
        try:
            links = await self._links_of(response, front=front)
        except WorkerError as error:
            self.list_not_read(response.url, error)
            return
        if links is None:
            self.job.ledger.gaps.append(f"{response.url}: it holds no page")
            return
        if links.is_listing and not front:
            self.shapes.add(listing_shape(response.url))
        for request in self.follow(response.url, links):
            yield request

    def list_not_read(self, url: str, error: WorkerError) -> None:
        """Notes a list of products whose reading was given up."""
        if not isinstance(error, EndedError):
            self.job.ledger.reject(url, "extract", str(error))
            self.job.ledger.gaps.append(f"{url}: {error}")

    async def _links_of(self, response: Response, *, front: bool) -> Links | None:
        """Where a listing leads; None where it is no HTML.

        :raises WorkerError: where it cannot be read, or not in time.
        """
        header = content_type_of(response)
        if not is_page(header):
            return None
        return await self.job.reader.answer(
            page_links,
            response.body,
            response.url,
            header,
            self.job.store.recipe,
            max_categories=MAX_CATEGORIES if front else 0,
            shapes=self.known_shapes,
        )

    @property
    def known_shapes(self) -> Shapes | None:
        """How the addresses of known listings are built; None where no page but a listing leads further."""
        return frozenset(self.shapes) if self.follows_pictures else None

    def follow(self, listing: str, links: Links) -> Iterator[Any]:
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

    def no_product(self, page: ProductPage, asked: str) -> Iterator[Any]:
        """A picture may lead to a category: what shows several products is followed as a listing."""
        key = spelling(listing_key(asked))
        if page.links is None or not page.links.is_listing or key in self.listings:
            yield from super().no_product(page, asked)
            return
        self.shapes.add(listing_shape(asked))
        self.listings.add(key)
        self.addresses.note_listing(asked)
        yield from self.follow(asked, page.links)

    def beside(self, links: Links) -> Iterator[Any]:
        """The products beside a page's own, and listings such as its maker's: some are in no category."""
        for url in links.listings:
            yield from self.ask_listing(url, discovered=True)
        for url, _ in links.products:
            if self.is_built_as_products(url) and spelling(listing_key(url)) not in self.listings:
                yield from self.ask_product(url)

    def note_built(self, address: str) -> None:
        """Notes how the address of a product is built."""
        self.built.add(listing_shape(address))

    def is_built_as_products(self, url: str) -> bool:
        """Whether an address whose query names it is built as those of products of this crawl."""
        return is_named_by_query(urlsplit(url).path) and listing_shape(self.addresses.key(url)) in self.built

    def leads_nowhere(self, url: str, asked: str) -> bool:
        """Whether a product's address leads to the front page or to a listing."""
        return super().leads_nowhere(url, asked) or spelling(listing_key(url)) in self.listings

    @property
    def follows_pictures(self) -> bool:
        """Whether a listing may be found where a product was looked for."""
        return not self.job.store.listing_urls and not self.job.query
