"""What a product is called."""

from __future__ import annotations

from collections.abc import Iterable

from scrapers.extract.candidates import Candidate, Field
from scrapers.extract.text import plain


def extract_title(candidates: Iterable[Candidate]) -> Field[str] | None:
    """The title of the most trusted source that has one."""
    for candidate in candidates:
        title = plain(candidate.title)
        if title:
            return Field(title, candidate.source)
    return None
