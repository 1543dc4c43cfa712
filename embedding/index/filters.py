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
    return sorted(items[column].chunk(0).dictionary.to_pylist()) if items.num_rows else []


def _coded(items: pa.Table, column: str, wish: str, matches: Callable[[str, str], bool]) -> np.ndarray:
    mask = _matching_codes(items, column, lambda value: matches(value, wish))
    if not mask.any():
        raise _unknown(column, wish, values(items, column))
    return mask


def _matching_codes(items: pa.Table, column: str, matches: Callable[[str], bool]) -> np.ndarray:
    """Looks each row's code up; the text of a value is compared once, not once a row."""
    if not items.num_rows:
        return np.zeros(0, bool)
    coded = items[column].chunk(0)
    wanted = np.array([*(matches(value) for value in coded.dictionary.to_pylist()), False])
    return wanted[coded.indices.fill_null(len(wanted) - 1).to_numpy()]


def _colour(items: pa.Table, wish: str) -> np.ndarray:
    lists = items["colours"].combine_chunks()
    coded = pc.list_flatten(lists).dictionary_encode()
    coded = coded.chunk(0) if isinstance(coded, pa.ChunkedArray) else coded
    names = coded.dictionary.to_pylist()
    words = set(_words(wish))
    wanted = np.array([*(name is not None and words <= set(_words(name)) for name in names), False])
    if not words or not wanted.any():
        raise _unknown("colour", wish, [name for name in names if name])
    mask = np.zeros(items.num_rows, bool)
    hits = wanted[coded.indices.fill_null(len(wanted) - 1).to_numpy()]
    mask[pc.list_parent_indices(lists).to_numpy()[hits]] = True
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
    # More places than a stored price has change nothing: what is at most 59.99999 is at most 59.9999.
    floor = (
        limit.quantize(Decimal(1).scaleb(-MONEY.scale), rounding="ROUND_FLOOR") if limit < 10**14 else None
    )
    prices = items["price"]
    passing = pc.is_valid(prices) if floor is None else pc.less_equal(prices, pa.scalar(floor, MONEY))
    mask: np.ndarray = passing.fill_null(False).to_numpy()
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
