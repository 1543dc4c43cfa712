"""Decides a product's category in its store, as a path: `Women > Dresses`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from scrapers.extract.candidates import Candidate, Field
from scrapers.extract.text import plain
from scrapers.extract.vocabulary import words
from storage.terms import API_SOURCES, SourceName

SEPARATOR = " > "
_STEP_SEPARATOR = re.compile(r"(?:(?<!\s)\s+)?[>›»→]\s*|(?<!\s)\s+[/|]\s+|(?<=\w)/(?=[A-ZÄÖÜÉ])")
_WORD = re.compile(r"\w+")
_HOME = frozenset(words("home"))
_BRANDS = frozenset(words("brands"))
_ALL_CATEGORIES = frozenset(words("all_categories"))
"""Names of the list of all categories, which is no category itself."""


def extract_category(
    candidates: Iterable[Candidate],
    trail: Sequence[str],
    title: str | None,
    host: str = "",
    shown: Sequence[str] = (),
) -> Field[str] | None:
    """The category that a source states; else the page's breadcrumb trail, without home and product.

    :param trail: the breadcrumb trail in the page's markup, outermost first.
    :param host: the store's host name; a trail may begin with it instead of `Home`.
    :param shown: the visible breadcrumb trail, without the product.
    """
    named: Field[str] | None = None
    for candidate in candidates:
        if candidate.source in API_SOURCES and candidate.categories:
            # An API gives steps as such: their names may contain what separates steps elsewhere.
            return Field(SEPARATOR.join(candidate.categories), candidate.source)
        steps = [step for name in candidate.categories[:1] for step in split_path(name)]
        if len(steps) > 1:
            return Field(SEPARATOR.join(steps), candidate.source)
        if steps and named is None:
            named = Field(steps[0], candidate.source)
    steps = _without_home([step for name in trail if (step := plain(name))], host)
    visible_steps = _without_home([step for name in shown if (step := plain(name))], host)
    if steps and (
        (title and _words(steps[-1]) == _words(title)) or (visible_steps and steps[:-1] == visible_steps)
    ):
        steps = steps[:-1]
    steps = steps or visible_steps
    if steps and steps[0].casefold() in _BRANDS:
        steps = []  # a trail through a brand's page names no category
    # A trail of several steps says more than a single name.
    if len(steps) > 1 or (steps and named is None):
        return Field(SEPARATOR.join(steps), SourceName.BREADCRUMBS)
    return named


def _without_home(steps: list[str], host: str) -> list[str]:
    """The trail without the front page and the list of all categories."""
    if steps and (steps[0].casefold() in _HOME or steps[0].lower().removeprefix("www.") in host):
        steps = steps[1:]
    return steps[1:] if len(steps) > 1 and steps[0].casefold() in _ALL_CATEGORIES else steps


def _words(text: str) -> list[str]:
    """Its words: quotes and dashes differ between heading and trail."""
    return _WORD.findall(text.casefold())


def split_path(text: str | None) -> list[str]:
    """The steps of a path in any notation: `Women > Dresses`, `Women/Dresses`, `Women » Dresses`."""
    return [step for part in _STEP_SEPARATOR.split(plain(text) or "") if (step := part.strip())]
