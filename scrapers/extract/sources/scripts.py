"""The data in a page's scripts: JSON and JavaScript object literals, parsed and never run."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import chompjs

from scrapers.extract.page import Page

MAX_SCRIPT = 4_000_000
"""Longest script that is read, in characters."""
MAX_TOTAL = 8_000_000
"""Characters of all scripts of a page that are parsed."""
MAX_OBJECTS = 60
"""Object literals of a page that are parsed."""
MAX_FAILURES = 20
"""Literals without end in a script, after which the rest is skipped."""
MAX_MEMBERS = 40
"""Members that are read separately from an object that cannot be parsed as a whole."""
MAX_NESTING = 120
"""Nesting depth; the deepest real state has about 40."""

_PRODUCT_WORDS = ("price", "sku", "availab", "stock", "product", "thumb")
"""A script without any of these words says nothing about a product or its photos."""
_NAMED = r"""\s*\(\s*(?P<%s>(?:['"][\w .:-]{1,60}['"]\s*,\s*){0,3})(?=[\[{])"""
_CALLS = "|".join(name + _NAMED % name for name in ("push", "gtag", "fbq", "track"))
_DATA_START = re.compile(rf"""=(?<![=!<>]=)\s*(?=[\[{{])|JSON(?P<text>\.parse\(\s*)(?=["'])|{_CALLS}""")
"""The start of data: assigned, in a string, or pushed as an event; a call's group holds its first arguments.
Each branch begins with one character, so that `re` skips all others at once."""
_MEMBER = re.compile(r"""['"]?(?P<key>[\w$-]{1,60})['"]?\s*:\s*(?=[\[{])""")
_NAME = re.compile(r"""[\w$.]{1,80}(?:\[['"][\w$.-]{1,60}['"]\])?\s*$""")
_DATA_TYPES = (
    "application/json",
    "text/x-magento-init",
    "text/json",
    "application/vnd",
    "application/hydration",
)

_DATA_ATTRIBUTES = ("data-product_variations", "data-product", "data-product-json", "data-product-data")


@dataclass(frozen=True, slots=True)
class Data:
    """The data of one script, or of one statement in it.

    :ivar name: the variable it is assigned to, the event it is pushed as, or the script's id or type.
    """

    name: str
    value: Any


def read_scripts(page: Page) -> Iterator[Data]:
    """The data of a page's scripts, in order, within this module's limits."""
    budget = MAX_TOTAL
    objects = MAX_OBJECTS
    for script in page.tagged["script"]:
        kind = (script.get("type") or "").lower()
        if "ld+json" in kind or script.get("src"):
            continue
        text = script.text or ""
        if not 20 < len(text) <= min(MAX_SCRIPT, budget) or not _names_product(text):
            continue
        if kind.startswith(_DATA_TYPES) or (
            kind not in ("", "text/javascript", "module") and text.lstrip()[:1] in "{["
        ):
            budget -= len(text)
            value = _json(text)
            if value is not None:
                yield Data(script.get("id") or kind, value)
            continue
        if kind not in ("", "text/javascript", "application/javascript", "module"):
            continue
        for data, size in _literals(text, objects):
            objects -= 1
            budget -= size
            if data is not None:
                yield data
            if budget <= 0 or objects <= 0:
                return
    yield from _attributes(page)


def _names_product(text: str) -> bool:
    lower = text.lower()
    return any(word in lower for word in _PRODUCT_WORDS)


def _attributes(page: Page) -> Iterator[Data]:
    """Data in attributes: WooCommerce's variations and analytics data on the product's elements."""
    for name in _DATA_ATTRIBUTES:
        texts = page.tree.xpath(f"//@{name}") if page.mentions_attribute(name) else []
        for text in texts[:3]:
            if 20 < len(text) <= MAX_SCRIPT and text.lstrip()[:1] in "{[":
                value = _json(str(text))
                if value is not None:
                    yield Data(name, value)


def _literals(text: str, limit: int) -> Iterator[tuple[Data | None, int]]:
    """The objects and lists that a script assigns or pushes, and the length of each."""
    position = 0
    failures = MAX_FAILURES
    while limit > 0:
        match = _DATA_START.search(text, position)
        if match is None:
            return
        start = match.end()
        is_text, call = match.lastgroup == "text", match.lastgroup or ""
        end = _string_end(text, start) if is_text else _literal_end(text, start)
        if end is None:
            position = start + 1
            failures -= 1
            if failures == 0:
                return
            continue
        position = end
        if end - start < 20 or not _names_product(text[start:end]):
            continue
        limit -= 1
        piece = _unescaped(text[start + 1 : end]) if is_text else text[start:end]
        value = _json(piece) if is_text else _literal(piece)
        named = _NAME.search(text[max(0, match.start() - 150) : match.start()])
        called = f"{call} {match[call]}" if call and not is_text else ""
        name = f"{named[0].strip() if named else ''} {called}".strip()
        yield (Data(name, value) if value is not None else None), end - start


def _literal(piece: str) -> Any:
    """A parsed literal; if it contains calls and the like, its parsable members."""
    value = _json(piece)
    if value is not None:
        return value
    members: dict[str, Any] = {}
    position = 1
    for _ in range(MAX_MEMBERS):
        match = _MEMBER.search(piece, position)
        end = _literal_end(piece, match.end()) if match else None
        if match is None or end is None:
            break
        inner = _json(piece[match.end() : end])
        if inner is not None:
            members[match["key"]] = inner
        position = end
    return members or None


def _json(text: str) -> Any:
    """A parsed JSON text or JavaScript literal; None if it is neither."""
    text = text.strip()
    try:
        return json.loads(text, parse_float=Decimal, strict=False)
    except (ValueError, RecursionError):
        pass
    if "&quot;" in text[:200]:
        text = html.unescape(text)
    try:
        return chompjs.parse_js_object(text, loader_kwargs={"parse_float": Decimal, "strict": False})
    except (ValueError, RecursionError, TypeError, AttributeError):
        return None


def _literal_end(text: str, start: int) -> int | None:
    """The end of the object or list that begins at `start`; None if it has none or is nested too deep."""
    depth = 0
    for match in _BRACKET_OR_STRING.finditer(text, start):
        sign = match[0][0]
        if sign in "{[(":
            depth += 1
            if depth > MAX_NESTING:
                return None
        elif sign in "}])":
            depth -= 1
            if depth <= 0:
                return match.end()
    return None


_BRACKET_OR_STRING = re.compile(
    r""""[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)|'[^'\\]*+(?:\\.[^'\\]*+)*+(?:'|\\?\Z)"""
    r"""|`[^`\\]*+(?:\\.[^`\\]*+)*+(?:`|\\?\Z)|\{|\}|\[|\]|\(|\)""",
    re.DOTALL,
)
"""Each branch begins with one character, so that `re` skips all others at once. An unterminated string takes
all the rest, so that it is read only once."""


def _string_end(text: str, start: int) -> int | None:
    match = _BRACKET_OR_STRING.match(text, start)
    return match.end() - 1 if match else None


def _unescaped(text: str) -> str:
    """The value of a string literal."""
    try:
        return str(json.loads(f'"{_ESCAPES.sub(_as_json, text)}"', strict=False))
    except ValueError:
        return text


_ESCAPES = re.compile(r'\\(?:x([0-9a-fA-F]{2})|(.))|(")', re.DOTALL)


def _as_json(match: re.Match[str]) -> str:
    if match[1]:
        return f"\\u00{match[1]}"
    if match[3]:
        return '\\"'
    return match[0] if match[2] in '"\\/bfnrtu' else match[2]
