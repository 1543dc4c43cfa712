"""What a demo storefront finds for some words."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from lookalike.demo.shelf import Listed, Shelf

_WORD = re.compile(r"\w+")


def words_of(query: Mapping[str, Sequence[str]], name: str = "q") -> str:
    """The words that a query string asks for; empty where it asks for none."""
    return (query.get(name) or [""])[-1]


def found(shelf: Shelf, words: str) -> list[Listed]:
    """The products in whose title, brand, category or colour each word begins one; none for no words."""
    wanted = _WORD.findall(words.casefold())
    return [one for one in shelf.listed if wanted and _has_all(one, wanted)]


def _has_all(one: Listed, wanted: Sequence[str]) -> bool:
    product = one.product
    text = " ".join([product.title, product.brand, product.category, product.kind, product.colour])
    there = _WORD.findall(text.casefold())
    return all(any(word.startswith(part) for word in there) for part in wanted)
