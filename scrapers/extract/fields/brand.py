"""Decides a product's brand."""

from __future__ import annotations

import re
from collections.abc import Iterable

from scrapers.extract.candidates import Candidate, Field
from scrapers.extract.text import plain

MAX_BRAND = 100
_NO_BRAND = frozenset(
    {"-", "n/a", "na", "none", "null", "undefined", "brand", "no brand", "default", "unknown"}
)

_TEMPLATE = re.compile(r"^\$|\{\{|\{%|\$\{")
"""A template placeholder that was never filled in."""


def extract_brand(candidates: Iterable[Candidate]) -> Field[str] | None:
    """The brand that the page states; placeholders such as `no brand` are ignored."""
    for candidate in candidates:
        brand = plain(candidate.brand)
        if brand and is_brand(brand):
            return Field(brand, candidate.source)
    return None


def is_brand(brand: str) -> bool:
    """Whether a text can be a brand: short, no placeholder and no template."""
    return len(brand) <= MAX_BRAND and brand.lower() not in _NO_BRAND and not _TEMPLATE.search(brand)
