"""What is read from a store's pages, as functions that a worker can be called with: text in, records out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from scrapers.extract.currency import extract_currency
from scrapers.extract.links import category_links, next_pages, product_links
from scrapers.extract.markup import read_markup
from scrapers.extract.page import parse_page
from scrapers.extract.product import Examined
from scrapers.extract.recipe import examine_with_recipe, links_by_recipe
from scrapers.platforms import (
    is_empty_without_scripts,
    likely_platform,
    locale_of,
    rest_api,
    search_url,
    shopify_host,
)
from scrapers.recipes import Recipe
from scrapers.stores import Strategy


@dataclass(frozen=True, slots=True)
class Links:
    """Where a listing leads: to further listings and to products."""

    listings: Sequence[str]
    products: Sequence[str]


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
    body: bytes, url: str, content_type: str | None = None, recipe: Recipe | None = None
) -> Examined | None:
    """What a page is about, with all that its sources say; None where it is no HTML."""
    page = parse_page(body, url, content_type)
    return examine_with_recipe(page, read_markup(page), recipe) if page else None


def product_of_page(
    body: bytes, url: str, content_type: str | None = None, recipe: Recipe | None = None
) -> Examined | None:
    """As `examine_page`, without what its sources say."""
    examined = examine_page(body, url, content_type, recipe)
    return replace(examined, candidates=()) if examined else None


def page_links(
    body: bytes,
    url: str,
    content_type: str | None = None,
    recipe: Recipe | None = None,
    *,
    max_categories: int = 0,
) -> Links | None:
    """Where a listing leads; None where it is no HTML.

    :param max_categories: links of the store's navigation that are taken for listings.
    """
    page = parse_page(body, url, content_type)
    if page is None:
        return None

    def by_recipe(name: str) -> list[str]:
        return links_by_recipe(page, recipe, name) if recipe else []

    categories = category_links(page)[:max_categories] if max_categories else []
    return Links(
        [*categories, *(by_recipe("next_page") or next_pages(page))],
        by_recipe("product_links") or product_links(page, read_markup(page)),
    )


def page_currency(body: bytes, url: str) -> str | None:
    """The currency that a product's page names; None where it names none."""
    page = parse_page(body, url)
    found = extract_currency(read_markup(page).candidates, page) if page else None
    return found.value if found else None
