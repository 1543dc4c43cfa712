"""Plain text: no markup, entities, control characters, surrogates or redundant spaces."""

from __future__ import annotations

import html
import re

from w3lib.html import replace_tags

_CONTROL = re.compile(
    r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200b\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"
)
_SPACE = re.compile(r"\s+")
_CODE_MARKS = (re.compile(r"<script\b|</script\s*+>", re.I), re.compile(r"<style\b|</style\s*+>", re.I))


def clean(text: object, limit: int) -> str | None:
    """One line of plain text.

    :param text: a text or number as found; anything else counts as absent.
    :param limit: most characters; longer text is cut.
    :return: None if nothing is left.
    """
    if isinstance(text, bool) or not isinstance(text, str | int | float):
        return None
    flat = _SPACE.sub(" ", _CONTROL.sub("", str(text)[: 8 * limit])).strip()
    return flat[:limit].rstrip() or None


def unescape(text: str) -> str:
    """Resolves entities, including doubly escaped ones: `&amp;#8211;` is a dash."""
    try:
        once = html.unescape(text)
        return html.unescape(once) if "&" in once and ";" in once else once
    except ValueError:  # the number of a character has thousands of digits
        return text


def plain(text: object, limit: int = 20_000) -> str | None:
    """Plain text of an HTML fragment, or of text with entities."""
    if not isinstance(text, str):
        return clean(text, limit)
    text = text[: 20 * limit]
    if "<" in text:
        for marks in _CODE_MARKS:
            text = _without_content(text, marks)
        text = replace_tags(text, " ")
    return clean(unescape(text), limit)


def _without_content(text: str, marks: re.Pattern[str]) -> str:
    """The text without what is between the tags of an element; a tag without an end is kept.

    One pass: w3lib's `remove_tags_with_content` searches for an end from every beginning, in quadratic time.
    """
    kept: list[str] = []
    begun: int | None = None
    end = 0
    for mark in marks.finditer(text):
        if mark[0][1] != "/":
            begun = mark.start() if begun is None else begun
        elif begun is not None:
            kept.append(text[end:begun])
            begun, end = None, mark.end()
    return "".join([*kept, text[end:]])
