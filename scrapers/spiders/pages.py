"""What the spiders share that read products from HTML pages."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from scrapy.spidermiddlewares.httperror import HttpError

from scrapers.extract.address import spelling
from scrapers.extract.item import item_of, product_id
from scrapers.extract.page import same_site
from scrapers.extract.reading import Links, ProductPage, Shapes, product_page
from scrapers.middlewares.revalidate import NOT_MODIFIED
from scrapers.session.fetches import page_unchanged
from scrapers.session.freshness import changed_before, read_lately
from scrapers.session.product_addresses import ProductAddresses, signs_of
from scrapers.session.workers import EndedError, WorkerError
from scrapers.spiders.store import GONE, StoreSpider, source_of

if TYPE_CHECKING:
    from scrapy import Request
    from scrapy.http import Response
    from twisted.python.failure import Failure


MAX_OTHERS = 3
"""Further addresses of one product that are kept in case the first is dead."""


class PageSpider(StoreSpider):
    """Reads a product from each product page; asks an unchanged page only whether it still is."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.asked_for: set[str] = set()
        self.other_addresses: dict[str, list[str]] = {}
        self.dead: set[str] = set()

    @cached_property
    def addresses(self) -> ProductAddresses:
        """What is known of the store's addresses; first asked for when the crawl's memory has been loaded."""
        addresses = ProductAddresses(ignored=set(self.job.store.ignored_parameters))
        for product in self.job.memory.products.values():
            if product.signs and product.url and not product.removed:
                addresses.remember(product.url, product.signs)
        return addresses

    def is_asked(self, url: str) -> bool:
        """Whether a product's page was asked for, at this or another of its addresses."""
        return spelling(self.addresses.key(url)) in self.asked_for

    def ask_product(self, url: str, lastmod: str | None = None) -> Iterator[Any]:
        """Asks for a product's page, once in a crawl and only where it may have changed.

        :param lastmod: when the store says that it last changed, as its sitemap writes it.
        """
        address = self.addresses.key(url)
        place = spelling(address)
        if place in self.dead:
            self.dead.discard(place)
        elif place in self.asked_for:
            others = self.other_addresses.setdefault(place, [])
            if len(others) < MAX_OTHERS and url not in others:
                others.append(url)
            return
        self.asked_for.add(place)
        known = self._whole(address)
        if known and self._fresh(address, lastmod):
            self.seen_unread(self.job.memory.product_at.get(address, ""))
            return
        for request in self.ask_page(url, self.parse_product, meta={"address": address}):
            if known and not self.job.store.render:
                request.meta.update(revalidate=True, handle_httpstatus_list=[NOT_MODIFIED])
            yield request

    def failed(self, failure: Failure) -> Iterator[Any] | None:
        """As every failure; a product whose address is dead may be at another one that the store links."""
        super().failed(failure)
        request, error = failure.request, failure.value  # type: ignore[attr-defined]
        if "address" in request.meta and isinstance(error, HttpError) and error.response.status in GONE:
            return self._ask_elsewhere(request)
        return None

    def _ask_elsewhere(self, request: Request) -> Iterator[Any]:
        place = spelling(request.meta["address"])
        self.dead.add(place)
        for url in self.other_addresses.pop(place, []):
            if url != request.url:
                yield from self.ask_product(url)

    def ask_page(self, url: str, callback: Callable[..., Any], **options: Any) -> Iterator[Request]:
        """As `ask`, for a page of HTML: rendered where the store wants it, and smaller than a feed may be."""
        for request in self.ask(url, callback, render=self.job.store.render, **options):
            limits = self.job.store.limits
            request.meta["download_maxsize"] = min(limits.html_bytes, limits.page_bytes)
            yield request

    def ask_after(self, product_id: str, url: str) -> Iterator[Request]:
        """Reads the own page of a product that was not met: what is still sold is kept up to date."""
        address = self.addresses.key(url)
        if spelling(address) in self.asked_for:
            return
        self.asked_for.add(spelling(address))
        yield from self.ask_page(url, self.parse_product, meta={"address": address, "product_id": product_id})

    def last_requests(self) -> Iterator[Request]:
        """First the pages whose canonical address turned out to be another product's, too."""
        again, self.addresses.again = self.addresses.again, []
        for address in self.addresses.gone:
            one = product_id(address)
            self.job.ledger.forget(self.job.memory.moved.get(one, one))
        self.addresses.gone = []
        for url in again:
            for request in self.ask_page(url, self.parse_product, meta={"address": self.addresses.key(url)}):
                yield request.replace(dont_filter=True)
        if not again:
            yield from super().last_requests()

    def _whole(self, url: str) -> bool:
        """Whether the product of an address is stored with all that its page would give again."""
        memory, now = self.job.memory, datetime.now(UTC)
        known = memory.products.get(memory.product_at.get(url, ""))
        if known is None or known.removed:
            return False
        photos = (memory.fetches.get(photo) for photo in known.without_photo)
        return all(photo and photo.due_at and photo.due_at > now for photo in photos)

    def _fresh(self, url: str, lastmod: str | None) -> bool:
        """Whether the page at an address needs no reading now."""
        fetch, now = self.job.memory.fetches.get(url), datetime.now(UTC)
        if fetch is None:
            return False
        if read_lately(fetch.fetched_at, self.job.memory.last_whole, now):
            return True
        due = fetch.due_at is None or fetch.due_at <= now
        return not due and changed_before(lastmod, fetch.fetched_at)

    async def parse_product(self, response: Response) -> AsyncIterator[Any]:
        """Yields the product of a page; a page without one is a reject."""
        asked = response.meta.get("redirect_urls", [response.url])[0]
        address = response.meta["address"]
        lost = response.meta.get("product_id")
        earlier = lost or self.job.memory.product_at.get(address, "")
        if response.status == NOT_MODIFIED:
            self.job.ledger.shown += 1
            self.seen_unread(earlier)
            page_unchanged(self.job, address)
            return
        if not same_site(response.url, self.job.store.url):
            self.job.ledger.reject(asked, "fetch", "it leads to another site")
            return
        if response.url != asked:
            self.job.ledger.redirected.add(earlier)
        if response.url != asked and self.leads_nowhere(response.url, asked):
            self.job.ledger.gone.add(earlier)
            self.job.ledger.reject(asked, "fetch", "it leads to the front page or a listing")
            return
        try:
            page = await self._page_of(response)
        except WorkerError as error:
            self.not_read(asked, earlier, error)
            return
        for made in self._made_of(page, response, asked, address):
            yield made

    def not_read(self, url: str, earlier: str, error: WorkerError) -> None:
        """Notes a product's page whose reading was given up; where the crawl ended, the next one reads it.

        :param earlier: the id that the product is stored under; empty where it is not.
        """
        self.seen_unread(earlier)
        if not isinstance(error, EndedError):
            self.job.ledger.reject(url, "extract", str(error))
            self.job.ledger.unread += 1

    def _made_of(
        self, page: ProductPage | None, response: Response, asked: str, address: str
    ) -> Iterator[Any]:
        """The product of a page, or what else comes of it."""
        if page is None:
            self.job.ledger.reject(asked, "extract", "there is no page of HTML")
            return
        product = page.examined.product
        if product is None:
            yield from self.no_product(page, asked)
        else:
            self.job.ledger.shown += 1
            at = response.url if "redirect_urls" in response.meta else asked
            own = self.addresses.own_address(at, page.canonical, signs_of(product))
            yield item_of(product, self.job.store, replace(source_of(response), url=address), own)
            self.note_built(own)
            if page.links:
                yield from self.beside(page.links)

    def note_built(self, address: str) -> None:
        """Notes how the address of a product is built."""

    def no_product(self, page: ProductPage, asked: str) -> Iterator[Any]:
        """Notes a page that shows no product."""
        self.job.ledger.refused += 1
        reason = page.examined.reason or ""
        self.job.ledger.reject(asked, "extract", f"there is no product on the page: {reason}")
        if page.links:
            yield from self.beside(page.links)

    def beside(self, links: Links) -> Iterator[Any]:
        """What else a product's page leads to; nothing where a list tells all there is."""
        yield from ()

    @property
    def known_shapes(self) -> Shapes | None:
        """How the addresses of known listings are built; None where a list tells all there is."""
        return None

    async def _page_of(self, response: Response) -> ProductPage | None:
        """What a page says; None where it is no HTML.

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
            shapes=self.known_shapes,
        )


def content_type_of(response: Response) -> str:
    """The header that tells what an answer is; empty where there is none."""
    return (response.headers.get("Content-Type") or b"").decode("latin-1")


def is_page(content_type: str) -> bool:
    """Whether an answer with this header may be a page of HTML."""
    kinds = ("html", "xml", "text/plain")
    return not content_type or any(kind in content_type.lower() for kind in kinds)
