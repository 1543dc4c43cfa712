"""Decides a product's description."""

from __future__ import annotations

from collections.abc import Iterable

from scrapers.extract.candidates import Candidate, Field
from scrapers.extract.text import plain


def extract_description(candidates: Iterable[Candidate]) -> Field[str] | None:
    """The most trusted source's description, without markup."""
    for candidate in candidates:
        description = plain(candidate.description)
        if description:
            return Field(description, candidate.source)
    return None
