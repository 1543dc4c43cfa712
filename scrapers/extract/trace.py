"""Explains each field: which values the sources gave, and why each was taken or not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from scrapers.extract.candidates import Candidate
from scrapers.extract.fields.amount import parse_amount
from scrapers.extract.fields.availability import availability_of
from scrapers.extract.fields.brand import is_brand
from scrapers.extract.fields.currency import currency_code
from scrapers.extract.fields.gtin import gtin_of
from scrapers.extract.fields.images import photo_url
from scrapers.extract.product import Extracted
from scrapers.extract.text import plain
from storage.terms import SourceName

MAX_VALUES = 3
"""Values of one source listed per field."""

_TEXTS = ("title", "brand", "description", "sku")


@dataclass(frozen=True, slots=True)
class TracedValue:
    """A value that a source gives.

    :ivar value: as written.
    :ivar verdict: `taken`, `agrees`, or why it is not the field's value.
    """

    field: str
    source: SourceName
    value: str
    verdict: str


def trace(product: Extracted | None, candidates: Iterable[Candidate]) -> list[TracedValue]:
    """Every value that the sources of a page give, field by field, most trusted source first.

    :param product: what was decided; None if it is no product page.
    """
    chosen = {**vars(product), "images": product.images} if product else {}
    sources = product.source if product else {}
    traced: list[TracedValue] = []
    for candidate in candidates:
        for field, raw, value in _values(candidate):
            verdict = _verdict(field, value, chosen.get(field), candidate.source, sources.get(field))
            traced.append(TracedValue(field, candidate.source, raw, verdict))
    order = list(dict.fromkeys(one.field for one in traced))
    return sorted(dict.fromkeys(traced), key=lambda one: order.index(one.field))


def _values(candidate: Candidate) -> Iterator[tuple[str, str, Any]]:
    """Field, value as written, and parsed value; None if it cannot be parsed."""
    for name in _TEXTS:
        raw = plain(getattr(candidate, name), 200)
        if raw:
            yield name, raw, raw if name != "brand" or is_brand(raw) else None
    for category in candidate.categories[:1]:
        yield "category", category, plain(category)
    currency = next((code for offer in candidate.offers if (code := currency_code(offer.currency))), None)
    for offer in candidate.offers[:MAX_VALUES]:
        for name, amount in (
            ("price", offer.price),
            ("price", offer.low),
            ("price_max", offer.high),
            ("was_price", offer.before),
        ):
            if amount is not None:
                yield name, str(amount), parse_amount(amount, currency)
        if offer.currency:
            yield "currency", offer.currency, currency_code(offer.currency) or offer.currency
        if offer.availability:
            yield "availability", offer.availability, availability_of(offer.availability)
    for gtin in candidate.gtins[:MAX_VALUES]:
        yield "gtin", gtin, gtin_of(gtin)
    for photo in candidate.photos[:MAX_VALUES]:
        yield "images", photo.url, photo_url(photo.url)


def _verdict(
    field: str, value: Any, chosen: Any, source: SourceName, chosen_source: SourceName | None
) -> str:
    if value is None:
        return _UNUSABLE.get(field, "it is of no use")
    if chosen is None or chosen == ():
        return "there is too little beside it"
    agrees = value in chosen if field == "images" else value == chosen
    if agrees:
        return "taken" if source == chosen_source else "agrees"
    if source == chosen_source:
        return "another value of the same source is taken"
    return f"{chosen_source} is believed instead"


_UNUSABLE = {
    "brand": "it names nobody",
    "price": "it is no amount above zero",
    "price_max": "it is no amount above zero",
    "was_price": "it is no amount above zero",
    "availability": "it is no word for stock",
    "gtin": "its length or check digit is wrong",
    "images": "it is no address of a photo",
}
