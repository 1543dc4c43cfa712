"""The brand that a page shows near its product's name."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from scrapers.extract.visible.heading import Heading
from scrapers.extract.visible.layout import Layout, Spot, above, tokens
from scrapers.extract.visible.other_content import OtherContent
from scrapers.extract.visible.weights import BRAND
from scrapers.extract.vocabulary import phrases

_NAMED_TEXT = """
    brand brandname byline manufacturer marque marca marke hersteller designer bylineinfo vendor
"""
_NAMED = frozenset(_NAMED_TEXT.split())
_OF_STORE = frozenset({"navbar", "header", "footer", "site", "topbar"})
"""Elements in which a brand is the store's own."""
_ADDRESSED = re.compile(
    r"/(?:brands?|marques?|marken?|marcas?|hersteller|manufacturers?|merken|merk|znacka|vyrobce|designers?|producenci|producent|brend|brands?-[a-z])[/=-]"
    r"|[?&=/](?:manufacturers?(?:_?id)?|id_manufacturer|brand(?:_?id)?)(?:[=&/]|$)",
    re.I,
)
_PREFIX = phrases("brand_prefix")
_PREFIX_END = re.compile(r"(?<!\s)(?:\s*+[:：]\s++|\s++)")
_SUFFIX = re.compile(r"(?:-store|(?<!\s)\s+store|のストアを表示)$", re.I)


def read_brand(layout: Layout, heading: Heading, others: OtherContent) -> str | None:
    """The text of a brand link, or of an element named `brand`, near the heading; else its logo's text."""
    best: tuple[float, str] | None = None
    for spot in layout.spots:
        distance = spot.read - heading.spot.read
        if abs(distance) > BRAND.reach or spot.hidden or len(spot.text) > BRAND.max_name + BRAND.max_around:
            continue
        link = _brand_link(spot)
        named = not tokens(spot.element).isdisjoint(_NAMED)
        if not link and not named:
            continue
        text = _bare_name(spot.text)
        if not _is_name(text, spot, heading) or others.contains(spot.element):
            continue
        score = (
            abs(distance) / BRAND.distance
            + (0 if link else BRAND.no_link)
            + (0 if text.casefold() in heading.text.casefold() else BRAND.not_in_heading)
        )
        if best is None or score < best[0]:
            best = (score, text)
    return best[1] if best else _logo(layout, heading, others)


def _bare_name(text: str) -> str:
    """The brand's name in a text such as `Visit the Acme Store` or `Brand: Acme`."""
    for _ in range(2):
        prefix = _PREFIX.match(text)
        end = _PREFIX_END.match(text, prefix.end()) if prefix else None
        text = _SUFFIX.sub("", text[end.end() :] if end else text)
    return text.strip(" :-–|")


def _logo(layout: Layout, heading: Heading, others: OtherContent) -> str | None:
    """The alternative text of an image in a brand link or brand box."""
    for element, order in layout.tagged("img"):
        if not 0 < abs(order - heading.spot.order) < BRAND.logo_reach:
            continue
        text = (element.get("alt") or "").strip()
        if not 1 < len(text) <= BRAND.max_name or text.casefold() == heading.text.casefold():
            continue
        names = set().union(*(tokens(one) for one in above(element, BRAND.logo_steps)))
        link = next((one for one in above(element, BRAND.logo_steps) if one.tag == "a"), None)
        linked = link is not None and _leads_to_brand(link.get("href") or "")
        named = bool(names & _NAMED) and names.isdisjoint(_OF_STORE)
        if not linked and not named:
            continue
        # The link around a logo leads to another page; what counts is whose box it is in.
        box = element if link is None else link.getparent()
        is_behind = order > heading.spot.order and not others.contains(box)
        if text.casefold() in heading.text.casefold() or is_behind:
            return text
    return None


def _brand_link(spot: Spot) -> bool:
    if spot.element.tag != "a":
        return False
    return _leads_to_brand(spot.element.get("href") or "")


def _leads_to_brand(href: str) -> bool:
    try:
        parts = urlsplit(href)
    except ValueError:
        return False
    return bool(_ADDRESSED.search(f"{parts.path}/?{parts.query}"))


def _is_name(text: str, spot: Spot, heading: Heading) -> bool:
    if not 1 < len(text) <= BRAND.max_name or text.casefold() == heading.text.casefold():
        return False
    return (
        any(character.isalpha() for character in text)
        and ":" not in text
        and len(text.split()) <= BRAND.max_words
    )
