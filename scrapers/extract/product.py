"""Decides a page's product from all candidates: each field, and the source it comes from."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

from scrapers.extract.address import (
    is_below_section,
    is_home,
    is_review_page,
    is_shop_page,
    names_only_a_listing,
)
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
from scrapers.extract.fields.variants import extract_variants
from scrapers.extract.page import Page, parse_page
from scrapers.extract.refused_page import MISSING, refusal_of, says_missing
from scrapers.extract.sources import opengraph
from scrapers.extract.sources.gallery import gallery_with
from scrapers.extract.sources.markup import Markup, read_markup
from scrapers.extract.sources.state import State, read_state
from scrapers.extract.visible.breadcrumbs import read_trail, trail_end
from scrapers.extract.visible.product import Visible, read_visible
from scrapers.extract.visible.product_number import numbers_of_address, stated_number
from scrapers.items import Offer
from storage.money import decimal_string
from storage.terms import Availability, SourceName

MAX_LISTED_BESIDE = 12
"""Products that a page's markup may list and still be one product's page: those shown beside it."""
NAMELESS = "nothing on it names a product"


@dataclass(frozen=True)
class Extracted:
    """What was read from one product page. Absent fields are None or empty.

    :ivar url: the page's canonical address.
    :ivar source: the source of each field that is present.
    :ivar photos: the photos with the colours that they show.
    :ivar variants: the offers of variants with a platform id.
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
    availability: Availability | None = None
    sku: str | None = None
    gtin: str | None = None
    colours: tuple[str, ...] = ()
    sizes: tuple[str, ...] = ()
    related: tuple[str, ...] = ()
    source: dict[str, SourceName] = field(default_factory=dict)
    photos: tuple[RawPhoto, ...] = ()
    variants: tuple[Offer, ...] = ()

    @property
    def images(self) -> tuple[str, ...]:
        """The addresses of its photos."""
        return tuple(photo.url for photo in self.photos)

    def to_dict(self) -> dict[str, Any]:
        """The JSON that `lookalike extract --json` prints; prices are decimal strings."""
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
    """The result of reading a page.

    :ivar product: None if the page is about no single product.
    :ivar reason: why it is about none, as the end of a sentence that begins with the page's address.
    :ivar candidates: what each source states, most trusted first.
    """

    product: Extracted | None
    reason: str | None = None
    candidates: tuple[Candidate, ...] = ()


def extract_product(html: str | bytes, url: str) -> Extracted | None:
    """Extracts the product that a page is about.

    :param url: the page's address, the base of its links.
    :return: None if it is no product page: a category, an article, an error.
    """
    page = parse_page(html, url)
    return read_product(page, read_markup(page)) if page is not None else None


def read_product(page: Page, markup: Markup) -> Extracted | None:
    """The product that a page is about; None if it is no product page."""
    return examine(page, markup).product


def examine(page: Page, markup: Markup) -> Examined:
    """Extracts a page's product, or finds out why it has none."""
    refusal = refusal_of(page)
    if refusal:
        return Examined(None, refusal)
    names = page_names(page, markup)
    visible = read_visible(page, names)
    state = read_state(page, [*([visible.heading.text] if visible else []), *names])
    candidates = [one for one in markup.candidates if one.title or one.offers]
    visible_candidates = [_with_gallery(visible.candidate, state)] if visible else []
    refusal = _why_no_product(page, markup, visible, state.candidates)
    if refusal:
        return Examined(None, refusal, (*candidates, *state.candidates, *visible_candidates))
    if not candidates:
        tags = opengraph.to_candidate(opengraph.read_opengraph(page), page)
        candidates = [replace(tags, title=None)] if visible else [tags]
    ordered = (*candidates, *state.candidates, *visible_candidates)
    product = decide_fields(
        ordered, url=page.canonical, page=page, trail=markup.trail, visible=visible, ids=state.ids
    )
    return Examined(product, None, ordered) if product.title else Examined(None, NAMELESS, ordered)


def decide_fields(
    candidates: tuple[Candidate, ...],
    *,
    url: str,
    page: Page | None = None,
    trail: tuple[str, ...] = (),
    visible: Visible | None = None,
    ids: frozenset[str] = frozenset(),
) -> Extracted:
    """Decides each field by its own rule.

    :param candidates: most trusted source first.
    :param url: the product's address.
    :param page: the page that they are from; None for what an API gives.
    :param trail: the breadcrumb trail of the page's markup.
    :param visible: what the page shows.
    :param ids: the product's ids in the page's data.
    """
    title = extract_title(candidates)
    currency = extract_currency(candidates, page)
    code = currency.value if currency else None
    prices = extract_prices(candidates, code, page.url if page else url, visible.price if visible else None)
    photos = extract_photos(candidates)
    numbers = numbers_of_address(page) if page else set()
    stated = ids | (visible.numbers if visible else frozenset())
    found: dict[str, Field[Any] | None] = {
        "title": title,
        "brand": extract_brand(candidates),
        "description": extract_description(candidates),
        "category": extract_category(
            candidates,
            trail,
            title.value if title else None,
            urlsplit(page.url).hostname or "" if page else "",
            read_trail(page, title.value if title else None) if page else (),
        ),
        "availability": extract_availability(candidates, visible.stock if visible else None),
        "sku": extract_sku(candidates, stated_number(page, numbers, stated) if page else None, numbers),
        "gtin": extract_gtin(candidates),
    }
    if prices:
        found["price"] = Field(prices.value.price, prices.source)
        found["currency"] = currency
        for name in ("price_max", "was_price"):
            value = getattr(prices.value, name)
            found[name] = Field(value, prices.source) if value is not None else None
    values = {name: entry.value for name, entry in found.items() if entry is not None}
    sources = {name: entry.source for name, entry in found.items() if entry is not None}
    if photos:
        sources["images"] = photos.source
    return Extracted(
        url=url,
        **values,
        colours=_first_stated(candidates, "colours"),
        sizes=_first_stated(candidates, "sizes"),
        related=_first_stated(candidates, "related"),
        source={"url": source_of_url(page) if page else candidates[0].source, **sources},
        photos=photos.value if photos else (),
        variants=extract_variants(candidates, code),
    )


def source_of_url(page: Page) -> SourceName:
    """Where a page's canonical URL is stated: on the page, or by its address alone."""
    return SourceName.URL if page.canonical == page.url else SourceName.HTML


def _with_gallery(candidate: Candidate, state: State) -> Candidate:
    """The visible candidate with all photos of the gallery in the page's data that holds a shown photo."""
    shown = {url for photo in candidate.photos for url in (photo.url, *photo.sizes)}
    photos = gallery_with(state.galleries, shown)
    return replace(candidate, photos=tuple(RawPhoto(url) for url in photos)) if photos else candidate


def page_names(page: Page, markup: Markup) -> list[str]:
    """What a page calls its product or itself, most trusted source first."""
    stated = [one.title for one in markup.candidates]
    tags = [
        page.meta("og:title"),
        page.title,
        trail_end(page),
    ]
    return list(dict.fromkeys(name for name in (*stated, *tags) if name))


def _why_no_product(
    page: Page, markup: Markup, visible: Visible | None, state: tuple[Candidate, ...]
) -> str | None:
    """Why a page is about no single product; None if it is about one.

    Markup that describes one product is enough. Otherwise the visible page, or the data of its scripts, must
    show a heading that the page's title repeats, a price and a way to buy.
    """
    if any(one.title and _describes_product(one) for one in markup.candidates):
        return None
    if says_missing(page):
        return MISSING
    clearly_sold = (
        visible is not None
        and visible.price is not None
        and visible.price.score >= SURE
        and visible.buying.working
    )
    if markup.listed and not (
        clearly_sold
        and visible is not None
        and visible.heading.sure
        and len(markup.listed) <= MAX_LISTED_BESIDE
    ):
        return "its markup lists products and describes none as its own"
    if visible is None:
        return "nothing on it is the heading of a product"
    if names_only_a_listing(page.url):
        return "its address names a category or brand"
    if is_review_page(page.url):
        return "its address is that of reviews"
    priced = visible.price is not None and visible.price.score >= SURE
    sold_out = visible.stock is not None and visible.stock.word == Availability.OUT_OF_STOCK
    is_plain = visible.heading.sure and priced and (visible.buying.working or sold_out)
    if is_shop_page(page.url) and not (is_plain and is_below_section(page.url)):
        return "its address is that of a cart, an account, a search or an information page"
    if urlsplit(page.url).netloc and is_home(page.url):
        return "it is a home page"
    matched = any(one.offers for one in state)
    numbered = _is_numbered(visible) or _is_pictured_sold_out(visible)
    if (
        visible.price is None
        and not matched
        and not visible.buying.working
        and visible.stock is None
        and not numbered
    ):
        return "it shows no price of its own and no way to buy"
    for_sale = (
        visible.buying.order is not None
        or visible.choices
        or matched
        or visible.stock is not None
        or numbered
    )
    if (
        (visible.heading.sure or clearly_sold)
        and for_sale
        and (visible.price is not None or matched or numbered)
    ):
        return None
    return "it shows no price with a way to buy, as the page of one product does"


def _is_numbered(visible: Visible) -> bool:
    """Whether the page states a product number: sold-out products and prices on request show no price."""
    number = visible.candidate.sku or visible.candidate.gtins
    return bool(number and (visible.stock or visible.heading.sure))


def _is_pictured_sold_out(visible: Visible) -> bool:
    """Whether the page says that what its heading names and a photo shows is sold out: some stores show no
    price then."""
    sold_out = visible.stock is not None and visible.stock.word == Availability.OUT_OF_STOCK
    return sold_out and visible.heading.sure and any(photo.sure for photo in visible.candidate.photos)


def _describes_product(candidate: Candidate) -> bool:
    """Whether a candidate has more than a name: articles and categories have names, too."""
    return bool(candidate.offers or candidate.sku or candidate.gtins or candidate.brand) or (
        candidate.source != SourceName.OPENGRAPH and bool(candidate.photos)
    )


def _first_stated(candidates: tuple[Candidate, ...], name: str) -> tuple[str, ...]:
    return next((values for candidate in candidates if (values := getattr(candidate, name))), ())
