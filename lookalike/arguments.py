"""Checks arguments of the public functions; raises `InputError` for those that make no sense."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lookalike.matches import Match
from storage.errors import InputError

if TYPE_CHECKING:
    from lookalike.generation import OpenGeneration

MOST_CHARACTERS = 200
"""Of words to search by; whoever pastes more has pasted something else."""


def require_count(value: Any, name: str) -> int:
    """A number of products, at least 1."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
        raise InputError(f"{name} must be a whole number, at least 1, not {value!r}.")
    return int(value)


def require_share(value: Any, name: str) -> float:
    """A number, which the caller checks to be from 0 to 1."""
    if isinstance(value, bool) or not isinstance(value, int | float | np.integer | np.floating):
        raise InputError(f"{name}={value!r} is no number. Give one from 0 to 1.")
    return float(value)


def require_words(value: Any) -> str:
    """Words to search by."""
    if not isinstance(value, str):
        raise InputError(f"Words cannot be of type {type(value).__name__}. Give a text such as 'red dress'.")
    if any("\ud800" <= letter <= "\udfff" for letter in value):  # a terminal's bytes that are no UTF-8
        raise InputError(f"The words {value!r} are no text. Give some such as 'red dress'.")
    if len(value) > MOST_CHARACTERS:
        raise InputError(
            f"The words have {len(value):,} characters. Give at most {MOST_CHARACTERS}, such as 'red dress'."
        )
    return value


def product_number(published: OpenGeneration, product: Any) -> int:
    """The number of a product, by its name or as a match."""
    if isinstance(product, Match):
        product = product.id
    if not isinstance(product, str):
        raise InputError(f"A product cannot be a {type(product).__name__}. Give store:product_id.")
    store, colon, product_id = product.partition(":")
    number = published.find(store, product_id)
    if number is None:
        hint = "Check the id" if colon else "Give store:product_id"
        raise InputError(f"There is no product '{product}' in generation {published.name}. {hint}.")
    return number
