"""The base of spiders that follow listings: a category's pages, or the results of a search."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from scrapers.extract.address import is_named_by_query, spelling
from scrapers.extract.links import listing_key, listing_shape
from scrapers.extract.reading import Links, ProductPage, Shapes, page_links
from scrapers.session.fetches import note_listed_offers
from scrapers.session.workers import EndedError, WorkerError
from scrapers.spiders.pages import PageSpider, content_type_of, is_page
from storage.verdicts import RejectStage

if TYPE_CHECKING:
    from scrapy import Request
    from scrapy.http import Response

    from scrapers.items import ProductItem

MAX_CATEGORIES = 300
"""Categories of the navigation that are followed if the store's entry names no listing."""
MAX_LISTINGS = 5000
"""Pages of listings that one crawl follows."""


class ListSpider(PageSpider):
    """Follows listings, page by page, to the products' own pages."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.listings: set[str] = set()
        self.listing_shapes: set[tuple[object, ...]] = set()
        self.product_shapes: set[tuple[object, ...]] = set()
        self.offer_changed: dict[str, bool] = {}

    def search(self, words: str) -> Iterator[Any]:
        """Requests the results of the search that the store's selectors name."""
        recipe = self.job.store.recipe
        url = recipe.search_for(words) if recipe else None
        if url:
            yield from self.request_listing(url)
        else:
            self.job.stats.gaps.append("its entry names no `search_url` in [stores.recipe]")

    def request_listing(self, url: str, *, front: bool = False, discovered: bool = False) -> Iterator[Any]:
        """Requests a page of a listing, each once.

        :param discovered: whether it was found by a link, which may be dead.
        """
        key = spelling(listing_key(url))
        if key in self.listings or self.is_requested(url):
            return
        if len(self.listings) >= MAX_LISTINGS:
            gap = f"more than {MAX_LISTINGS} pages of listings"
            if gap not in self.job.stats.gaps:
                self.job.stats.gaps.append(gap)
            return
        self.listings.add(key)
        self.addresses.note_listing(url)
        options = {"essential": True, "priority": 10, "front": front, "meta": {"discovered": discovered}}
        yield from self.request_page(url, self.parse_listing, **options)

    async def parse_listing(self, response: Response, front: bool = False) -> AsyncIterator[Any]:
        """Requests the products of a listing and its next page."""
        try:
            links = await self._read_links(response, front=front)
        except WorkerError as error:
            self.list_reading_failed(response.url, error)
            return
        if links is None:
            self.job.stats.gaps.append(f"{response.url}: it holds no page")
            return
        if links.is_listing and not front:
            self.listing_shapes.add(listing_shape(response.url))
        for request in self.follow(response.url, links):
            yield request

    def list_reading_failed(self, url: str, error: WorkerError) -> None:
        """Notes a listing or sitemap that could not be read."""
        if not isinstance(error, EndedError):
            self.job.stats.reject(url, RejectStage.EXTRACT, str(error))
            self.job.stats.gaps.append(f"{url}: {error}")

    async def _read_links(self, response: Response, *, front: bool) -> Links | None:
        """The links of a listing; None if it is no HTML.

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
            shapes=self.known_listing_shapes,
        )

    @property
    def known_listing_shapes(self) -> Shapes | None:
        """The shapes of known listings' addresses; None if only listings are followed."""
        return frozenset(self.listing_shapes) if self.follows_images else None

    def follow(self, listing: str, links: Links) -> Iterator[Any]:
        """Requests what a listing links to."""
        self.job.stats.note_listing(listing, len(links.products))
        self.addresses.note_cards(links.products)
        for url, offer in links.offers.items():
            self.job.snapshot.listed_offers.note(self.addresses.key(url), offer)
        for url in links.listings:
            yield from self.request_listing(url, discovered=True)
        for url in links.following:
            yield from self.request_listing(url, discovered=True)
        for url, _ in links.products:
            if spelling(listing_key(url)) not in self.listings:
                yield from self.request_product(url)

    def is_judged_by_listings(self, url: str) -> bool:
        """Whether a product is known, its page has no validators, and the store's listings are trusted."""
        snapshot, address = self.job.snapshot, self.addresses.key(url)
        fetch = snapshot.fetches.get(address)
        without = fetch is not None and not fetch.etag and not fetch.last_modified
        return without and snapshot.listed_offers.trusted and not self.job.query

    def request_product_now(self, url: str, lastmod: str | None) -> Iterator[Any]:
        """Requests a product's page, unless trusted listings show the product unchanged and it is not due."""
        address = self.addresses.key(url)
        if self.is_judged_by_listings(url) and self._is_stored_whole(address):
            unchanged = self.job.snapshot.listed_offers.is_unchanged(address)
            due_at = self.job.snapshot.fetches[address].due_at
            if unchanged and due_at and due_at > datetime.now(UTC):
                self.note_still_listed(self.job.snapshot.product_at.get(address, ""))
                return
        yield from super().request_product_now(url, lastmod)

    def note_offer(self, address: str, item: ProductItem) -> None:
        """Notes whether the price or stock of a product is another than before."""
        snapshot = self.job.snapshot
        before = snapshot.offers.get((snapshot.moved.get(item.product_id, item.product_id), None))
        if before is not None:
            price, _, currency, availability = before
            now = (item.price, item.currency, item.availability)
            self.offer_changed[address] = (price, currency, availability) != now
        else:
            self.offer_changed[address] = False

    def last_requests(self) -> Iterator[Request]:
        """Requests what is left; if nothing is, learns from what the listings showed of the pages read."""
        requests = list(super().last_requests())
        yield from requests
        if not requests and self.job.snapshot.listed_offers and not self.job.query:
            listed, read = self.job.snapshot.listed_offers, self.offer_changed
            for address, changed in read.items():
                listed.learn(address, changed=changed)
            note_listed_offers(self.job, read)
            self.offer_changed = {}

    def parse_page_without_product(self, page: ProductPage, requested: str) -> Iterator[Any]:
        """Follows a page that shows several products as a listing: an image may link to a category."""
        key = spelling(listing_key(requested))
        if page.links is None or not self._is_listing(requested, page.links) or key in self.listings:
            yield from super().parse_page_without_product(page, requested)
            return
        self.listing_shapes.add(listing_shape(requested))
        self.listings.add(key)
        self.addresses.note_listing(requested)
        yield from self.follow(requested, page.links)

    def _is_listing(self, url: str, links: Links) -> bool:
        """Whether a page without a product is a listing: one product is enough where its address is built as
        those of the known listings are."""
        known = listing_shape(url) in self.listing_shapes
        return links.is_listing or (known and bool(links.products))

    def follow_links_of_product(self, links: Links) -> Iterator[Any]:
        """Requests other products that a product's page links to, and listings: some are in no category."""
        for url in links.listings:
            yield from self.request_listing(url, discovered=True)
        for url, _ in links.products:
            if self.has_product_shape(url) and spelling(listing_key(url)) not in self.listings:
                yield from self.request_product(url)

    def note_product_shape(self, address: str) -> None:
        """Notes the shape of a product's address."""
        self.product_shapes.add(listing_shape(address))

    def has_product_shape(self, url: str) -> bool:
        """Whether an address that names a product in its query has the shape of known product addresses."""
        shape = listing_shape(self.addresses.key(url))
        return is_named_by_query(urlsplit(url).path) and shape in self.product_shapes

    def is_dead_end(self, url: str, requested: str) -> bool:
        """Whether a product's address redirects to the front page or to a listing."""
        return super().is_dead_end(url, requested) or spelling(listing_key(url)) in self.listings

    @property
    def follows_images(self) -> bool:
        """Whether a page requested as a product's may turn out to be a listing."""
        return not self.job.store.listing_urls and not self.job.query
