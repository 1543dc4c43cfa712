"""Tells which of a product's options is its colour and which its size, in many languages."""

from __future__ import annotations

import re

from scrapers.extract.vocabulary import words

_COLOUR = frozenset(words("option_colour"))
_SIZE = frozenset(words("option_size"))
_WORD = re.compile(r"\w+")


def is_colour(option: object) -> bool:
    """Whether an option's name means colour: `Color`, `Farbe`, `pa_color`, `Main colour`."""
    return _means(option, _COLOUR)


def is_size(option: object) -> bool:
    """Whether an option's name means size: `Size`, `Größe (EU)`, `pa_size`."""
    return _means(option, _SIZE)


def _means(option: object, words: frozenset[str]) -> bool:
    if not isinstance(option, str) or len(option) > 60:
        return False
    return any(word in words for word in _WORD.findall(option.casefold().replace("_", " ")))
