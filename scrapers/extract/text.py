"""Text as a store means it: without markup, entities, control characters, half characters and stray space."""

from __future__ import annotations

import html
import re

from w3lib.html import remove_tags_with_content, replace_tags

_CONTROL = re.compile(
    r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200b\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"
)
_SPACE = re.compile(r"\s+")
_TAG = re.compile(r"<[a-zA-Z/!][^>]{0,2000}>")


def clean(text: object, limit: int) -> str | None:
    """One line of plain text.

    :param text: a text or number as found; anything else counts as absent.
    :param limit: most characters; what is longer is cut.
    :return: None where nothing is left.
    """
    if isinstance(text, bool) or not isinstance(text, str | int | float):
        return None
    flat = _SPACE.sub(" ", _CONTROL.sub("", str(text)[: 8 * limit])).strip()
    return flat[:limit].rstrip() or None


def unescape(text: str) -> str:
    """Resolves entities, also those that were escaped twice: `&amp;#8211;` is a dash."""
    once = html.unescape(text)
    return html.unescape(once) if "&" in once and ";" in once else once


def plain(text: object, limit: int = 20_000) -> str | None:
    """Plain text of a piece of HTML, or of text with entities."""
    if not isinstance(text, str):
        return clean(text, limit)
    text = text[: 20 * limit]
    if _TAG.search(text):
        text = replace_tags(remove_tags_with_content(text, ("script", "style")), " ")
    return clean(unescape(text), limit)
