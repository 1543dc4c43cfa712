"""Labelled rows of a product: `Brand: Acme`, `Art.-Nr. 123`, `EAN`."""

from __future__ import annotations

import re

import lxml.html

from scrapers.extract.visible.heading import Heading
from scrapers.extract.visible.layout import Layout, Spot, above
from scrapers.extract.visible.other_content import OtherContent
from scrapers.extract.visible.weights import ROW
from scrapers.extract.vocabulary import words

_ROWS = frozenset({"li", "tr", "dl"})
"""Elements that hold one label and its value."""

_COLONS = (":", "：", ";")
_EDGE = re.compile(r"^[\s\-–—:：#.]+|(?<![\s\-–—:：])[\s\-–—:：]+$")

_FIELDS = ("brand", "sku", "model", "gtin", "stock")
_LABEL_OF = {label: field for field in _FIELDS for label in words(f"label_{field}")}
_INLINE = re.compile(r"^([^:：#]{2,40}?)\s*(?:[:：]\s*#?|#\s*)(.{1,120})$")
_SEPARATOR = re.compile("[:：#]")
MAX_INLINE = 60
"""Characters in which the separator of `_INLINE` stands."""
_NUMBER = re.compile(r"(?=.*\d)[\w./-]{3,40}")
_HEIGHT = re.compile(r"(?:\d{3}cm|\d[.,]\d{1,2}(?:m|ft))(?![^\W_])", re.I)
_SEPARATED = re.compile(r"[,;|/•]\s")


def read_rows(layout: Layout, heading: Heading, others: OtherContent) -> dict[str, list[str]]:
    """Brands, SKUs, GTINs and stock from labelled rows, those nearest after the heading first."""
    found: dict[str, list[tuple[int, str]]] = {}
    texts = [spot for spot in layout.spots if spot.own]
    for index, spot in enumerate(texts):
        name, value = _inline(spot.text)
        if name is None:
            name = _label_of(spot.text)
            value = (
                _value_beside(layout, spot, texts[index + 1 : index + 1 + ROW.following]) if name else None
            )
        if not name or not value:
            continue
        value = _EDGE.sub("", value)
        if value and len(value) <= ROW.max_value and not others.contains(spot.element):
            distance = spot.order - heading.spot.order
            found.setdefault(name, []).append(
                (distance if distance >= 0 else ROW.before_heading - distance, value)
            )
    rows = {
        name: [value for _, value in sorted(values, key=lambda one: one[0])] for name, values in found.items()
    }
    # A model is a name, such as `Slim fit`, a number, or the person who wears it.
    models = [one for one in rows.pop("model", []) if _NUMBER.fullmatch(one) and not _HEIGHT.match(one)]
    return {"sku": models, **rows}


def _logo(row: lxml.html.HtmlElement) -> str | None:
    """The alternative text of the first image in a row."""
    image = next(row.iter("img"), None)
    return ((image.get("alt") or image.get("title") or "").strip() or None) if image is not None else None


def _label_of(text: str) -> str | None:
    if len(text) > ROW.max_label:
        return None
    return _LABEL_OF.get((text[:-1] if text.endswith(_COLONS) else text).strip().casefold())


def _inline(text: str) -> tuple[str | None, str | None]:
    """Label and value of one text such as `Brand: Acme` or `Art.-Nr. 123`."""
    match = _INLINE.match(text) if _SEPARATOR.search(text, 2, MAX_INLINE) else None
    if match is None:
        label, _, value = text.rpartition(" ")
        name = _LABEL_OF.get(label.casefold()) if label and len(text) <= ROW.max_value else None
        return (name, value) if name in ("sku", "gtin") and _NUMBER.fullmatch(value) else (None, None)
    name = _LABEL_OF.get(match[1].strip().casefold())
    return (name, _SEPARATED.split(match[2])[0]) if name else (None, None)


def _value_beside(layout: Layout, label: Spot, following: list[Spot]) -> str | None:
    """The text beside a label in the same row; for a logo, its alternative text."""
    for element in above(label.element, ROW.row_steps):
        row = layout.by_element.get(element)
        if row is None:
            return None
        if row.text == label.text and element is not label.element and (logo := _logo(element)):
            return logo
        rest = row.text[len(label.text) :] if row.text.startswith(label.text) else ""
        if not rest.strip() and row.text != label.text and row.text.endswith(label.text):
            rest = row.text[: -len(label.text)]  # the value before its label
        if rest.strip(" :：#-"):
            inner = next(
                (spot.text for spot in following if spot.text and rest.strip(" :：").startswith(spot.text)),
                None,
            )
            value = inner if inner and _label_of(inner) is None else rest
            return value if len(value) <= ROW.max_rest else None
        if element.tag in _ROWS:
            break
    after = label.element.getnext()
    if after is not None and label.element.tag in ("dt", "th", "td") and after.tag in ("dd", "td"):
        spot = layout.by_element.get(after)
        return spot.text if spot else None
    return None
