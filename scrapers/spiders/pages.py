"""What the spiders share that read products from HTML pages."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from scrapers.extract.markup import read_markup
from scrapers.extract.page import Page, parse_page, same_site
from scrapers.extract.product import Extracted, read_product
from scrapers.items import Offer, Photo, ProductItem
from scrapers.middlewares.revalidate import NOT_MODIFIED
from scrapers.spiders.store import StoreSpider, source_of

if TYPE_CHECKING:
    from scrapy.http import Response


class PageSpider(StoreSpider):
    """Reads a product from each product page; asks an unchanged page only whether it still is."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.asked_for: set[str] = set()

    def ask_product(self, url: str) -> Iterator[Any]:
        """Asks for a product's page, once in a crawl."""
        if url in self.asked_for:
            return
        self.asked_for.add(url)
        known = self.job.memory.products.get(self.job.memory.product_at.get(url, ""))
        for request in self.ask(url, self.parse_product):
            if known and not known.removed:
                request.meta.update(revalidate=True, handle_httpstatus_list=[NOT_MODIFIED])
            yield request

    def parse_product(self, response: Response) -> Iterator[Any]:
        """Yields the product of a page; a page without one is a reject."""
        asked = response.meta.get("redirect_urls", [response.url])[0]
        if response.status == NOT_MODIFIED:
            self.seen_unread(asked)
            return
        if not same_site(response.url, self.job.store.url):
            self.job.ledger.reject(asked, "fetch", "it leads to another site")
            return
        page = self.page_of(response)
        product = read_product(page, read_markup(page)) if page else None
        if product is None:
            self.job.ledger.reject(asked, "extract", "there is no product on the page")
            return
        yield self.item(product, response)

    def page_of(self, response: Response) -> Page | None:
        """The page, parsed; None where it is no HTML."""
        header = (response.headers.get("Content-Type") or b"").decode("latin-1")
        if header and not any(kind in header.lower() for kind in ("html", "xml", "text/plain")):
            return None
        return parse_page(response.body, response.url, header)

    def item(self, product: Extracted, response: Response) -> ProductItem:
        """The item for what a page says."""
        currency = product.currency or (self.job.store.currency if product.price is not None else None)
        return ProductItem(
            store=self.job.store.name,
            product_id=product_id(product.url),
            url=product.url,
            title=product.title or "",
            brand=product.brand,
            description=product.description,
            category=product.category,
            price=product.price,
            price_max=product.price_max,
            currency=currency,
            was_price=product.was_price,
            availability=product.availability,
            gtin=product.gtin,
            sku=product.sku,
            colours=list(product.colours),
            sizes=list(product.sizes),
            images=[
                Photo(photo.url, position, photo.colour) for position, photo in enumerate(product.photos)
            ],
            related=list(product.related),
            offers=[Offer(None, product.price, product.was_price, currency, product.availability)],
            source=source_of(response),
            evidence=product.source,
        )


def product_id(canonical: str) -> str:
    """The id of a product that the platform gives none: a hash of its page's canonical address."""
    return hashlib.sha256(canonical.encode()).hexdigest()[:24]
