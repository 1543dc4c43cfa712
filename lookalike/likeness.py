"""Why a product is an answer: what it shares with the photo or the product that was searched for."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from embedding.outfits.kinds import kind_of
from lookalike.description import Description
from lookalike.facets import category_step
from lookalike.matches import Match

_WORDS = re.compile(r"[^\W\d_]+")
_NAMED_LEAST = 0.5
"""Least probability of what the heads see in a photo, for it to be called shared."""

PATTERN = "pattern"


@dataclass(frozen=True)
class Looks:
    """What is known of a query or a product, in words; an empty text is nothing known.

    :ivar kind: such as `Dresses`.
    """

    kind: str = ""
    colours: tuple[str, ...] = ()
    brand: str = ""
    pattern: str = ""

    @classmethod
    def of_product(cls, product: Match) -> Looks:
        """What a store says of a product."""
        return cls(
            kind=category_step(product.category or ""),
            colours=product.colours,
            brand=product.brand or "",
        )

    @classmethod
    def of_photo(cls, descriptions: Sequence[Description]) -> Looks:
        """What the heads see in a single photo, where they are sure; of several photos nothing."""
        if len(descriptions) != 1 or descriptions[0].is_clothing is False:
            return cls()
        sure = {
            name: guesses[0].value
            for name, guesses in descriptions[0].attributes.items()
            if guesses and guesses[0].probability > _NAMED_LEAST
        }
        colour = sure.get("colour")
        return cls(
            kind=sure.get("article_type", ""),
            colours=(colour,) if colour else (),
            pattern=sure.get(PATTERN, ""),
        )


def shared(wanted: Looks, product: Match) -> list[str]:
    """Names what a product shares with what was searched for: its kind, colour, pattern and brand.

    A kind is shared where its words are the same in the singular, or else name the same kind of garment.
    """
    found = []
    if wanted.kind and _same_kind(wanted.kind, product):
        found.append(wanted.kind.lower())
    colours = _words(" ".join(product.colours) or product.title or "")
    found += [colour.lower() for colour in wanted.colours if colour and _words(colour) <= colours]
    if wanted.pattern and _words(wanted.pattern) <= _words(product.title or ""):
        found.append(wanted.pattern.lower())
    if wanted.brand and wanted.brand.casefold() == (product.brand or "").casefold():
        found.append(f"by {wanted.brand}")
    return found


def _same_kind(kind: str, product: Match) -> bool:
    step = category_step(product.category or "")
    named = kind_of(kind)
    return (bool(step) and _words(kind) == _words(step)) or (
        named >= 0 and named == kind_of(product.category, product.title)
    )


def _words(text: str) -> frozenset[str]:
    return frozenset(word.removesuffix("s") for word in _WORDS.findall(text.casefold()))
