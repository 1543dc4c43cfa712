"""Reads what a store's CSS selectors find on a page; it takes precedence over all other sources."""

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
from scrapers.extract.product import Examined, Extracted, examine, source_of_url
from scrapers.extract.sources.markup import Markup
from scrapers.extract.text import clean
from storage.terms import SourceName

if TYPE_CHECKING:
    from scrapers.config.selectors import Selectors

MAX_FOUND = 500
"""Elements that one selector may find on a page; a selector such as `*` finds all."""
_MAX_TEXT = 20_000
_SUBSTANCE = ("price", "photos", "sku", "gtin")
"""Fields of which a product has at least one besides its name."""
_UNSOURCED = ("colours", "sizes")


def examine_with_selectors(page: Page, markup: Markup, selectors: Selectors | None) -> Examined:
    """Reads a page's product, or finds out why it has none; values that selectors find take precedence."""
    examined = examine(page, markup)
    selected = _to_candidate(page, selectors) if selectors else None
    if selected is None:
        return examined
    product = _merge(page, selected, examined.product)
    return Examined(product, None if product else examined.reason, (selected, *examined.candidates))


def _merge(page: Page, selected: Candidate, plain: Extracted | None) -> Extracted | None:
    """The selected fields over the otherwise extracted ones; None if neither makes a product."""
    chosen = _decide_fields(page, selected, plain)
    if plain is None:
        found_names = {"title", *_SUBSTANCE} & chosen.keys()
        if "title" not in found_names or len(found_names) < 2:
            return None
        plain = Extracted(url=page.canonical, source={"url": source_of_url(page)})
    if "price" in chosen and chosen["price"] != plain.price:
        # The other prices belong to the replaced price.
        chosen = {"price_max": None, "was_price": None} | chosen
    source = {name: where for name, where in plain.source.items() if chosen.get(name, where) is not None}
    taken = (name for name, value in chosen.items() if value is not None and name not in _UNSOURCED)
    source |= {"images" if name == "photos" else name: SourceName.SELECTORS for name in taken}
    return replace(plain, **chosen, source=source)


def _decide_fields(page: Page, selected: Candidate, plain: Extracted | None) -> dict[str, Any]:
    """The fields that the selectors find, by the same rules as for every source."""
    candidates = (selected,)
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
    # One element may hold a whole path; several are its steps, possibly including home and product.
    is_whole_path = len(selected.categories) == 1
    found["category"] = extract_category(
        candidates if is_whole_path else (), selected.categories, title, host
    )
    chosen = {name: entry.value for name, entry in found.items() if entry is not None}
    currency = chosen.get("currency") or (plain.currency if plain else None)
    prices = extract_prices(candidates, currency, page.url)
    if prices:
        chosen["price"] = prices.value.price
        if prices.value.was_price is not None:
            chosen["was_price"] = prices.value.was_price
    photos = extract_photos(candidates)
    if photos:
        chosen["photos"] = photos.value
    return chosen | {
        name: getattr(selected, name) for name in ("colours", "sizes") if getattr(selected, name)
    }


def links_by_selectors(page: Page, selectors: Selectors, name: str) -> list[str]:
    """The addresses that a listing's `product_links` or `next_page` select, in order."""
    links = (fetchable(page, value) for value in _values(page, getattr(selectors, name), "href"))
    return list(dict.fromkeys(link for link in links if link))


def _to_candidate(page: Page, selectors: Selectors) -> Candidate | None:
    """What the selectors find on a page; None if they find nothing."""

    def text(name: str) -> str | None:
        return next(iter(_values(page, getattr(selectors, name))), None)

    offer = RawOffer(
        price=text("price"),
        before=text("was_price"),
        currency=text("currency"),
        availability=text("availability"),
    )
    gtin = text("gtin")
    found = Candidate(
        source=SourceName.SELECTORS,
        title=text("title"),
        brand=text("brand"),
        description=text("description"),
        categories=tuple(_values(page, selectors.category)),
        sku=text("sku"),
        gtins=(gtin,) if gtin else (),
        photos=tuple(RawPhoto(urljoin(page.base_url, src)) for src in _values(page, selectors.images, "src")),
        colours=tuple(_values(page, selectors.colours)),
        sizes=tuple(_values(page, selectors.sizes)),
        offers=(offer,) if offer != RawOffer() else (),
    )
    return found if found != Candidate(SourceName.SELECTORS) else None


def _values(page: Page, selector: str | None, attribute: str | None = None) -> list[str]:
    """The distinct texts that a selector finds.

    :param attribute: the attribute to take if the selector names none; None for the text.
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
