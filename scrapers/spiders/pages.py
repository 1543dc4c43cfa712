"""What the spiders share that read products from HTML pages."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from scrapers.extract.item import item_of
from scrapers.extract.page import same_site
from scrapers.fetches import page_unchanged
from scrapers.freshness import changed_before, read_lately
from scrapers.middlewares.revalidate import NOT_MODIFIED
from scrapers.reading import product_of_page
from scrapers.spiders.store import StoreSpider, source_of
from scrapers.workers import EndedError, WorkerError

if TYPE_CHECKING:
    from scrapy import Request
    from scrapy.http import Response

    from scrapers.extract.product import Examined


class PageSpider(StoreSpider):
    """Reads a product from each product page; asks an unchanged page only whether it still is."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.asked_for: set[str] = set()

    def ask_product(self, url: str, lastmod: str | None = None) -> Iterator[Any]:
        """Asks for a product's page, once in a crawl and only where it may have changed.

        :param lastmod: when the store says that it last changed, as its sitemap writes it.
        """
        if url in self.asked_for:
            return
        self.asked_for.add(url)
        known = self._whole(url)
        if known and self._fresh(url, lastmod):
            self.seen_unread(url)
            return
        for request in self.ask_page(url, self.parse_product):
            if known and not self.job.store.render:
                request.meta.update(revalidate=True, handle_httpstatus_list=[NOT_MODIFIED])
            yield request

    def ask_page(self, url: str, callback: Callable[..., Any], **options: Any) -> Iterator[Request]:
        """As `ask`, for a page of HTML: rendered where the store wants it, and smaller than a feed may be."""
        for request in self.ask(url, callback, render=self.job.store.render, **options):
            limits = self.job.store.limits
            request.meta["download_maxsize"] = min(limits.html_bytes, limits.page_bytes)
            yield request

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
        if read_lately(fetch.fetched_at, self.job.memory.last_complete, now):
            return True
        due = fetch.due_at is None or fetch.due_at <= now
        return not due and changed_before(lastmod, fetch.fetched_at)

    async def parse_product(self, response: Response) -> AsyncIterator[Any]:
        """Yields the product of a page; a page without one is a reject."""
        asked = response.meta.get("redirect_urls", [response.url])[0]
        if response.status == NOT_MODIFIED:
            self.seen_unread(asked)
            page_unchanged(self.job, asked)
            return
        if not same_site(response.url, self.job.store.url):
            self.job.ledger.reject(asked, "fetch", "it leads to another site")
            return
        try:
            examined = await self._examined(response)
        except WorkerError as error:
            self.not_read(asked, error)
            return
        if examined is None:
            self.job.ledger.reject(asked, "extract", "there is no page of HTML")
        elif examined.product is None:
            self.job.ledger.reject(asked, "extract", f"there is no product on the page: {examined.reason}")
        else:
            yield item_of(examined.product, self.job.store, source_of(response))

    def not_read(self, url: str, error: WorkerError) -> None:
        """Notes a product's page whose reading was given up; where the crawl ended, the next one reads it."""
        self.seen_unread(url)
        if not isinstance(error, EndedError):
            self.job.ledger.reject(url, "extract", str(error))
            self.job.ledger.unread += 1

    async def _examined(self, response: Response) -> Examined | None:
        """What a page is about; None where it is no HTML.

        :raises WorkerError: where it cannot be read, or not in time.
        """
        header = content_type_of(response)
        if not is_page(header):
            return None
        job = self.job
        return await job.reader.answer(product_of_page, response.body, response.url, header, job.store.recipe)


def content_type_of(response: Response) -> str:
    """The header that tells what an answer is; empty where there is none."""
    return (response.headers.get("Content-Type") or b"").decode("latin-1")


def is_page(content_type: str) -> bool:
    """Whether an answer with this header may be a page of HTML."""
    kinds = ("html", "xml", "text/plain")
    return not content_type or any(kind in content_type.lower() for kind in kinds)
