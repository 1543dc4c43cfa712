"""The base of spiders that read products from HTML pages."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from scrapy.spidermiddlewares.httperror import HttpError

from scrapers.extract.address import category_order, is_named_by_query, spelling
from scrapers.extract.item import item_of, product_id
from scrapers.extract.page import same_site
from scrapers.extract.reading import Links, ProductPage, Shapes, product_page
from scrapers.middlewares.revalidate import NOT_MODIFIED
from scrapers.session.fetches import note_page_unchanged
from scrapers.session.freshness import changed_before, read_lately
from scrapers.session.product_addresses import ProductAddresses, traits_of
from scrapers.session.workers import EndedError, WorkerError
from scrapers.spiders.store import GONE, StoreSpider, source_of
from storage.verdicts import RejectStage

if TYPE_CHECKING:
    from scrapy import Request
    from scrapy.http import Response
    from twisted.python.failure import Failure

    from scrapers.items import ProductItem


MAX_OTHER_ADDRESSES = 3
"""Other addresses of a product that are kept in case the first one is dead."""


class PageSpider(StoreSpider):
    """Reads a product from each product page; a known page is only revalidated."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.requested: set[str] = set()
        self.other_addresses: dict[str, list[str]] = {}
        self.dead_addresses: set[str] = set()
        self.waiting: dict[str, tuple[str, str | None]] = {}

    @cached_property
    def addresses(self) -> ProductAddresses:
        """What is known of the store's addresses; first used after the snapshot was loaded."""
        addresses = ProductAddresses(ignored=set(self.job.store.ignored_parameters))
        for product in self.job.snapshot.products.values():
            if product.traits and product.url and not product.removed:
                addresses.add_stored(product.url, product.traits)
        return addresses

    def is_requested(self, url: str) -> bool:
        """Whether a product's page was requested, at this or another of its addresses."""
        return spelling(self.addresses.key(url)) in self.requested

    def request_product(self, url: str, lastmod: str | None = None) -> Iterator[Any]:
        """Requests a product's page, once in a crawl and only if it may have changed.

        :param lastmod: when it last changed, as the store's sitemap writes it.
        """
        address = self.addresses.key(url)
        place = spelling(address)
        if place in self.dead_addresses:
            self.dead_addresses.discard(place)
        elif place in self.requested:
            self._note_other_address(place, url)
            return
        self.requested.add(place)
        if self._waits_for_listings(url):
            self.waiting[place] = url, lastmod
            return
        yield from self.request_product_now(url, lastmod)

    def _note_other_address(self, place: str, url: str) -> None:
        """Notes another address of a requested product, to be used if it is the better one, or the first one
        is dead."""
        if place in self.waiting:
            first, lastmod = self.waiting[place]
            best, url = sorted((first, url), key=category_order)
            self.waiting[place] = best, lastmod
        others = self.other_addresses.setdefault(place, [])
        if len(others) < MAX_OTHER_ADDRESSES and url not in others:
            others.append(url)

    def _waits_for_listings(self, url: str) -> bool:
        """Whether a product's page is requested only after all listings were read.

        Where the query names the product, listings link to it by several addresses, and only those that name
        its category show the whole breadcrumb trail. None waits where the crawl may reach its limit of pages.
        """
        if self.is_judged_by_listings(url):
            return True
        within_limit = self.job.stats.pages_requested + len(self.waiting) < self.job.store.limits.pages
        return is_named_by_query(urlsplit(url).path) and within_limit

    def is_judged_by_listings(self, url: str) -> bool:
        """Whether the listings tell if a product's page has to be read."""
        return False

    def note_offer(self, address: str, item: ProductItem) -> None:
        """Notes the price and stock of a product whose page was read."""

    def request_product_now(self, url: str, lastmod: str | None) -> Iterator[Any]:
        address = self.addresses.key(url)
        known = self._is_stored_whole(address)
        if known and self._is_fresh(address, lastmod):
            self.note_still_listed(self.job.snapshot.product_at.get(address, ""))
            return
        for request in self.request_page(url, self.parse_product, meta={"address": address}):
            if known and not self.job.store.render:
                request.meta.update(revalidate=True, handle_httpstatus_list=[NOT_MODIFIED])
            yield request

    def request_failed(self, failure: Failure) -> Iterator[Any] | None:
        """Handles a failure; a product whose address is dead may be at another one that the store links."""
        super().request_failed(failure)
        request, error = failure.request, failure.value  # type: ignore[attr-defined]
        if "address" in request.meta and isinstance(error, HttpError) and error.response.status in GONE:
            return self._request_other_address(request)
        return None

    def _request_other_address(self, request: Request) -> Iterator[Any]:
        place = spelling(request.meta["address"])
        self.dead_addresses.add(place)
        for url in sorted(self.other_addresses.pop(place, []), key=category_order):
            if url != request.url:
                yield from self.request_product(url)

    def request_page(self, url: str, callback: Callable[..., Any], **options: Any) -> Iterator[Request]:
        """Requests a page of HTML: rendered if the store needs it, and smaller than a feed may be."""
        for request in self.request(url, callback, render=self.job.store.render, **options):
            limits = self.job.store.limits
            request.meta["download_maxsize"] = min(limits.html_bytes, limits.page_bytes)
            yield request

    def request_missing_product(self, product_id: str, url: str) -> Iterator[Request]:
        """Requests the own page of a product that was not found, to update it if it is still sold."""
        address = self.addresses.key(url)
        if spelling(address) in self.requested:
            return
        self.requested.add(spelling(address))
        yield from self.request_page(
            url, self.parse_product, meta={"address": address, "product_id": product_id}
        )

    def last_requests(self) -> Iterator[Request]:
        """Requests first the pages that waited for the listings, then those whose canonical address turned
        out to be another product's, too."""
        waiting, self.waiting = self.waiting, {}
        requests = [
            one for url, lastmod in waiting.values() for one in self.request_product_now(url, lastmod)
        ]
        yield from requests
        if requests:
            return
        again, self.addresses.to_read_again = self.addresses.to_read_again, []
        for address in self.addresses.disproved:
            read_id = product_id(address)
            self.job.stats.retract(self.job.snapshot.moved.get(read_id, read_id))
        self.addresses.disproved = []
        for url in again:
            for request in self.request_page(
                url, self.parse_product, meta={"address": self.addresses.key(url)}
            ):
                yield request.replace(dont_filter=True)
        if not again:
            yield from super().last_requests()

    def _is_stored_whole(self, url: str) -> bool:
        """Whether the product of an address is stored with all its photos that can be fetched."""
        snapshot, now = self.job.snapshot, datetime.now(UTC)
        known = snapshot.products.get(snapshot.product_at.get(url, ""))
        if known is None or known.removed:
            return False
        photos = (snapshot.fetches.get(photo) for photo in known.missing_photo_urls)
        return all(photo and photo.due_at and photo.due_at > now for photo in photos)

    def _is_fresh(self, url: str, lastmod: str | None) -> bool:
        """Whether the page at an address need not be read now."""
        fetch, now = self.job.snapshot.fetches.get(url), datetime.now(UTC)
        if fetch is None:
            return False
        if read_lately(fetch.fetched_at, self.job.snapshot.last_whole, now):
            return True
        due = fetch.due_at is None or fetch.due_at <= now
        return not due and changed_before(lastmod, fetch.fetched_at)

    async def parse_product(self, response: Response) -> AsyncIterator[Any]:
        """Yields the product of a page; a page without a product is a reject."""
        requested = response.meta.get("redirect_urls", [response.url])[0]
        address = response.meta["address"]
        lost = response.meta.get("product_id")
        earlier = lost or self.job.snapshot.product_at.get(address, "")
        if response.status == NOT_MODIFIED:
            self.job.stats.product_pages += 1
            self.note_still_listed(earlier)
            note_page_unchanged(self.job, address)
            return
        if not same_site(response.url, self.job.store.url):
            self.job.stats.reject(requested, RejectStage.FETCH, "it leads to another site")
            return
        if response.url != requested:
            self.job.stats.redirected.add(earlier)
        if response.url != requested and self.is_dead_end(response.url, requested):
            self.job.stats.gone.add(earlier)
            self.job.stats.reject(requested, RejectStage.FETCH, "it leads to the front page or a listing")
            return
        try:
            page = await self._read_page(response)
        except WorkerError as error:
            self.reading_failed(requested, earlier, error)
            return
        for item_or_request in self._items_of_page(page, response, requested, address):
            yield item_or_request

    def reading_failed(self, url: str, earlier: str, error: WorkerError) -> None:
        """Notes a product's page that could not be read; if the crawl has ended, the next one reads it.

        :param earlier: the id that the product is stored under; empty if it is not stored.
        """
        self.note_still_listed(earlier)
        if not isinstance(error, EndedError):
            self.job.stats.reject(url, RejectStage.EXTRACT, str(error))
            self.job.stats.unread += 1

    def _items_of_page(
        self, page: ProductPage | None, response: Response, requested: str, address: str
    ) -> Iterator[Any]:
        """Yields the product of a page, or requests for what it links to."""
        if page is None:
            self.job.stats.reject(requested, RejectStage.EXTRACT, "there is no page of HTML")
            return
        product = page.examined.product
        if product is None:
            yield from self.parse_page_without_product(page, requested)
        else:
            self.job.stats.product_pages += 1
            at = response.url if "redirect_urls" in response.meta else requested
            own = self.addresses.own_address(at, page.canonical, traits_of(product))
            item = item_of(product, self.job.store, replace(source_of(response), url=address), own)
            self.note_offer(address, item)
            yield item
            self.note_product_shape(own)
            if page.links:
                yield from self.follow_links_of_product(page.links)

    def note_product_shape(self, address: str) -> None:
        """Notes the shape of a product's address."""

    def parse_page_without_product(self, page: ProductPage, requested: str) -> Iterator[Any]:
        """Notes a page that shows no product."""
        self.job.stats.pages_without_product += 1
        reason = page.examined.reason or ""
        self.job.stats.reject(requested, RejectStage.EXTRACT, f"there is no product on the page: {reason}")
        if page.links:
            yield from self.follow_links_of_product(page.links)

    def follow_links_of_product(self, links: Links) -> Iterator[Any]:
        """Requests what else a product's page links to; nothing if a list names all products."""
        yield from ()

    @property
    def known_listing_shapes(self) -> Shapes | None:
        """The shapes of known listings' addresses; None if a list names all products."""
        return None

    async def _read_page(self, response: Response) -> ProductPage | None:
        """Reads a page; None if it is no HTML.

        :raises WorkerError: where it cannot be read, or not in time.
        """
        header = content_type_of(response)
        if not is_page(header):
            return None
        return await self.job.reader.answer(
            product_page,
            response.body,
            response.url,
            header,
            self.job.store.recipe,
            shapes=self.known_listing_shapes,
        )


def content_type_of(response: Response) -> str:
    """The `Content-Type` header of a response; empty if there is none."""
    return (response.headers.get("Content-Type") or b"").decode("latin-1")


def is_page(content_type: str) -> bool:
    """Whether a response with this header may be a page of HTML."""
    kinds = ("html", "xml", "text/plain")
    return not content_type or any(kind in content_type.lower() for kind in kinds)
