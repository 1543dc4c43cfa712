"""Decides whether a product can be bought."""

from __future__ import annotations

import re
from collections.abc import Iterable

from scrapers.extract.candidates import Candidate, Field
from scrapers.extract.visible.stock import Stock, word_of
from storage.terms import Availability, SourceName

_MEANINGS = {
    "instock": Availability.IN_STOCK,
    "onlineonly": Availability.IN_STOCK,
    "instoreonly": Availability.IN_STOCK,
    "limitedavailability": Availability.IN_STOCK,
    "madetoorder": Availability.IN_STOCK,
    "available": Availability.IN_STOCK,
    "availablefororder": Availability.IN_STOCK,
    "yes": Availability.IN_STOCK,
    "true": Availability.IN_STOCK,
    "preorder": Availability.PREORDER,
    "presale": Availability.PREORDER,
    "backorder": Availability.BACKORDER,
    "availableforbackorder": Availability.BACKORDER,
    "onbackorder": Availability.BACKORDER,
    "outofstock": Availability.OUT_OF_STOCK,
    "oos": Availability.OUT_OF_STOCK,
    "soldout": Availability.OUT_OF_STOCK,
    "discontinued": Availability.OUT_OF_STOCK,
    "unavailable": Availability.OUT_OF_STOCK,
    "notavailable": Availability.OUT_OF_STOCK,
    "reserved": Availability.OUT_OF_STOCK,
    "no": Availability.OUT_OF_STOCK,
    "false": Availability.OUT_OF_STOCK,
}
_NOT_A_LETTER = re.compile(r"[^a-z]+")


def extract_availability(
    candidates: Iterable[Candidate], stock: Stock | None = None
) -> Field[Availability] | None:
    """The availability that the page states; of several variants, the best one's.

    A buy button that clearly works, or is clearly disabled, overrules the markup.

    :param candidates: most trusted source first.
    :param stock: what the visible page shows.
    :return: None if the page says nothing.
    """
    stated = _stated_availability(candidates)
    if stock is None:
        return stated
    refuted = stock.sure and (stock.word == Availability.OUT_OF_STOCK) != (
        stated is not None and stated.value == Availability.OUT_OF_STOCK
    )
    return Field(stock.word, SourceName.HTML) if stated is None or refuted else stated


def _stated_availability(candidates: Iterable[Candidate]) -> Field[Availability] | None:
    for candidate in candidates:
        texts = [offer.availability for offer in candidate.offers]
        words = {availability_of(text) or (word_of(text[:200]) if text else None) for text in texts}
        best = next((word for word in Availability if word in words), None)
        if best:
            return Field(best, candidate.source)
    return None


def availability_of(text: str | None) -> Availability | None:
    """Our word for a schema.org URL or name, or for a text such as `In stock`; None for anything else."""
    if not text or len(text) > 200:
        return None
    name = text.strip().rstrip("/").rsplit("/", 1)[-1].rsplit("#", 1)[-1].rsplit(":", 1)[-1]
    return _MEANINGS.get(_NOT_A_LETTER.sub("", name.lower()))
