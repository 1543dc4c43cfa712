"""The heading that names a page's product; other fields are searched near it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from unicodedata import combining, normalize
from urllib.parse import unquote, urlsplit

import lxml.html

from scrapers.extract.page import Page
from scrapers.extract.text import clean
from scrapers.extract.visible.layout import Layout, Spot, above, tokens

_MIN = 3
_HEADINGS = frozenset({"h1", "h2", "h3"})
_WORDS = re.compile(r"[^\W_]+")
_NAMED = frozenset(["title", "name", "heading", "headline", "product"])
_MAX_SCORED = 4000


@dataclass(frozen=True, slots=True)
class Heading:
    """Where a page names its product.

    :ivar text: the name as written.
    :ivar sure: whether the page's title or markup agrees.
    """

    spot: Spot
    text: str
    sure: bool


def find_heading(layout: Layout, names: Sequence[str]) -> Heading | None:
    """The heading whose text the page's title, markup or address repeats; else the only `h1`.

    :param names: what the page calls itself, including the document's title.
    """
    wanted = [_folded(name) for name in names if name]
    slug = _slug(layout.page)
    words = slug.union(*(name.split() for name in wanted))
    best: tuple[float, Spot, bool] | None = None
    headings = 0
    for spot in layout.spots[: _MAX_SCORED * 5]:
        is_heading = spot.element.tag in _HEADINGS
        if spot.hidden or (len(spot.text) < _MIN and spot.element.tag != "h1"):
            continue
        # Most texts share no word with any name and are skipped quickly.
        if not is_heading and spot.text.split(None, 1)[0].casefold() not in words:
            continue
        level = _level(spot.element)
        if not level and not spot.own:
            continue
        # An element around a heading is the product's whole box, even if it is named a heading.
        if not is_heading and next(spot.element.iter("h1"), None) is not None:
            continue
        headings += spot.element.tag == "h1"
        text = _folded(spot.text)
        agreement = max((_agreement(text, name) for name in wanted), default=0.0)
        if agreement < 0.5 and level and len(slug) > 1:
            agreement = max(agreement, _in_slug(text, slug))
        if agreement < 0.5 and not (level == 3 and not best):
            continue
        score = 4 * agreement + level - _out_of_place(spot.element)
        if best is None or score > best[0]:
            best = (score, spot, agreement >= 0.5)
    if best is None or best[0] < 2 or (not best[2] and headings != 1):
        return None
    name = clean(best[1].text, 1000)
    return Heading(best[1], name, best[2]) if name else None


def _agreement(text: str, name: str) -> float:
    """How much of a name a heading covers, 0 to 1.2: most names end in the store's own."""
    if text == name:
        return 1.2
    if name.startswith(text) and (len(text) >= 5 or not name[len(text) : len(text) + 2].strip().isalnum()):
        return 0.75 + 0.4 * len(text) / len(name)
    if (len(name) >= 5 and text.endswith(name)) or (len(name) >= 8 and text.startswith(name)):
        return 0.9 * len(name) / len(text) + 0.1
    if len(text) >= 8 and text in name:
        return 0.6 + 0.4 * len(text) / len(name)
    words, others = set(text.split()), set(name.split())
    if len(words) >= 3:
        return 0.9 * len(words & others) / len(words)
    return 0.0


def _slug(page: Page) -> set[str]:
    """The words of an address's last segments, where most shops write the product's name, without accents."""
    parts = [unquote(part) for part in urlsplit(page.url).path.split("/") if part][-2:]
    return {word for part in parts for word in _WORDS.findall(_plain_letters(part)) if len(word) > 2}


def _in_slug(text: str, slug: set[str]) -> float:
    words = [word for word in _WORDS.findall(_plain_letters(text)) if len(word) > 2][:12]
    shared = sum(word in slug for word in words)
    return 0.8 * shared / min(len(words), len(slug)) if shared > 1 else 0.0


def _plain_letters(text: str) -> str:
    return "".join(one for one in normalize("NFKD", text.casefold()) if not combining(one))


def _level(element: lxml.html.HtmlElement) -> float:
    if element.tag == "h1":
        return 3
    if element.tag in ("h2", "h3") or element.get("role") == "heading":
        return 1.5
    return 1.0 if not tokens(element).isdisjoint(_NAMED) else 0


def _out_of_place(element: lxml.html.HtmlElement) -> float:
    """Penalty for navigation, breadcrumbs and links, whose texts are no headings."""
    for one in above(element, 8):
        if one.tag in ("nav", "footer"):
            return 3
        if one.tag == "a" and one is not element and element.tag != "h1":
            return 1.5
        names = tokens(one)
        if names & {"breadcrumb", "breadcrumbs", "crumbs", "minicart"}:
            return 3
    return 1 if element.tag in ("a", "option", "li", "label", "button") else 0


def _folded(text: str) -> str:
    return " ".join(text.casefold().split())[:400]
