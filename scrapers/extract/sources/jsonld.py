"""JSON-LD as stores really write it: each script read on its own, and mended where it is no valid JSON."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from scrapers.extract.page import Page

MAX_SCRIPT = 4_000_000
"""Longest script that is read, in characters; a product's takes a few thousand."""

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")
_OPENING_MARK = re.compile(r"\s*+(?:<!--|(?://|/\*)?+\s*+<!\[CDATA\[\s*+(?:\*/)?)")
# A string or comment without an end is all that is left: another try from its next sign would find no end
# either, and many such tries take quadratic time.
_STRING = r'"(?:[^"\\]|\\.)*+(?:"|\Z)'
_STRING_OR_COMMENT = re.compile(
    rf"{_STRING}|/\*(?:[^*]|\*(?!/))*+(?:\*/|\Z)|//[^\n]*+|<!--(?:[^-]|-(?!->))*+(?:-->|\Z)", re.DOTALL
)
_STRING_OR_COMMA = re.compile(rf"{_STRING}|,(?=\s*+[}}\]])", re.DOTALL)
_DECODER = json.JSONDecoder(strict=False, parse_float=Decimal)


def read_jsonld(page: Page) -> Iterator[Any]:
    """Every document in the page's JSON-LD scripts, in their order. Numbers with digits after the point are
    decimals, as written."""
    for script in page.tree.iter("script"):
        if "ld+json" in (script.get("type") or "").lower():
            text = script.text_content()
            if len(text) <= MAX_SCRIPT:
                yield from loads(text)


def loads(text: str) -> list[Any]:
    """The documents of one script; none where it cannot be mended.

    Mended are comments, CDATA and HTML comment marks around it, trailing commas, control characters, entities
    instead of quotes, more than one document, and what comes after it.
    """
    text = text.strip().lstrip("\ufeff")
    for attempt in (_as_is, _without_comments, _unwrapped, _unescaped):
        try:
            return attempt(text)
        except (ValueError, RecursionError):
            continue
    return []


def _as_is(text: str) -> list[Any]:
    return [_DECODER.decode(text)]


def _without_comments(text: str) -> list[Any]:
    """Comments taken out first: a script may begin with one of HTML's."""
    text = _STRING_OR_COMMENT.sub(lambda match: match[0] if match[0][0] == '"' else " ", text)
    return _documents(text)


def _unwrapped(text: str) -> list[Any]:
    """The marks of a comment or CDATA around it taken off first: then the whole of it is in one of HTML's."""
    for _ in range(2):
        opening = _OPENING_MARK.match(text)
        text = _without_closing_mark(text[opening.end() :] if opening else text)
    return _without_comments(text)


def _without_closing_mark(text: str) -> str:
    text = text.rstrip()
    if text.endswith("-->"):
        return text[:-3]
    inner = text.removesuffix("*/").rstrip()
    if not inner.endswith("]]>"):
        return text
    return inner[:-3].rstrip().removesuffix("//").removesuffix("/*")


def _documents(text: str) -> list[Any]:
    text = _STRING_OR_COMMA.sub(lambda match: match[0] if match[0][0] == '"' else "", text)
    text = _CONTROL.sub(" ", text).strip()
    documents: list[Any] = []
    start = 0
    while start < len(text):
        try:
            document, end = _DECODER.raw_decode(text, start)
        except ValueError:
            if documents:
                break  # what comes after it is not ours to read
            raise
        documents.append(document)
        start = end
        while start < len(text) and text[start] in " \t\r\n;,":
            start += 1
    if not documents:
        raise ValueError("there is nothing in it")
    return documents


def _unescaped(text: str) -> list[Any]:
    if "&quot;" not in text and "&#34;" not in text:
        raise ValueError("nothing to unescape")
    return _unwrapped(html.unescape(text))
