"""Where a store files a product, as a path: `Women > Dresses`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from scrapers.extract.candidates import Candidate, Field
from scrapers.extract.text import plain

SEPARATOR = " > "
_STEPS = re.compile(r"(?:(?<!\s)\s+)?[>›»→]\s*|(?<!\s)\s+[/|]\s+|(?<=\w)/(?=[A-ZÄÖÜÉ])")
_HOMES = """
    home homepage start startseite startsida accueil inicio início pagina hjem etusivu forside главная shop
    store strona główna domů hem anasayfa ホーム 首页
"""
_HOME = frozenset(_HOMES.split())


def extract_category(
    candidates: Iterable[Candidate], trail: Sequence[str], title: str | None, host: str = ""
) -> Field[str] | None:
    """The category the product names as its own; else the page's breadcrumb trail, without home and product.

    :param trail: the names of the breadcrumb trail, outermost first.
    :param host: the store's host name: a trail that begins with it begins at home.
    """
    named: Field[str] | None = None
    for candidate in candidates:
        steps = [step for name in candidate.categories[:1] for step in split_path(name)]
        if len(steps) > 1:
            return Field(SEPARATOR.join(steps), candidate.source)
        if steps and named is None:
            named = Field(steps[0], candidate.source)
    steps = [step for name in trail if (step := plain(name))]
    if steps and (steps[0].lower() in _HOME or steps[0].lower().removeprefix("www.") in host):
        steps = steps[1:]
    if steps and title and steps[-1].lower() == title.lower():
        steps = steps[:-1]
    # A trail says more than a single name does.
    if len(steps) > 1 or (steps and named is None):
        return Field(SEPARATOR.join(steps), "breadcrumbs")
    return named


def split_path(text: str | None) -> list[str]:
    """The steps of a path, however it is written: `Women > Dresses`, `Women/Dresses`, `Women » Dresses`."""
    return [step for part in _STEPS.split(plain(text) or "") if (step := part.strip())]
