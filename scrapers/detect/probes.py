"""The ways a store may be read, each tried on a few of its pages."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from urllib.parse import urljoin, urlsplit

from scrapers.config.store import Limits
from scrapers.detect.platforms import is_empty_without_scripts
from scrapers.detect.session import DetectionSession
from scrapers.extract.api import shopify_item, woocommerce_item
from scrapers.extract.fields.currency import currency_code
from scrapers.extract.page import same_site
from scrapers.extract.product import Extracted
from scrapers.extract.reading import Front, page_links, product_of_page
from scrapers.extract.sitemap import (
    USUAL_PLACES,
    Entry,
    SitemapFile,
    UnreadableSitemap,
    of_products,
    read_sitemap,
    sitemaps_in_robots,
)
from scrapers.extract.sources import woocommerce
from scrapers.http.fetch import Fetched
from scrapers.items import ProductItem
from storage.money import display_price
from storage.terms import MARKUP_SOURCES

PREVIEWS = 3
_SHOWN = 1_000_000
MAX_TRIES = 12
"""Pages of a sitemap or listing that are looked at in search of products."""
MAX_CATEGORIES = 12
"""Links of the navigation that are followed in search of products."""
MAX_TRIES_A_CATEGORY = 4
MAX_NAMED = 4
"""Sitemaps named in robots.txt that are looked at, those of products first."""
MAX_BASES = 4
"""Folders above an address that a store may begin at."""


@dataclass(frozen=True)
class Preview:
    """A product as it would be read."""

    title: str
    price: Decimal | None
    currency: str | None
    availability: str | None
    url: str

    def __str__(self) -> str:
        words = (self.availability or "").replace("_", " ")
        return ", ".join(
            filter(None, [self.title, display_price(self.price, self.currency), words, self.url])
        )


@dataclass(frozen=True)
class Finding:
    """What a probe found.

    :ivar why: what it is, as the rest of a sentence.
    :ivar url: the address the store is to be read from.
    """

    why: str
    url: str
    preview: list[Preview]
    currency: str | None = None


def shopify_store(visit: DetectionSession, front: Fetched, page: Front) -> Finding | None:
    """Shopify's `/products.json`."""
    hidden = page.shopify_host
    elsewhere = [f"{urlsplit(front.url).scheme}://{hidden}/"] if hidden else []
    for base in [*_bases(front.url), *elsewhere]:
        data = visit.json(urljoin(base, f"products.json?limit={PREVIEWS}"))
        products = data.get("products") if isinstance(data, dict) else None
        if isinstance(products, list):
            break
    else:
        return None
    meta = visit.json(urljoin(base, "meta.json"))
    currency = currency_code(meta.get("currency")) if isinstance(meta, dict) else None

    def read(one: Any) -> ProductItem:
        return shopify_item(one, store="", base_url=base, currency=currency)

    items = list(_read(products, read))
    if items and currency is None:
        answer = visit.tried(items[0].url)
        product = _product(visit, answer) if answer else None
        currency = product.currency if product else None
        items = list(_read(products, read))
    known = "" if currency is None else f", with prices in {currency}"
    where = f" below {hidden}" if base in elsewhere else ""
    return Finding(f"it publishes Shopify's product list{where}{known}.", base, _previews(items), currency)


def woocommerce_store(visit: DetectionSession, front: Fetched, page: Front) -> Finding | None:
    """WooCommerce's Store API."""
    for base in _woocommerce_bases(front, page):
        data = visit.json(woocommerce.api_url(base, "products", per_page=PREVIEWS))
        if not isinstance(data, list):
            continue

        def read(one: Any, base: str = base) -> ProductItem:
            return woocommerce_item(one, store="", base_url=base)

        items = list(_read(data, read))
        if items:
            previews = _previews(items)
            return Finding("it publishes WooCommerce's product list.", base, previews, _currency(previews))
    return None


def _woocommerce_bases(front: Fetched, page: Front) -> Iterator[str]:
    """Where the Store API may be below: as the page says, else in a usual place."""
    named = page.rest_api
    if named and same_site(named, front.url):
        yield named if urlsplit(named).query else urljoin(named, "../")
    yield from _bases(front.url)
    if page.platform == "woocommerce":
        yield from (f"{base}?rest_route=/" for base in _bases(front.url))


def sitemap_store(visit: DetectionSession, front: Fetched, page: Front) -> Finding | None:
    """A sitemap whose pages describe products."""
    for url, home in _sitemaps(visit, front):
        pages = [one for one in _pages_of(visit, url) if same_site(one, front.url)]
        found = _look(visit, _spread(pages))
        if not found:
            continue
        sources = {source for product in found for source in product.source.values()}
        marked = [str(name) for name in MARKUP_SOURCES if name in sources] or ["what they show"]
        why = f"its sitemap lists {len(pages)} pages, which describe products in {' and '.join(marked)}."
        previews = [_preview(product) for product in found]
        return Finding(why, home, previews, _currency(previews))
    return None


def _sitemaps(visit: DetectionSession, front: Fetched) -> Iterator[tuple[str, str]]:
    """Where a sitemap may be, each with the address that a crawl finds it from."""
    if _sitemap(visit, front):
        yield front.url, front.url
        return
    bases = _bases(front.url)
    named = sitemaps_in_robots(visit.robots_of(front.url)[0], front.url)
    first = [entry.url for entry in of_products(tuple(map(Entry, named)))]
    for url in list(dict.fromkeys([*first, *named]))[:MAX_NAMED]:
        yield url, bases[-1]
    for base in bases:
        for place in USUAL_PLACES:
            url = urljoin(base, place)
            if url not in named:
                # A crawl looks in the usual places only where robots.txt names none.
                yield url, url if named else base


def _sitemap(visit: DetectionSession, answer: Fetched) -> SitemapFile | None:
    try:
        return visit.read(read_sitemap, answer.body, answer.url, max_bytes=Limits().page_bytes)
    except UnreadableSitemap:
        return None


def _pages_of(visit: DetectionSession, url: str, depth: int = 0) -> list[str]:
    """Pages of the first sitemap below one that lists any."""
    answer = visit.tried(url)
    found = _sitemap(visit, answer) if answer else None
    if found is None:
        return []
    if found.pages or depth > 2:
        return [entry.url for entry in found.pages]
    for entry in of_products(found.sitemaps)[:3]:
        pages = _pages_of(visit, entry.url, depth + 1)
        if pages:
            return pages
    return []


def listing_store(visit: DetectionSession, front: Fetched, page: Front) -> Finding | None:
    """Listings on the front page or in the navigation that link to product pages."""
    links = visit.read(page_links, front.body, front.url, max_categories=MAX_CATEGORIES)
    if links is None:
        return None
    found = _look(visit, [url for url, _ in links.products[:MAX_TRIES]])
    for url in links.listings[:MAX_CATEGORIES] if not found else []:
        answer = visit.tried(url)
        category = visit.read(page_links, answer.body, answer.url) if answer else None
        cards = category.products[:MAX_TRIES_A_CATEGORY] if category else ()
        found = _look(visit, [url for url, _ in cards])
        if found:
            break
    if not found:
        return None
    why = "it has no list of its products, but its pages link to them."
    url = urljoin(front.url, urlsplit(front.url).path or "/")
    previews = [_preview(product) for product in found]
    return Finding(why, url, previews, _currency(previews))


def _currency(previews: list[Preview]) -> str | None:
    """What all of the previewed products are priced in."""
    named = {preview.currency for preview in previews if preview.currency}
    return named.pop() if len(named) == 1 else None


def _product(visit: DetectionSession, answer: Fetched) -> Extracted | None:
    examined = visit.read(product_of_page, answer.body, answer.url)
    return examined.product if examined else None


def _look(visit: DetectionSession, urls: Sequence[str]) -> list[Extracted]:
    """Up to three products on the pages at these addresses."""
    found: list[Extracted] = []
    for url in urls:
        answer = visit.tried(url)
        product = _product(visit, answer) if answer else None
        if answer and not product and visit.read(is_empty_without_scripts, answer.text[:_SHOWN]):
            visit.empty_pages += 1
        if product and product.title not in {other.title for other in found}:
            found.append(product)
        if len(found) == PREVIEWS:
            break
    return found


def _spread(urls: list[str]) -> list[str]:
    """A few addresses from all over a list: its beginning is often the front page and categories."""
    step = max(1, len(urls) // MAX_TRIES)
    return urls[::-1][::step][:MAX_TRIES]


def _read(entries: list[Any], read: Callable[[Any], ProductItem]) -> Iterator[ProductItem]:
    for entry in entries[:PREVIEWS]:
        try:
            yield read(entry)
        except ValueError:
            continue


def _previews(items: list[ProductItem]) -> list[Preview]:
    return [Preview(item.title, item.price, item.currency, item.availability, item.url) for item in items]


def _preview(product: Extracted) -> Preview:
    return Preview(product.title or "", product.price, product.currency, product.availability, product.url)


def _bases(url: str) -> list[str]:
    """Where a store may begin: an address's folder, which may name a country or language, those above it, and
    the root."""
    parts = urlsplit(url)
    folder, _, last = parts.path.rpartition("/")
    steps = [step for step in f"{folder}/{'' if '.' in last else last}".split("/") if step]
    paths = ["/".join(["", *steps[:count], ""]) for count in range(len(steps), 0, -1)]
    return [f"{parts.scheme}://{parts.netloc}{path}" for path in (*paths[:MAX_BASES], "/")]
