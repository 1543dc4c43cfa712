"""A product page as a product: each field with where on the page it stood."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

from scrapers.extract.address import is_home
from scrapers.extract.candidates import Candidate, Field, RawPhoto
from scrapers.extract.fields.availability import extract_availability
from scrapers.extract.fields.brand import extract_brand
from scrapers.extract.fields.category import extract_category
from scrapers.extract.fields.currency import extract_currency
from scrapers.extract.fields.description import extract_description
from scrapers.extract.fields.gtin import extract_gtin
from scrapers.extract.fields.images import extract_photos
from scrapers.extract.fields.price import SURE, extract_prices
from scrapers.extract.fields.sku import extract_sku
from scrapers.extract.fields.title import extract_title
from scrapers.extract.page import Page, parse_page
from scrapers.extract.page_verdict import MISSING, refusal_of, says_missing
from scrapers.extract.sources import opengraph
from scrapers.extract.sources.gallery import gallery_with
from scrapers.extract.sources.markup import Markup, read_markup
from scrapers.extract.sources.state import State, read_state
from scrapers.extract.visible.number import numbers_of_address, stated_number
from scrapers.extract.visible.product import Visible, read_visible
from scrapers.extract.visible.trail import read_trail
from storage.money import decimal_string

FEW = 12
"""Products in the markup of a page that may still be about another one: those that are shown beside it."""
NAMELESS = "nothing on it names a product"
_TRAIL_END = (
    "(//*[self::ul or self::ol or self::nav or self::div][contains(@class, 'breadcrumb')]//li)[last()]"
)
"""Where a breadcrumb trail ends: on the page itself."""


@dataclass(frozen=True)
class Extracted:
    """What was read from one product page; absent fields are None or empty.

    :ivar url: the page's canonical address.
    :ivar availability: `in_stock`, `out_of_stock`, `preorder` or `backorder`.
    :ivar images: addresses of its photos.
    :ivar source: for each field that is there, where it stood: `json-ld`, `microdata`, `rdfa`,
        `opengraph`, `state` (the data of its scripts), `html` (the visible page), `breadcrumbs` or `url`.
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


@dataclass(frozen=True)
class Examined:
    """What came of reading a page.

    :ivar product: None where the page is about no single product.
    :ivar reason: why it is about none, as the end of a sentence that begins with the page's address.
    :ivar candidates: what each source said, most trusted first.
    """

    product: Extracted | None
    reason: str | None = None
    candidates: tuple[Candidate, ...] = ()


def extract_product(html: str | bytes, url: str) -> Extracted | None:
    """Reads the product that a page is about.

    :param url: the page's address, which links on it are relative to.
    :return: None where the page is no product's: a category, an article, an error.
    """
    page = parse_page(html, url)
    return read_product(page, read_markup(page)) if page is not None else None


def read_product(page: Page, markup: Markup) -> Extracted | None:
    """The product that a page is about; None where it is about none."""
    return examine(page, markup).product


def examine(page: Page, markup: Markup) -> Examined:
    """Reads a page's product, or finds out why it has none."""
    refusal = refusal_of(page)
    if refusal:
        return Examined(None, refusal)
    names = _names(page, markup)
    seen = read_visible(page, names)
    state = read_state(page, [*([seen.heading.text] if seen else []), *names])
    candidates = [one for one in markup.candidates if one.title or one.offers]
    visible = [_with_gallery(seen.candidate, state)] if seen else []
    refusal = _no_product(page, markup, seen, state.candidates)
    if refusal:
        return Examined(None, refusal, (*candidates, *state.candidates, *visible))
    if not candidates:
        tags = opengraph.to_candidate(opengraph.read_opengraph(page), page)
        candidates = [replace(tags, title=None)] if seen else [tags]
    ordered = (*candidates, *state.candidates, *visible)
    product = _decided(page, markup, seen, ordered, state.ids)
    return Examined(product, None if product else NAMELESS, ordered)


def _decided(
    page: Page, markup: Markup, seen: Visible | None, candidates: tuple[Candidate, ...], ids: frozenset[str]
) -> Extracted | None:
    """Each field by its own rule."""
    title = extract_title(candidates)
    if title is None:
        return None
    shown = seen.price if seen else None
    currency = extract_currency(candidates, page)
    prices = extract_prices(candidates, currency.value if currency else None, page.url, shown)
    photos = extract_photos(candidates)
    host = urlsplit(page.url).hostname or ""
    numbers = numbers_of_address(page)
    found: dict[str, Field[Any] | None] = {
        "title": title,
        "brand": extract_brand(candidates),
        "description": extract_description(candidates),
        "category": extract_category(candidates, markup.trail, title.value, host, read_trail(page)),
        "availability": extract_availability(candidates, seen.stock if seen else None),
        "sku": extract_sku(
            candidates, stated_number(page, numbers, ids | (seen.numbers if seen else frozenset())), numbers
        ),
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


def _with_gallery(visible: Candidate, state: State) -> Candidate:
    """All photos of the gallery in the page's data, if a photo that is shown is one of them."""
    shown = {url for photo in visible.photos for url in (photo.url, *photo.sizes)}
    photos = gallery_with(state.galleries, shown)
    return replace(visible, photos=tuple(RawPhoto(url) for url in photos)) if photos else visible


def _names(page: Page, markup: Markup) -> list[str]:
    """What a page calls its product, or itself, most trusted first."""
    stated = [one.title for one in markup.candidates]
    tags = [
        page.first("//meta[@property='og:title']/@content"),
        page.first("//title"),
        page.first(_TRAIL_END),
    ]
    return list(dict.fromkeys(name for name in (*stated, *tags) if name))


def _no_product(page: Page, markup: Markup, seen: Visible | None, state: tuple[Candidate, ...]) -> str | None:
    """Why a page is about no single product; None where it is about one.

    Markup that describes one product is enough. Without it, the visible page has to show a heading that the
    page's title repeats, a price of its own, and a way to buy; or its data have to.
    """
    if any(one.title and _substance(one) for one in markup.candidates):
        return None
    if says_missing(page):
        return MISSING
    plain = seen is not None and seen.price is not None and seen.price.score >= SURE and seen.buying.working
    if markup.listed and not (plain and seen is not None and seen.heading.sure and len(markup.listed) <= FEW):
        return "its markup lists products and describes none as its own"
    if seen is None:
        return "nothing on it is the heading of a product"
    if urlsplit(page.url).netloc and is_home(page.url):
        return "it is a home page"
    matched = any(one.offers for one in state)
    numbered = _is_numbered(seen)
    if seen.price is None and not matched and not seen.buying.working and seen.stock is None and not numbered:
        return "it shows no price of its own and no way to buy"
    for_sale = seen.buying.order is not None or seen.choices or matched or seen.stock is not None or numbered
    if (seen.heading.sure or plain) and for_sale and (seen.price is not None or matched or numbered):
        return None
    return "it shows no price with a way to buy, as the page of one product does"


def _is_numbered(seen: Visible) -> bool:
    """A product that is gone, or priced on request, has no price; its number still tells."""
    number = seen.candidate.sku or seen.candidate.gtins
    return bool(number and (seen.stock or seen.heading.sure))


def _substance(candidate: Candidate) -> bool:
    """Whether there is more than a name: articles and categories have names, too."""
    return bool(candidate.offers or candidate.sku or candidate.gtins or candidate.brand) or (
        candidate.source != "opengraph" and bool(candidate.photos)
    )


def _first(candidates: tuple[Candidate, ...], name: str) -> tuple[str, ...]:
    return next((values for candidate in candidates if (values := getattr(candidate, name))), ())
