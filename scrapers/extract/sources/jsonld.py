"""Reads JSON-LD scripts, each on its own, and repairs invalid JSON."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from scrapers.extract.page import Page

MAX_SCRIPT = 4_000_000
"""Longest script that is read, in characters; a product's has a few thousand."""

MAX_OPEN = 100
"""Nesting depth of repaired documents: each closing bracket is searched for among all open ones."""
MAX_REPAIRED = 200_000
"""Longest script, in characters, that is repaired token by token."""

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")
_OPENING_MARK = re.compile(r"\s*+(?:<!--|(?://|/\*)?+\s*+<!\[CDATA\[\s*+(?:\*/)?)")
# An unterminated string or comment takes all the rest, with a backslash at the end: retrying from its next
# character would find no end either, and many such retries take quadratic time.
_STRING = r'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)'
_STRING_OR_COMMENT = re.compile(
    rf"{_STRING}|/\*(?:[^*]|\*(?!/))*+(?:\*/|\Z)|//[^\n]*+|<!--(?:[^-]|-(?!->))*+(?:-->|\Z)", re.DOTALL
)
_STRING_OR_COMMA = re.compile(rf"{_STRING}|,(?=\s*+[}}\]])", re.DOTALL)
_DECODER = json.JSONDecoder(strict=False, parse_float=Decimal)


def read_jsonld(page: Page) -> Iterator[Any]:
    """Every document in the page's JSON-LD scripts, in order. Decimal fractions become `Decimal`."""
    for script in page.tagged["script"]:
        if "ld+json" in (script.get("type") or "").lower():
            text = script.text_content()
            if len(text) <= MAX_SCRIPT:
                yield from loads(text)


def loads(text: str) -> list[Any]:
    """The documents of one script; empty if it cannot be repaired.

    Repairs comments, CDATA and HTML comment marks, trailing commas, control characters, entities instead of
    quotes, several documents, trailing text, JavaScript escapes, quotes in strings, commas in numbers, and
    missing commas and brackets.
    """
    text = text.strip().lstrip("\ufeff")
    for attempt in (_as_is, _without_comments, _unwrapped, _unescaped, _repaired):
        try:
            return attempt(text)
        except (ValueError, RecursionError):
            continue
    return []


def _as_is(text: str) -> list[Any]:
    return [_DECODER.decode(text)]


def _without_comments(text: str) -> list[Any]:
    """Parses after removing comments."""
    text = _STRING_OR_COMMENT.sub(lambda match: match[0] if match[0][0] == '"' else " ", text)
    return _documents(text)


def _unwrapped(text: str) -> list[Any]:
    """Parses after removing comment or CDATA marks around the whole script."""
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
                break  # ignore trailing text
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


def _repaired(text: str) -> list[Any]:
    """Parses a document that a template wrote without JSON escaping."""
    if len(text) > MAX_REPAIRED:
        raise ValueError("too long to be mended")
    return _documents(_JsonRepairer(text).repaired())


class _JsonRepairer:
    """Rewrites a document token by token: a string ends at the first quote that valid JSON can follow."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.pieces: list[str] = []
        self.open: list[str] = []

    def repaired(self) -> str:
        """The repaired document with all brackets closed."""
        position = 0
        while position < len(self.text):
            match = _TOKEN.match(self.text, position)
            if match is None:
                raise ValueError("it is no JSON")
            position = self._string(match.end()) if match[0] == '"' else self._token(match)
        return "".join([*self.pieces, *reversed(self.open)])

    def _token(self, match: re.Match[str]) -> int:
        sign = match[0]
        if match["number"]:
            self._separate()
            self.pieces.append(sign.replace(",", ""))
        elif sign in "{[":
            self._separate()
            self.open.append("}" if sign == "{" else "]")
            if len(self.open) > MAX_OPEN:
                raise ValueError("it is nested too deep")
            self.pieces.append(sign)
        elif sign in "}]":
            if self.open and self.open[-1] != sign and sign in self.open:
                self.pieces.append(self.open.pop())
            if not self.open:
                return len(self.text)
            if self.open[-1] == sign:
                self.open.pop()
                self.pieces.append(sign)
        else:
            if match["word"]:
                self._separate()
            self.pieces.append(sign)
        return match.end()

    def _string(self, start: int) -> int:
        """Reads a string from behind its opening quote to the first quote that valid JSON can follow."""
        self._separate()
        for match in _QUOTE.finditer(self.text, start):
            if _END_OF_STRING.match(self.text, match.end()):
                inner = self.text[start : match.start()]
                self.pieces.append(f'"{_ESCAPE.sub(_as_json, inner)}"')
                return match.end()
        raise ValueError("a string has no end")

    def _separate(self) -> None:
        """Adds a missing comma between two values."""
        before = next((piece for piece in reversed(self.pieces) if piece.strip()), "")
        if before and before[-1] not in "{[,:":
            self.pieces.append(",")


_TOKEN = re.compile(
    r'"|[{}\[\],:]|\s++|(?P<number>-?\d{1,3}(?:,\d{3}){1,5}+(?:\.\d+)?(?=\s*+[,}\]]))|(?P<word>[\w.+-]++)'
)
_QUOTE = re.compile(r'(?<!\\)"')
_END_OF_STRING = re.compile(r'\s*+(?:[}\]:]|,\s*+(?:["{\[\d-]|true|false|null|\Z)|\Z|"(?:[\w@]++)"\s*+:)')
_ESCAPE = re.compile(r"\\x([0-9a-fA-F]{2})|\\(.)|(\")|([\x00-\x1f])", re.DOTALL)


def _as_json(match: re.Match[str]) -> str:
    if match[1]:
        return f"\\u00{match[1]}"
    if match[3]:
        return '\\"'
    if match[4]:
        return " "
    return match[0] if match[2] in '"\\/bfnrtu' else match[2]
