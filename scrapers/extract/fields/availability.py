"""Whether a product can be had."""

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
    """Availability as the page states it; of several variants the best one's.

    A shopper who finds a button that works, or one that is switched off, believes that and not the markup.

    :param candidates: what is found on the page, most trusted source first.
    :param stock: what the visible page says.
    :return: one of our four words, with its source, or None where the page says nothing.
    """
    stated = _stated(candidates)
    if stock is None:
        return stated
    refuted = stock.sure and (stock.word == "out_of_stock") != (
        stated is not None and stated.value == "out_of_stock"
    )
    return Field(stock.word, SHOWN) if stated is None or refuted else stated


def _stated(candidates: Iterable[Candidate]) -> Field[str] | None:
    for candidate in candidates:
        texts = [offer.availability for offer in candidate.offers]
        said = {availability_of(text) or (word_of(text[:200]) if text else None) for text in texts}
        best = next((word for word in _BEST_FIRST if word in said), None)
        if best:
            return Field(best, candidate.source)
    return None


def availability_of(text: str | None) -> str | None:
    """Our word for schema.org's address or name, or for a text such as `In stock`; None for anything else."""
    if not text or len(text) > 200:
        return None
    name = text.strip().rstrip("/").rsplit("/", 1)[-1].rsplit("#", 1)[-1].rsplit(":", 1)[-1]
    return _MEANINGS.get(_NOT_A_LETTER.sub("", name.lower()))
