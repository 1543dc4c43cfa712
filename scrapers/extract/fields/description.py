"""What a store writes about a product."""

from __future__ import annotations

from collections.abc import Iterable

from scrapers.extract.candidates import Candidate, Field
from scrapers.extract.text import plain


def extract_description(candidates: Iterable[Candidate]) -> Field[str] | None:
    """The description of the most trusted source that has one, without markup."""
    for candidate in candidates:
        description = plain(candidate.description)
        if description:
            return Field(description, candidate.source)
    return None
