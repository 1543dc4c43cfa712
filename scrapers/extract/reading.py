"""What is read from a store's pages, as functions that a worker can be called with: text in, records out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

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
from scrapers.extract.page import Page, parse_page
from scrapers.extract.product import Examined
from scrapers.extract.sources.markup import Markup, read_markup
from scrapers.extract.sources.selectors import examine_with_recipe, links_by_recipe

Shapes = frozenset[tuple[object, ...]]
"""How the addresses of a store's listings are built, see `scrapers.extract.links.listing_shape`."""

MIN_CARDS = 2
"""Products that make a page without one of its own a listing."""


@dataclass(frozen=True, slots=True)
class Links:
    """Where a page leads.

    :ivar listings: further listings.
    :ivar following: the next pages of its own.
    :ivar products: address and name of each product that it shows; no name where a recipe selects it.
    """

    listings: Sequence[str] = ()
    following: Sequence[str] = ()
    products: Sequence[tuple[str, str]] = ()

    @property
    def is_listing(self) -> bool:
        """Whether it shows enough products for a listing."""
        return len(self.products) >= MIN_CARDS


@dataclass(frozen=True, slots=True)
class ProductPage:
    """What the page of a product says.

    :ivar canonical: the address that it names as its own.
    :ivar links: where it leads; None where nobody asked.
    """

    examined: Examined
    canonical: str | None
    links: Links | None


@dataclass(frozen=True, slots=True)
class Front:
    """What a store's front page says of the store.

    :ivar platform: the shop system that it looks like.
    :ivar shopify_host: its address below myshopify.com.
    :ivar rest_api: the address of WordPress' interface.
    :ivar search_url: the address of its search, with `{query}` where the words stand.
    :ivar empty: whether it shows next to nothing before its scripts have run.
    """

    platform: Strategy | None = None
    shopify_host: str | None = None
    rest_api: str | None = None
    locale: str | None = None
    search_url: str | None = None
    empty: bool = False


def read_front(html: str, url: str) -> Front:
    """What a store's front page says of the store."""
    return Front(
        likely_platform(html),
        shopify_host(html),
        rest_api(html, url),
        locale_of(html),
        search_url(html, url),
        is_empty_without_scripts(html),
    )


def examine_page(
    body: bytes, url: str, content_type: str | None = None, recipe: Selectors | None = None
) -> Examined | None:
    """What a page is about, with all that its sources say; None where it is no HTML."""
    page = parse_page(body, url, content_type)
    return examine_with_recipe(page, read_markup(page), recipe) if page else None


def product_of_page(
    body: bytes, url: str, content_type: str | None = None, recipe: Selectors | None = None
) -> Examined | None:
    """As `examine_page`, without what its sources say."""
    examined = examine_page(body, url, content_type, recipe)
    return replace(examined, candidates=()) if examined else None


def product_page(
    body: bytes,
    url: str,
    content_type: str | None = None,
    recipe: Selectors | None = None,
    *,
    shapes: Shapes | None = None,
) -> ProductPage | None:
    """What the page of a product says, and where it leads; None where it is no HTML.

    :param shapes: of the listings that are known; None where nobody wants to know where it leads.
    """
    page = parse_page(body, url, content_type)
    if page is None:
        return None
    markup = read_markup(page)
    examined = examine_with_recipe(page, markup, recipe)
    links = None
    if shapes is not None and examined.product is None:
        links = _links_of(page, markup, recipe, shapes=shapes)
    if shapes is not None and (links is None or not links.is_listing):
        links = Links(further_listings(page, set(shapes)), (), product_cards(page, markup))
    return ProductPage(replace(examined, candidates=()), page.canonical, links)


def page_links(
    body: bytes,
    url: str,
    content_type: str | None = None,
    recipe: Selectors | None = None,
    *,
    max_categories: int = 0,
    shapes: Shapes | None = None,
) -> Links | None:
    """Where a listing leads; None where it is no HTML.

    :param max_categories: links of the store's navigation that are taken for listings; 0 where it is not the
        front page.
    :param shapes: of the listings that are known; None where no further ones are looked for.
    """
    page = parse_page(body, url, content_type)
    if page is None:
        return None
    return _links_of(page, read_markup(page), recipe, max_categories=max_categories, shapes=shapes)


def _links_of(
    page: Page,
    markup: Markup,
    recipe: Selectors | None,
    *,
    max_categories: int = 0,
    shapes: Shapes | None = None,
) -> Links:
    def by_recipe(name: str) -> list[str]:
        return links_by_recipe(page, recipe, name) if recipe else []

    products = [(url, "") for url in by_recipe("product_links")] or product_cards(page, markup)
    listings = category_links(page)[:max_categories] if max_categories else []
    if shapes is not None:
        own = {listing_shape(page.url)} if len(products) >= MIN_CARDS and not max_categories else set()
        listings += further_listings(page, set(shapes) | own)
    return Links(listings, by_recipe("next_page") or next_pages(page), products)


def page_currency(body: bytes, url: str) -> str | None:
    """The currency that a product's page names; None where it names none."""
    page = parse_page(body, url)
    found = extract_currency(read_markup(page).candidates, page) if page else None
    return found.value if found else None
