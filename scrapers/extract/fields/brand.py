"""Who makes a product."""

from __future__ import annotations

import re
from collections.abc import Iterable

from scrapers.extract.candidates import Candidate, Field
from scrapers.extract.text import plain

MAX_BRAND = 100
_NOTHING = frozenset(
    {"-", "n/a", "na", "none", "null", "undefined", "brand", "no brand", "default", "unknown"}
)

_TEMPLATE = re.compile(r"^\$|\{\{|\{%|\$\{")
"""A template that was never filled in."""


def extract_brand(candidates: Iterable[Candidate]) -> Field[str] | None:
    """The brand as the page names it; words that stand for `no brand` count as nothing."""
    for candidate in candidates:
        brand = plain(candidate.brand)
        if brand and is_brand(brand):
            return Field(brand, candidate.source)
    return None


def is_brand(brand: str) -> bool:
    """Whether a text can be a brand: short, and neither a word for none nor a template."""
    return len(brand) <= MAX_BRAND and brand.lower() not in _NOTHING and not _TEMPLATE.search(brand)
