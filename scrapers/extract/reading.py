"""Functions that workers run on a store's pages: bytes in, records out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from scrapers.config.selectors import Selectors
from scrapers.config.store import Strategy
from scrapers.detect.platforms import (
    is_empty_without_scripts,
    likely_platform,
    locale_of,
    rest_api,
    search_url,
    shopify_host,
)
from scrapers.extract.fields.currency import extract_currency
from scrapers.extract.links import (
    category_links,
    further_listings,
    listing_shape,
    next_pages,
    product_cards,
)
from scrapers.extract.listed_offers import listed_offers
from scrapers.extract.page import Page, parse_page
from scrapers.extract.product import Examined
from scrapers.extract.sources.markup import Markup, read_markup
from scrapers.extract.sources.selectors import examine_with_selectors, links_by_selectors

Shapes = frozenset[tuple[object, ...]]
"""How the addresses of a store's listings are built; see `scrapers.extract.links.listing_shape`."""

MIN_CARDS = 2
"""Products from which on a page without a product of its own counts as a listing."""


@dataclass(frozen=True, slots=True)
class Links:
    """Where a page leads.

    :ivar listings: further listings.
    :ivar following: the next pages of its own.
    :ivar products: address and name of each product that it shows; the name is empty if selectors found it.
    :ivar offers: what it shows of the products' prices and stock, by their addresses.
    """

    listings: Sequence[str] = ()
    following: Sequence[str] = ()
    products: Sequence[tuple[str, str]] = ()
    offers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def is_listing(self) -> bool:
        """Whether it shows enough products for a listing."""
        return len(self.products) >= MIN_CARDS


@dataclass(frozen=True, slots=True)
class ProductPage:
    """The result of reading a product's page.

    :ivar canonical: its canonical URL.
    :ivar links: where it leads; None if not requested.
    """

    examined: Examined
    canonical: str | None
    links: Links | None


@dataclass(frozen=True, slots=True)
class Front:
    """What a store's front page says about the store.

    :ivar platform: the platform that it looks like.
    :ivar shopify_host: its address below myshopify.com.
    :ivar rest_api: the address of WordPress' REST API.
    :ivar search_url: the address of its search, with `{query}` in place of the words.
    :ivar empty: whether it shows almost nothing before its scripts run.
    """

    platform: Strategy | None = None
    shopify_host: str | None = None
    rest_api: str | None = None
    locale: str | None = None
    search_url: str | None = None
    empty: bool = False


def read_front(html: str, url: str) -> Front:
    """Reads a store's front page."""
    return Front(
        likely_platform(html),
        shopify_host(html),
        rest_api(html, url),
        locale_of(html),
        search_url(html, url),
        is_empty_without_scripts(html),
    )


def examine_page(
    body: bytes, url: str, content_type: str | None = None, selectors: Selectors | None = None
) -> Examined | None:
    """The product of a page and what each source states; None if the body is no HTML."""
    page = parse_page(body, url, content_type)
    return examine_with_selectors(page, read_markup(page), selectors) if page else None


def product_of_page(
    body: bytes, url: str, content_type: str | None = None, selectors: Selectors | None = None
) -> Examined | None:
    """As `examine_page`, without the candidates."""
    examined = examine_page(body, url, content_type, selectors)
    return replace(examined, candidates=()) if examined else None


def product_page(
    body: bytes,
    url: str,
    content_type: str | None = None,
    selectors: Selectors | None = None,
    *,
    shapes: Shapes | None = None,
) -> ProductPage | None:
    """Reads a product's page and where it leads; None if the body is no HTML.

    :param shapes: of the known listings; None to leave `links` out.
    """
    page = parse_page(body, url, content_type)
    if page is None:
        return None
    markup = read_markup(page)
    examined = examine_with_selectors(page, markup, selectors)
    links = None
    if shapes is not None and examined.product is None:
        links = _links_of(page, markup, selectors, shapes=shapes)
    if shapes is not None and (links is None or not links.is_listing):
        links = Links(further_listings(page, set(shapes)), (), product_cards(page, markup))
    return ProductPage(replace(examined, candidates=()), page.canonical, links)


def page_links(
    body: bytes,
    url: str,
    content_type: str | None = None,
    selectors: Selectors | None = None,
    *,
    max_categories: int = 0,
    shapes: Shapes | None = None,
) -> Links | None:
    """The links of a listing; None if the body is no HTML.

    :param max_categories: most links of the store's navigation to take as listings; 0 on other pages than the
        front page.
    :param shapes: of the known listings; None to look for no further ones.
    """
    page = parse_page(body, url, content_type)
    if page is None:
        return None
    return _links_of(page, read_markup(page), selectors, max_categories=max_categories, shapes=shapes)


def _links_of(
    page: Page,
    markup: Markup,
    selectors: Selectors | None,
    *,
    max_categories: int = 0,
    shapes: Shapes | None = None,
) -> Links:
    def selected(name: str) -> list[str]:
        return links_by_selectors(page, selectors, name) if selectors else []

    products = [(url, "") for url in selected("product_links")] or product_cards(page, markup)
    listings = category_links(page)[:max_categories] if max_categories else []
    if shapes is not None:
        own = {listing_shape(page.url)} if len(products) >= MIN_CARDS and not max_categories else set()
        listings += further_listings(page, set(shapes) | own)
    offers = listed_offers(page, [url for url, _ in products])
    return Links(listings, selected("next_page") or next_pages(page), products, offers)


def page_currency(body: bytes, url: str) -> str | None:
    """The currency that a product's page states; None if it states none."""
    page = parse_page(body, url)
    found = extract_currency(read_markup(page).candidates, page) if page else None
    return found.value if found else None
