"""The store's number for a product: in the page's address and again on the page."""

from __future__ import annotations

import re
from collections.abc import Set
from functools import lru_cache
from string import ascii_letters, digits
from urllib.parse import parse_qsl, unquote, urlsplit

from scrapers.extract.page import Page
from scrapers.extract.visible.heading import Heading
from scrapers.extract.visible.layout import Layout, tokens
from scrapers.extract.visible.other_content import OtherContent

_WORDS = re.compile(r"[A-Za-z0-9]+(?:[-_][A-Za-z0-9]+)*")
_PARTS = re.compile(r"[^A-Za-z0-9]+")
_PREFIXED = re.compile(r"^[a-z]{1,3}(?=\d{5,}$)", re.I)
_KEYS = re.compile(
    r"^(?:data[-_])?(?:main[-_]?)?(?:sku|asin|pid|product[-_]?(?:id|sku|code|no|number|key)|item[-_]?(?:id|no|code|number)"
    r"|article[-_]?(?:id|no|number)?|deal[-_]?(?:id|srl|no)|ad[-_]?id|goods[-_]?(?:id|no)|style[-_]?(?:id|no)|partnumber"
    r"|add-to-cart|prod[-_]?(?:id|no)|catentry[-_]?id|masterid|master[-_]?product[-_]?id|listing[-_]?id)$",
    re.I,
)
_SKU_CLASSES_TEXT = """
    sku productsku productcode itemnumber itemno artnr articlenumber articleno refnumber
"""
_SKU_CLASSES = frozenset(_SKU_CLASSES_TEXT.split())
_HOLD_IDS_TEXT = "input button form div section main article body span meta a"
_HOLD_IDS = frozenset(_HOLD_IDS_TEXT.split())
MAX_NUMBER = 40
MAX_LABELLED = 60
_DIGIT = re.compile(r"\d")
_NUMBER_ENDS = frozenset(f"{ascii_letters}{digits}_-)")
"""What `_FINAL_NUMBER` ends in: most texts need no search."""
_FINAL_NUMBER = re.compile(r"(?:^|(?<=[\s:：#(]))(?=[A-Za-z_-]*\d)[A-Za-z0-9_-]{5,40}(?=\)?$)")


def read_marked_number(layout: Layout, heading: Heading, others: OtherContent) -> str | None:
    """The text of an element whose class or `itemprop` marks it as the SKU."""
    for spot in layout.spots:
        if len(spot.text) > MAX_NUMBER or " " in spot.text or spot.hidden:
            continue
        marked = spot.element.get("itemprop") in ("sku", "productID")
        named = marked or not tokens(spot.element).isdisjoint(_SKU_CLASSES)
        numbered = named and any(character.isdigit() for character in spot.text)
        if numbered and not others.contains(spot.element):
            return spot.text.strip("#:() ")
    return None


def stated_number(page: Page, parts: Set[str], stated: Set[str]) -> str | None:
    """The part of the address that the page states as an id: in a hidden field, an attribute or its data.

    :param parts: the `numbers_of_address`.
    :param stated: the ids in the page's data.
    """
    ids = {value.lower(): value for value in stated}
    # What holds a part also holds the shorter parts within it.
    shortest = [part for part in parts if not any(other != part and other in part for other in parts)]
    for name in sorted(set().union(*(page.attributes_holding(part.encode()) for part in shortest))):
        if name == "value":
            for element in (*page.tagged["input"], *page.tagged["button"]):
                _note(element.get("value"), element.get("name") or element.get("id") or "", ids)
        elif name.startswith("data-") and _is_key(name):
            for value in page.tree.xpath(f"//@{name}"):
                if value.getparent().tag in _HOLD_IDS:
                    _note(str(value), name, ids)
    matching = [ids[part] for part in parts if part in ids]
    return max(matching, key=lambda one: (any(c.isdigit() for c in one), len(one)), default=None)


def shown_numbers(layout: Layout) -> set[str]:
    """Numbers at the end of short texts: `Deal no.: 345486`."""
    found = set()
    for spot in layout.spots:
        ends = spot.text[-1] in _NUMBER_ENDS
        if ends and spot.own and not spot.hidden and len(spot.text) <= MAX_LABELLED:
            number = _FINAL_NUMBER.search(spot.text) if _DIGIT.search(spot.text) else None
            if number:
                found.add(number[0])
    return found


def numbers_of_address(page: Page) -> set[str]:
    """Parts of the page's address that may be a product's number, in lower case."""
    return {part.lower() for part in _numbers_in(page.canonical) | _numbers_in(page.url)}


def _note(value: str | None, name: str, ids: dict[str, str]) -> None:
    """Notes a value that is named an id."""
    number = (value or "").strip()
    if number and len(number) <= MAX_NUMBER and _is_key(name):
        ids.setdefault(number.lower(), number)


@lru_cache(maxsize=4096)
def _is_key(name: str) -> bool:
    return bool(_KEYS.match(name))


def _numbers_in(url: str) -> set[str]:
    """Parts of an address that may be a product's number: at least four characters with a digit."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return set()
    segments = [unquote(segment) for segment in parts.path.split("/") if segment][-3:]
    values = [value for _, value in parse_qsl(parts.query)][:10]
    found: set[str] = set()
    for text in [*segments, *values]:
        text = text[:300].rsplit(".", 1)[0] if "." in text else text[:300]
        pieces = [text, *_PARTS.split(text)]
        for word in _WORDS.findall(text):
            pieces += [word, *(word[start:] for start in range(len(word)) if word[start - 1 : start] in "-_")]
        for piece in pieces:
            if (
                len(piece) >= 4
                and any(character.isdigit() for character in piece)
                and len(piece) <= MAX_NUMBER
            ):
                found.add(piece)
                found.add(_PREFIXED.sub("", piece))
    return found
