"""What a store's recipe says where things stand, read from a page and joined with what its markup says."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import urljoin

from parsel import Selector

from scrapers.extract.candidates import Candidate, RawOffer, RawPhoto
from scrapers.extract.links import fetchable
from scrapers.extract.markup import Markup
from scrapers.extract.page import Page
from scrapers.extract.product import Extracted, read_product
from scrapers.extract.text import clean

if TYPE_CHECKING:
    from scrapers.recipes import Recipe

SOURCE = "recipe"
MAX_FOUND = 500
"""Elements that one selector may find on a page; a selector such as `*` finds all."""
_MAX_TEXT = 20_000


def read_with_recipe(page: Page, markup: Markup, recipe: Recipe | None) -> Extracted | None:
    """The product that a page is about; what the recipe finds wins over what the markup says.

    :return: None where neither finds one.
    """
    plain = read_product(page, markup)
    told = _candidate(page, recipe) if recipe else None
    if told is None:
        return plain
    if plain is None:
        return read_product(page, Markup((told,), markup.trail)) if told.title else None
    # What the recipe says is decided alone, by the rules that hold for every source.
    alone = replace(told, title=told.title or plain.title)
    read = read_product(page, Markup((alone,), ()))
    if read is not None and read.currency is None and plain.currency:
        offers = tuple(replace(offer, currency=plain.currency) for offer in alone.offers)
        read = read_product(page, Markup((replace(alone, offers=offers),), ()))
    return _joined(plain, read, told) if read else plain


def _joined(plain: Extracted, read: Extracted, told: Candidate) -> Extracted:
    """What the markup says, with what the recipe found in its place."""
    won = {name for name, source in read.source.items() if source == SOURCE}
    won |= {name for name in ("colours", "sizes") if getattr(read, name)}
    if not told.title:
        won.discard("title")
    if "images" in won:
        won.add("photos")
    if "price" in won:
        won.add("price_max")
        if read.price != plain.price:
            # The price before the sale that the markup names belongs to another price.
            won.add("was_price")
    changed = {name: getattr(read, name) for name in won}
    source = {name: where for name, where in plain.source.items() if name not in won}
    return replace(plain, **changed, source=source | dict.fromkeys(won & read.source.keys(), SOURCE))


def links_by_recipe(page: Page, recipe: Recipe, name: str) -> list[str]:
    """The addresses that a listing's `product_links` or `next_page` select, in their order."""
    links = (fetchable(page, value) for value in _values(page, getattr(recipe, name), "href"))
    return list(dict.fromkeys(link for link in links if link))


def _candidate(page: Page, recipe: Recipe) -> Candidate | None:
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
