"""What the spiders share that read products from HTML pages."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from scrapers import heap
from scrapers.extract.item import item_of
from scrapers.extract.markup import read_markup
from scrapers.extract.page import Page, parse_page, same_site
from scrapers.extract.recipe import examine_with_recipe
from scrapers.fetches import page_unchanged
from scrapers.freshness import changed_before, read_lately
from scrapers.middlewares.revalidate import NOT_MODIFIED
from scrapers.spiders.store import StoreSpider, source_of

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

    def parse_product(self, response: Response) -> Iterator[Any]:
        """Yields the product of a page; a page without one is a reject."""
        asked = response.meta.get("redirect_urls", [response.url])[0]
        if response.status == NOT_MODIFIED:
            self.seen_unread(asked)
            page_unchanged(self.job, asked)
            return
        if not same_site(response.url, self.job.store.url):
            self.job.ledger.reject(asked, "fetch", "it leads to another site")
            return
        examined = self._examined(response)
        heap.trim_after(len(response.body))
        if examined is None:
            self.job.ledger.reject(asked, "extract", "there is no page of HTML")
        elif examined.product is None:
            self.job.ledger.reject(asked, "extract", f"there is no product on the page: {examined.reason}")
        else:
            yield item_of(examined.product, self.job.store, source_of(response))

    def _examined(self, response: Response) -> Examined | None:
        """What a page is about; None where it is no HTML. The page's tree lives no longer than this."""
        page = self.page_of(response)
        return examine_with_recipe(page, read_markup(page), self.job.store.recipe) if page else None

    def page_of(self, response: Response) -> Page | None:
        """The page, parsed; None where it is no HTML."""
        header = (response.headers.get("Content-Type") or b"").decode("latin-1")
        if header and not any(kind in header.lower() for kind in ("html", "xml", "text/plain")):
            return None
        return parse_page(response.body, response.url, header)
