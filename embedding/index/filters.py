"""Filters: which rows of a generation a search may return.

Stores spell categories, colours and brands their own way, so these are matched by words and regardless of
case; a value that no product has is a mistake worth a sentence, not an empty answer.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from embedding.index import columns
from storage.errors import InputError
from storage.schemas import MONEY

IN_STOCK = "in_stock"
_CATEGORY_STEP = re.compile(r"\s*(?:[>/|›»→]|::)\s*")
_WORDS = re.compile(r"\w+")
_MOST_LISTED = 12


@dataclass(frozen=True)
class Filters:
    """What a result has to be. None, or False, asks for nothing.

    :ivar store: its store's name.
    :ivar category: the whole of its store's category path, or one step of it (`Dresses` in `Women >
        Dresses`).
    :ivar colour: one of its colours, or a word of one (`blue` in `Navy blue`).
    :ivar brand: its brand.
    :ivar max_price: the highest price, in `currency`.
    :ivar currency: its price's currency, ISO 4217.
    :ivar in_stock: whether the store has to say that it is in stock.
    """

    store: str | None = None
    category: str | None = None
    colour: str | None = None
    brand: str | None = None
    max_price: Decimal | None = None
    currency: str | None = None
    in_stock: bool = False


def price(value: Decimal | int | float | str | None) -> Decimal | None:
    """A price limit as an exact number.

    :raises InputError: it is no number, or negative.
    """
    if value is None:
        return None
    try:
        limit = Decimal(str(value))
    except InvalidOperation:
        limit = Decimal("NaN")
    if not limit.is_finite() or limit < 0:
        raise InputError(f"max_price={value!r} is no price. Give a number such as 59.90.")
    return limit


def row_mask(items: pa.Table, filters: Filters) -> np.ndarray | None:
    """Which rows pass.

    :param items: a generation's rows, as `embedding.index.items.read` gives them.
    :return: bool [rows], or None where nothing is asked for.
    :raises InputError: a value that no row has, or a price limit without its currency where there are
        several.
    """
    masks = []
    if filters.store is not None:
        masks.append(_coded(items, "store", filters.store, lambda name, wish: name == wish))
    if filters.brand is not None:
        masks.append(_coded(items, "brand", filters.brand, lambda name, wish: _folded(name) == _folded(wish)))
    if filters.category is not None:
        masks.append(_coded(items, "category", filters.category, _in_category))
    if filters.colour is not None:
        masks.append(_colour(items, filters.colour))
    currency = _currency(items, filters)
    if currency is not None:
        masks.append(_coded(items, "currency", currency, lambda name, wish: name == wish.upper()))
    if filters.max_price is not None:
        masks.append(_cheap(items, filters.max_price))
    if filters.in_stock:
        masks.append(_matching_codes(items, "availability", lambda word: word == IN_STOCK))
    return np.logical_and.reduce(masks) if masks else None


def values(items: pa.Table, column: str) -> list[str]:
    """The distinct values of a dictionary-encoded column, sorted."""
    return sorted(value for value in items[column].chunk(0).dictionary.to_pylist() if value is not None)


def _coded(items: pa.Table, column: str, wish: str, matches: Callable[[str, str], bool]) -> np.ndarray:
    mask = _matching_codes(items, column, lambda value: matches(value, wish))
    if not mask.any():
        raise _unknown(column, wish, values(items, column))
    return mask


def _matching_codes(items: pa.Table, column: str, matches: Callable[[str], bool]) -> np.ndarray:
    """Looks each row's code up; the text of a value is compared once, not once a row."""
    coded, known = columns.codes(items[column].chunk(0))
    return np.array([value is not None and matches(value) for value in known], bool)[coded]


def _colour(items: pa.Table, wish: str) -> np.ndarray:
    lists = items["colours"].chunk(0)
    coded, names = columns.codes(pc.list_flatten(lists).dictionary_encode(null_encoding="encode"))
    words = set(_words(wish))
    wanted = np.array([bool(words) and words <= set(_words(name or "")) for name in names], bool)
    if not wanted.any():
        raise _unknown("colour", wish, [name for name in names if name])
    mask = np.zeros(items.num_rows, bool)
    mask[np.from_dlpack(pc.list_parent_indices(lists))[wanted[coded]]] = True
    return mask


def _currency(items: pa.Table, filters: Filters) -> str | None:
    if filters.max_price is None or filters.currency is not None:
        return filters.currency
    known = values(items, "currency")
    if len(known) > 1:
        raise InputError(
            f"A highest price needs its currency, since prices here are in {_listed(known)}. "
            "Say which, for example with --currency or currency=."
        )
    return known[0] if known else None


def _cheap(items: pa.Table, limit: Decimal) -> np.ndarray:
    prices, given = columns.money(items["price"])
    # More digits than a stored price has change nothing: what is at most 59.99999 is at most 59.9999.
    highest = min(int(limit.scaleb(MONEY.scale)), np.iinfo(np.int64).max)
    mask: np.ndarray = given & (prices <= highest)
    return mask


def _in_category(path: str, wish: str) -> bool:
    steps = [_folded(step) for step in _CATEGORY_STEP.split(path)]
    wished = [_folded(step) for step in _CATEGORY_STEP.split(wish)]
    return any(steps[at : at + len(wished)] == wished for at in range(len(steps) - len(wished) + 1))


def _folded(text: str) -> str:
    return " ".join(text.casefold().split())


def _words(text: str) -> Sequence[str]:
    return _WORDS.findall(text.casefold())


def _unknown(what: str, wish: str, known: Iterable[str]) -> InputError:
    names = sorted(set(known))
    if not names:
        return InputError(f"No product here says its {what}, so '{wish}' cannot be asked for. Leave it out.")
    close = difflib.get_close_matches(wish, names, n=3, cutoff=0.5)
    if len(names) > _MOST_LISTED and close:
        return InputError(f"No product here has the {what} '{wish}'. Did you mean {_listed(close, 'or')}?")
    return InputError(f"No product here has the {what} '{wish}'. Known are: {_listed(names)}.")


def _listed(names: Sequence[str], last: str = "and") -> str:
    shown = list(names[:_MOST_LISTED])
    more = len(names) - len(shown)
    if more:
        return f"{', '.join(shown)} {last} {more} more"
    return f" {last} ".join((", ".join(shown[:-1]), shown[-1]) if len(shown) > 1 else shown)
