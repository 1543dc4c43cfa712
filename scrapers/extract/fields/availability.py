"""Decides whether a product can be bought."""

from __future__ import annotations

import re
from collections.abc import Iterable

from scrapers.extract.candidates import Candidate, Field
from scrapers.extract.visible.stock import Stock, word_of

SHOWN = "html"

_MEANINGS = {
    "instock": "in_stock",
    "onlineonly": "in_stock",
    "instoreonly": "in_stock",
    "limitedavailability": "in_stock",
    "madetoorder": "in_stock",
    "available": "in_stock",
    "availablefororder": "in_stock",
    "yes": "in_stock",
    "true": "in_stock",
    "preorder": "preorder",
    "presale": "preorder",
    "backorder": "backorder",
    "availableforbackorder": "backorder",
    "onbackorder": "backorder",
    "outofstock": "out_of_stock",
    "oos": "out_of_stock",
    "soldout": "out_of_stock",
    "discontinued": "out_of_stock",
    "unavailable": "out_of_stock",
    "notavailable": "out_of_stock",
    "reserved": "out_of_stock",
    "no": "out_of_stock",
    "false": "out_of_stock",
}
_BEST_FIRST = ("in_stock", "preorder", "backorder", "out_of_stock")
_NOT_A_LETTER = re.compile(r"[^a-z]+")


def extract_availability(candidates: Iterable[Candidate], stock: Stock | None = None) -> Field[str] | None:
    """The availability that the page states; of several variants, the best one's.

    A buy button that clearly works, or is clearly disabled, overrules the markup.

    :param candidates: most trusted source first.
    :param stock: what the visible page shows.
    :return: None if the page says nothing.
    """
    stated = _stated_availability(candidates)
    if stock is None:
        return stated
    refuted = stock.sure and (stock.word == "out_of_stock") != (
        stated is not None and stated.value == "out_of_stock"
    )
    return Field(stock.word, SHOWN) if stated is None or refuted else stated


def _stated_availability(candidates: Iterable[Candidate]) -> Field[str] | None:
    for candidate in candidates:
        texts = [offer.availability for offer in candidate.offers]
        words = {availability_of(text) or (word_of(text[:200]) if text else None) for text in texts}
        best = next((word for word in _BEST_FIRST if word in words), None)
        if best:
            return Field(best, candidate.source)
    return None


def availability_of(text: str | None) -> str | None:
    """Our word for a schema.org URL or name, or for a text such as `In stock`; None for anything else."""
    if not text or len(text) > 200:
        return None
    name = text.strip().rstrip("/").rsplit("/", 1)[-1].rsplit("#", 1)[-1].rsplit(":", 1)[-1]
    return _MEANINGS.get(_NOT_A_LETTER.sub("", name.lower()))
