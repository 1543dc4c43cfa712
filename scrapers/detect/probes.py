"""Probes: each tries one strategy on a few pages of a store."""

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
"""Pages of a sitemap or listing that are searched for products."""
MAX_CATEGORIES = 12
"""Links of the navigation that are searched for products."""
MAX_TRIES_A_CATEGORY = 4
MAX_NAMED = 4
"""Sitemaps named in robots.txt that are searched, those of products first."""
MAX_BASES = 4
"""Folders above an address that are tried as the store's base."""


@dataclass(frozen=True)
class Preview:
    """A product as a crawl would read it."""

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
class ProbeResult:
    """What a probe found.

    :ivar why: what was found, as the end of a sentence.
    :ivar url: the address that crawls start from.
    """

    why: str
    url: str
    preview: list[Preview]
    currency: str | None = None


def shopify_store(session: DetectionSession, front: Fetched, page: Front) -> ProbeResult | None:
    """Probes Shopify's `/products.json`."""
    host = page.shopify_host
    elsewhere = [f"{urlsplit(front.url).scheme}://{host}/"] if host else []
    for base in [*_bases(front.url), *elsewhere]:
        data = session.json(urljoin(base, f"products.json?limit={PREVIEWS}"))
        products = data.get("products") if isinstance(data, dict) else None
        if isinstance(products, list):
            break
    else:
        return None
    meta = session.json(urljoin(base, "meta.json"))
    currency = currency_code(meta.get("currency")) if isinstance(meta, dict) else None

    def read(one: Any) -> ProductItem:
        return shopify_item(one, store="", base_url=base, currency=currency)

    items = list(_read_entries(products, read))
    if items and currency is None:
        answer = session.try_page(items[0].url)
        product = _product(session, answer) if answer else None
        currency = product.currency if product else None
        items = list(_read_entries(products, read))
    known = "" if currency is None else f", with prices in {currency}"
    where = f" below {host}" if base in elsewhere else ""
    return ProbeResult(
        f"it publishes Shopify's product list{where}{known}.", base, _previews(items), currency
    )


def woocommerce_store(session: DetectionSession, front: Fetched, page: Front) -> ProbeResult | None:
    """Probes WooCommerce's Store API."""
    for base in _woocommerce_bases(front, page):
        data = session.json(woocommerce.api_url(base, "products", per_page=PREVIEWS))
        if not isinstance(data, list):
            continue

        def read(one: Any, base: str = base) -> ProductItem:
            return woocommerce_item(one, store="", base_url=base)

        items = list(_read_entries(data, read))
        if items:
            previews = _previews(items)
            return ProbeResult(
                "it publishes WooCommerce's product list.", base, previews, _currency(previews)
            )
    return None


def _woocommerce_bases(front: Fetched, page: Front) -> Iterator[str]:
    """The addresses that the Store API may be below: the one the page names, then the usual ones."""
    named = page.rest_api
    if named and same_site(named, front.url):
        yield named if urlsplit(named).query else urljoin(named, "../")
    yield from _bases(front.url)
    if page.platform == "woocommerce":
        yield from (f"{base}?rest_route=/" for base in _bases(front.url))


def sitemap_store(session: DetectionSession, front: Fetched, page: Front) -> ProbeResult | None:
    """Probes the sitemaps for pages that describe products."""
    for url, home in _sitemaps(session, front):
        pages = [page_url for page_url in _pages_of(session, url) if same_site(page_url, front.url)]
        found = _products_on(session, _sample(pages))
        if not found:
            continue
        sources = {source for product in found for source in product.source.values()}
        marked = [str(name) for name in MARKUP_SOURCES if name in sources] or ["what they show"]
        why = f"its sitemap lists {len(pages)} pages, which describe products in {' and '.join(marked)}."
        previews = [_preview(product) for product in found]
        return ProbeResult(why, home, previews, _currency(previews))
    return None


def _sitemaps(session: DetectionSession, front: Fetched) -> Iterator[tuple[str, str]]:
    """The possible sitemaps, each with the address from which a crawl finds it."""
    if _sitemap(session, front):
        yield front.url, front.url
        return
    bases = _bases(front.url)
    named = sitemaps_in_robots(session.robots_of(front.url)[0], front.url)
    first = [entry.url for entry in of_products(tuple(map(Entry, named)))]
    for url in list(dict.fromkeys([*first, *named]))[:MAX_NAMED]:
        yield url, bases[-1]
    for base in bases:
        for place in USUAL_PLACES:
            url = urljoin(base, place)
            if url not in named:
                # A crawl looks in the usual places only where robots.txt names none.
                yield url, url if named else base


def _sitemap(session: DetectionSession, answer: Fetched) -> SitemapFile | None:
    try:
        return session.read(read_sitemap, answer.body, answer.url, max_bytes=Limits().page_bytes)
    except UnreadableSitemap:
        return None


def _pages_of(session: DetectionSession, url: str, depth: int = 0) -> list[str]:
    """The pages of the first sitemap, at or below this one, that lists any."""
    answer = session.try_page(url)
    found = _sitemap(session, answer) if answer else None
    if found is None:
        return []
    if found.pages or depth > 2:
        return [entry.url for entry in found.pages]
    for entry in of_products(found.sitemaps)[:3]:
        pages = _pages_of(session, entry.url, depth + 1)
        if pages:
            return pages
    return []


def listing_store(session: DetectionSession, front: Fetched, page: Front) -> ProbeResult | None:
    """Probes the front page and the navigation for listings that link to product pages."""
    links = session.read(page_links, front.body, front.url, max_categories=MAX_CATEGORIES)
    if links is None:
        return None
    found = _products_on(session, [url for url, _ in links.products[:MAX_TRIES]])
    for url in links.listings[:MAX_CATEGORIES] if not found else []:
        answer = session.try_page(url)
        category = session.read(page_links, answer.body, answer.url) if answer else None
        cards = category.products[:MAX_TRIES_A_CATEGORY] if category else ()
        found = _products_on(session, [url for url, _ in cards])
        if found:
            break
    if not found:
        return None
    why = "it has no list of its products, but its pages link to them."
    url = urljoin(front.url, urlsplit(front.url).path or "/")
    previews = [_preview(product) for product in found]
    return ProbeResult(why, url, previews, _currency(previews))


def _currency(previews: list[Preview]) -> str | None:
    """The currency of all previewed products; None if there is none or several."""
    named = {preview.currency for preview in previews if preview.currency}
    return named.pop() if len(named) == 1 else None


def _product(session: DetectionSession, answer: Fetched) -> Extracted | None:
    examined = session.read(product_of_page, answer.body, answer.url)
    return examined.product if examined else None


def _products_on(session: DetectionSession, urls: Sequence[str]) -> list[Extracted]:
    """Up to three products that the pages at these addresses show."""
    found: list[Extracted] = []
    for url in urls:
        answer = session.try_page(url)
        product = _product(session, answer) if answer else None
        if answer and not product and session.read(is_empty_without_scripts, answer.text[:_SHOWN]):
            session.empty_pages += 1
        if product and product.title not in {other.title for other in found}:
            found.append(product)
        if len(found) == PREVIEWS:
            break
    return found


def _sample(urls: list[str]) -> list[str]:
    """A few addresses from all over a list, which often begins with the front page and categories."""
    step = max(1, len(urls) // MAX_TRIES)
    return urls[::-1][::step][:MAX_TRIES]


def _read_entries(entries: list[Any], read: Callable[[Any], ProductItem]) -> Iterator[ProductItem]:
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
    """The possible base addresses of a store: the address's folder, which may name a country or language, the
    folders above it, and the root."""
    parts = urlsplit(url)
    folder, _, last = parts.path.rpartition("/")
    steps = [step for step in f"{folder}/{'' if '.' in last else last}".split("/") if step]
    paths = ["/".join(["", *steps[:count], ""]) for count in range(len(steps), 0, -1)]
    return [f"{parts.scheme}://{parts.netloc}{path}" for path in (*paths[:MAX_BASES], "/")]
