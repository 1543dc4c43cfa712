"""Which character sets a server may declare."""

from __future__ import annotations

import codecs

_NOT_OF_THE_WEB = frozenset(
    {"idna", "punycode", "raw-unicode-escape", "undefined", "unicode-escape", "utf-7"}
)
"""Python's own: they raise whatever the error handler, or take quadratic time, or, as UTF-7 does, show markup
where a browser shows text."""


def is_of_the_web(charset: str) -> bool:
    """Whether a declared character set is known, and one that web pages may have."""
    try:
        codec = codecs.lookup(charset)
        b"a".decode(charset, "replace")  # raises for those that decode no text, such as base64
    except (LookupError, ValueError):
        return False
    return codec.name not in _NOT_OF_THE_WEB
