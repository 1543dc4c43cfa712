"""The heading that names a page's product; other fields are searched near it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from unicodedata import combining, normalize
from urllib.parse import unquote, urlsplit

import lxml.html

from scrapers.extract.fields.money import find_money
from scrapers.extract.page import Page
from scrapers.extract.text import clean
from scrapers.extract.visible.layout import Layout, Spot, above, tokens
from scrapers.extract.visible.weights import AGREEMENT, HEADING

_HEADINGS = frozenset({"h1", "h2", "h3"})
_WORDS = re.compile(r"[^\W_]+")
_LETTER = re.compile(r"[^\W\d_]")
_NAMED = frozenset(["title", "name", "heading", "headline", "product"])


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
    for spot in layout.spots[: HEADING.max_spots]:
        is_heading = spot.element.tag in _HEADINGS
        if spot.hidden or (len(spot.text) < HEADING.min_text and spot.element.tag != "h1"):
            continue
        # Most texts share no word with any name and are skipped quickly.
        if not is_heading and spot.text.split(None, 1)[0].casefold() not in words:
            continue
        level = _level(spot.element)
        if (not level and not spot.own) or (is_heading and _is_amount(spot.text)):
            continue
        # An element around a heading is the product's whole box, even if it is named a heading.
        if not is_heading and next(spot.element.iter("h1"), None) is not None:
            continue
        headings += spot.element.tag == "h1"
        text = _folded(spot.text)
        agreement = max((_agreement(text, name) for name in wanted), default=0.0)
        if agreement < HEADING.min_agreement and level and len(slug) > 1:
            agreement = max(agreement, _in_slug(text, slug))
        if agreement < HEADING.min_agreement and not (level == HEADING.h1 and not best):
            continue
        score = HEADING.agreement * agreement + level - _out_of_place(spot.element)
        if best is None or score > best[0]:
            best = (score, spot, agreement >= HEADING.min_agreement)
    if best is None or best[0] < HEADING.min_score or (not best[2] and headings != 1):
        return None
    name = clean(best[1].text, 1000)
    return Heading(best[1], name, best[2]) if name else None


def _agreement(text: str, name: str) -> float:
    """How much of a name a heading covers, 0 to 1.2: most names end in the store's own."""
    if text == name:
        return AGREEMENT.equal
    if name.startswith(text) and (
        len(text) >= AGREEMENT.min_start or not name[len(text) : len(text) + 2].strip().isalnum()
    ):
        return AGREEMENT.start + AGREEMENT.start_share * len(text) / len(name)
    if (len(name) >= AGREEMENT.min_end and text.endswith(name)) or (
        len(name) >= AGREEMENT.min_begin and text.startswith(name)
    ):
        return AGREEMENT.end_share * len(name) / len(text) + AGREEMENT.end
    if len(text) >= AGREEMENT.min_begin and text in name:
        return AGREEMENT.inside + AGREEMENT.inside_share * len(text) / len(name)
    words, others = set(text.split()), set(name.split())
    if len(words) >= AGREEMENT.min_words:
        return AGREEMENT.words_share * len(words & others) / len(words)
    return 0.0


def _slug(page: Page) -> set[str]:
    """The words of an address's last segments, where most shops write the product's name, without accents."""
    parts = [unquote(part) for part in urlsplit(page.url).path.split("/") if part][-AGREEMENT.slug_segments :]
    return {
        word
        for part in parts
        for word in _WORDS.findall(_plain_letters(part))
        if len(word) >= AGREEMENT.min_slug_word
    }


def _in_slug(text: str, slug: set[str]) -> float:
    words = [word for word in _WORDS.findall(_plain_letters(text)) if len(word) >= AGREEMENT.min_slug_word]
    words = words[: AGREEMENT.max_slug_words]
    shared = sum(word in slug for word in words)
    return AGREEMENT.slug_share * shared / min(len(words), len(slug)) if shared > 1 else 0.0


def _plain_letters(text: str) -> str:
    return "".join(one for one in normalize("NFKD", text.casefold()) if not combining(one))


def _is_amount(text: str) -> bool:
    """Whether a text is a price and nothing else: osCommerce shows the price in a heading, too."""
    return not _LETTER.search(text) and any(money.symbol for money in find_money(text))


def _level(element: lxml.html.HtmlElement) -> float:
    if element.tag == "h1" or (element.tag == "a" and element.getparent().tag == "h1"):
        return HEADING.h1
    if element.tag in ("h2", "h3") or element.get("role") == "heading":
        return HEADING.other_heading
    return HEADING.named if not tokens(element).isdisjoint(_NAMED) else 0


def _out_of_place(element: lxml.html.HtmlElement) -> float:
    """Penalty for navigation, breadcrumbs and links, whose texts are no headings."""
    for one in above(element, HEADING.steps_up):
        if one.tag in ("nav", "footer"):
            return HEADING.in_navigation
        if one.tag == "a" and one is not element and element.tag != "h1":
            return HEADING.in_link
        names = tokens(one)
        if names & {"breadcrumb", "breadcrumbs", "crumbs", "minicart"}:
            return HEADING.in_navigation
    return HEADING.in_item if element.tag in ("a", "option", "li", "label", "button") else 0


def _folded(text: str) -> str:
    return " ".join(text.casefold().split())[: HEADING.max_text]
