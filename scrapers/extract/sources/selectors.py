"""What a store's recipe says where things stand, read from a page and joined with what its markup says."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

from parsel import Selector

from scrapers.extract.candidates import Candidate, Field, RawOffer, RawPhoto
from scrapers.extract.fields.availability import extract_availability
from scrapers.extract.fields.brand import extract_brand
from scrapers.extract.fields.category import extract_category
from scrapers.extract.fields.currency import extract_currency
from scrapers.extract.fields.description import extract_description
from scrapers.extract.fields.gtin import extract_gtin
from scrapers.extract.fields.images import extract_photos
from scrapers.extract.fields.price import extract_prices
from scrapers.extract.fields.sku import extract_sku
from scrapers.extract.fields.title import extract_title
from scrapers.extract.links import fetchable
from scrapers.extract.page import Page
from scrapers.extract.product import Examined, Extracted, examine
from scrapers.extract.sources.markup import Markup
from scrapers.extract.text import clean

if TYPE_CHECKING:
    from scrapers.config.selectors import Selectors

SOURCE = "recipe"
MAX_FOUND = 500
"""Elements that one selector may find on a page; a selector such as `*` finds all."""
_MAX_TEXT = 20_000
_SUBSTANCE = ("price", "images", "sku", "gtin")
"""What a page has, besides a name, that is a product's."""
_UNSOURCED = ("photos", "colours", "sizes")


def examine_with_recipe(page: Page, markup: Markup, recipe: Selectors | None) -> Examined:
    """Reads a page's product, or finds out why it has none; what the recipe finds wins over all else."""
    examined = examine(page, markup)
    told = _candidate(page, recipe) if recipe else None
    if told is None:
        return examined
    product = _joined(page, told, examined.product)
    return Examined(product, None if product else examined.reason, (told, *examined.candidates))


def _joined(page: Page, told: Candidate, plain: Extracted | None) -> Extracted | None:
    """What the recipe found, over what the page says otherwise; None where neither makes a product."""
    won = _decided(page, told, plain)
    if plain is None:
        known = {"title", *_SUBSTANCE} & won.keys()
        if "title" not in known or len(known) < 2:
            return None
        plain = Extracted(url=page.canonical, source={"url": "url" if page.canonical == page.url else "html"})
    if "price" in won and won["price"] != plain.price:
        # The other prices that are there belong to another price.
        won = {"price_max": None, "was_price": None} | won
    source = {name: where for name, where in plain.source.items() if won.get(name, where) is not None}
    source |= {name: SOURCE for name, value in won.items() if value is not None and name not in _UNSOURCED}
    return replace(plain, **won, source=source)


def _decided(page: Page, told: Candidate, plain: Extracted | None) -> dict[str, Any]:
    """The fields that the recipe finds, by the rules that hold for every source."""
    candidates = (told,)
    found: dict[str, Field[Any] | None] = {
        "title": extract_title(candidates),
        "brand": extract_brand(candidates),
        "description": extract_description(candidates),
        "availability": extract_availability(candidates),
        "sku": extract_sku(candidates),
        "gtin": extract_gtin(candidates),
        "currency": extract_currency(candidates, page),
    }
    title = found["title"].value if found["title"] else (plain.title if plain else None)
    host = urlsplit(page.url).hostname or ""
    # One element may hold a whole path; several are its steps, with home and product among them.
    alone = len(told.categories) == 1
    found["category"] = extract_category(candidates if alone else (), told.categories, title, host)
    won = {name: entry.value for name, entry in found.items() if entry is not None}
    currency = won.get("currency") or (plain.currency if plain else None)
    prices = extract_prices(candidates, currency, page.url)
    if prices:
        won["price"] = prices.value.price
        if prices.value.was_price is not None:
            won["was_price"] = prices.value.was_price
    photos = extract_photos(candidates)
    if photos:
        won |= {"images": tuple(photo.url for photo in photos.value), "photos": photos.value}
    return won | {name: getattr(told, name) for name in ("colours", "sizes") if getattr(told, name)}


def links_by_recipe(page: Page, recipe: Selectors, name: str) -> list[str]:
    """The addresses that a listing's `product_links` or `next_page` select, in their order."""
    links = (fetchable(page, value) for value in _values(page, getattr(recipe, name), "href"))
    return list(dict.fromkeys(link for link in links if link))


def _candidate(page: Page, recipe: Selectors) -> Candidate | None:
    """What the recipe finds on a page; None where it finds nothing."""

    def text(name: str) -> str | None:
        return next(iter(_values(page, getattr(recipe, name))), None)

    offer = RawOffer(
        price=text("price"),
        before=text("was_price"),
        currency=text("currency"),
        availability=text("availability"),
    )
    gtin = text("gtin")
    found = Candidate(
        source=SOURCE,
        title=text("title"),
        brand=text("brand"),
        description=text("description"),
        categories=tuple(_values(page, recipe.category)),
        sku=text("sku"),
        gtins=(gtin,) if gtin else (),
        photos=tuple(RawPhoto(urljoin(page.base_url, src)) for src in _values(page, recipe.images, "src")),
        colours=tuple(_values(page, recipe.colours)),
        sizes=tuple(_values(page, recipe.sizes)),
        offers=(offer,) if offer != RawOffer() else (),
    )
    return found if found != Candidate(SOURCE) else None


def _values(page: Page, selector: str | None, attribute: str | None = None) -> list[str]:
    """What a selector finds, as text, each once.

    :param attribute: what to take of an element, where the selector does not say: its text where None.
    """
    return list(dict.fromkeys(_found(page, selector, attribute))) if selector else []


def _found(page: Page, selector: str, attribute: str | None) -> Iterator[str]:
    for node in Selector(root=page.tree, type="html").css(selector)[:MAX_FOUND]:
        if isinstance(node.root, str):
            text: str | None = node.root
        elif attribute:
            text = node.attrib.get(attribute) or node.attrib.get(f"data-{attribute}")
        else:
            text = node.attrib.get("content") or node.xpath("string()").get()
        cleaned = clean(text, _MAX_TEXT)
        if cleaned:
            yield cleaned
