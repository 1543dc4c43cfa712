"""Decides a product's title."""

from __future__ import annotations

import re
from collections.abc import Iterable

from scrapers.extract.candidates import Candidate, Field
from scrapers.extract.text import plain
from storage.terms import SourceName

_SUFFIX = re.compile(r"(?<!\s)\s+[-–—|·:•»]\s+\S")


def extract_title(candidates: Iterable[Candidate]) -> Field[str] | None:
    """The title of the most trusted source that has one, without the store's name at its end.

    OpenGraph titles often end in the store's name; the page's heading shows where the title ends.
    """
    candidates = list(candidates)
    for candidate in candidates:
        title = plain(candidate.title)
        if title:
            heading = _heading(candidates) if candidate.source == SourceName.OPENGRAPH else None
            if heading and title.startswith(heading) and _SUFFIX.match(title, len(heading)):
                return Field(heading, SourceName.HTML)
            return Field(title, candidate.source)
    return None


def _heading(candidates: Iterable[Candidate]) -> str | None:
    return next((plain(one.title) for one in candidates if one.source == SourceName.HTML), None)
