"""Decides a product's GTIN, the number of its bar code."""

from __future__ import annotations

import re
from collections.abc import Iterable

from scrapers.extract.candidates import Candidate, Field

_LENGTHS = (8, 12, 13, 14)
_NOT_A_DIGIT = re.compile(r"[\s\-.]")


def extract_gtin(candidates: Iterable[Candidate]) -> Field[str] | None:
    """The GTIN, EAN, UPC or ISBN-13 of the product, or of its variants if they share one."""
    for candidate in candidates:
        for raw in candidate.gtins:
            gtin = gtin_of(raw)
            if gtin:
                return Field(gtin, candidate.source)
        of_offers = {gtin_of(offer.gtin) for offer in candidate.offers}
        if len(of_offers) == 1 and (gtin := of_offers.pop()):
            return Field(gtin, candidate.source)
    return None


def gtin_of(text: str | None) -> str | None:
    """The digits of a GTIN; None if their number or the check digit is wrong."""
    digits = _NOT_A_DIGIT.sub("", (text or "").rpartition(":")[2])
    if not digits.isascii() or not digits.isdigit() or len(digits) not in _LENGTHS or not int(digits):
        return None
    weighted = sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(reversed(digits)))
    return digits if weighted % 10 == 0 else None
