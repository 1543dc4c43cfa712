"""A product page as a product: each field with where on the page it stood."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

from scrapers.extract.availability import extract_availability
from scrapers.extract.brand import extract_brand
from scrapers.extract.candidates import Candidate, Field, RawPhoto
from scrapers.extract.category import extract_category
from scrapers.extract.currency import extract_currency
from scrapers.extract.description import extract_description
from scrapers.extract.gtin import extract_gtin
from scrapers.extract.markup import Markup, read_markup
from scrapers.extract.page import Page, parse_page
from scrapers.extract.photos import extract_photos
from scrapers.extract.price import extract_prices
from scrapers.extract.sku import extract_sku
from scrapers.extract.title import extract_title
from storage.money import decimal_string


@dataclass(frozen=True)
class Extracted:
    """What was read from one product page; absent fields are None or empty.

    :ivar url: the page's canonical address.
    :ivar availability: `in_stock`, `out_of_stock`, `preorder` or `backorder`.
    :ivar images: addresses of its photos.
    :ivar source: for each field that is there, where it stood: `json-ld`, `microdata`, `opengraph`,
        `breadcrumbs` or `url`.
    :ivar photos: the photos with the colours they show.
    """

    url: str
    title: str | None = None
    brand: str | None = None
    description: str | None = None
    category: str | None = None
    price: Decimal | None = None
    price_max: Decimal | None = None
    currency: str | None = None
    was_price: Decimal | None = None
    availability: str | None = None
    sku: str | None = None
    gtin: str | None = None
    images: tuple[str, ...] = ()
    colours: tuple[str, ...] = ()
    sizes: tuple[str, ...] = ()
    related: tuple[str, ...] = ()
    source: dict[str, str] = field(default_factory=dict)
    photos: tuple[RawPhoto, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """As `lookalike extract --json` prints it; prices are decimal strings."""
        return {
            "url": self.url,
            "title": self.title,
            "brand": self.brand,
            "description": self.description,
            "category": self.category,
            "price": decimal_string(self.price, self.currency),
            "price_max": decimal_string(self.price_max, self.currency),
            "currency": self.currency,
            "was_price": decimal_string(self.was_price, self.currency),
            "availability": self.availability,
            "sku": self.sku,
            "gtin": self.gtin,
            "images": list(self.images),
            "source": self.source,
        }


def extract_product(html: str | bytes, url: str) -> Extracted | None:
    """Reads the product that a page is about.

    :param url: the page's address, which links on it are relative to.
    :return: None where the page is no product's: a category, an article, an error.
    """
    page = parse_page(html, url)
    return read_product(page, read_markup(page)) if page is not None else None


def read_product(page: Page, markup: Markup) -> Extracted | None:
    """Decides each field from the candidates that a page's markup gives."""
    candidates = markup.candidates
    title = extract_title(candidates)
    if title is None or not any(_substance(candidate) for candidate in candidates):
        return None
    currency = extract_currency(candidates, page)
    prices = extract_prices(candidates, currency.value if currency else None, page.url)
    photos = extract_photos(candidates)
    host = urlsplit(page.url).hostname or ""
    found: dict[str, Field[Any] | None] = {
        "title": title,
        "brand": extract_brand(candidates),
        "description": extract_description(candidates),
        "category": extract_category(candidates, markup.trail, title.value, host),
        "availability": extract_availability(candidates),
        "sku": extract_sku(candidates),
        "gtin": extract_gtin(candidates),
    }
    if prices:
        found["price"] = Field(prices.value.price, prices.source)
        found["currency"] = currency
        for name in ("price_max", "was_price"):
            value = getattr(prices.value, name)
            found[name] = Field(value, prices.source) if value is not None else None
    if photos:
        found["images"] = Field(tuple(photo.url for photo in photos.value), photos.source)
    values = {name: entry.value for name, entry in found.items() if entry is not None}
    source = {name: entry.source for name, entry in found.items() if entry is not None}
    return Extracted(
        url=page.canonical,
        **values,
        colours=_first(candidates, "colours"),
        sizes=_first(candidates, "sizes"),
        related=_first(candidates, "related"),
        source={"url": "url" if page.canonical == page.url else "html", **source},
        photos=photos.value if photos else (),
    )


def _substance(candidate: Candidate) -> bool:
    """Whether there is more than a name: articles and categories have names, too."""
    return bool(candidate.offers or candidate.sku or candidate.gtins or candidate.brand) or (
        candidate.source != "opengraph" and bool(candidate.photos)
    )


def _first(candidates: tuple[Candidate, ...], name: str) -> tuple[str, ...]:
    return next((values for candidate in candidates if (values := getattr(candidate, name))), ())
