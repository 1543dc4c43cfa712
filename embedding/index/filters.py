"""Filters: select the rows of a generation that a search may return.

Stores spell categories, colours and brands differently, so these are matched by words, without regard to
case. A value that no product has raises an error instead of giving an empty answer.
"""

from __future__ import annotations

import difflib
import functools
import math
import operator
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

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
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NO_PRICE = (1, 0)
"""Bounds that no price lies between."""


@dataclass(frozen=True)
class Filters:
    """Conditions on results, see `embedding.index.filter_arguments`. An empty field is no condition.

    :ivar store: its store's name is one of these.
    :ivar category: one of these is the whole of its store's category path, or some steps of it (`Dresses` in
        `Women > Dresses`).
    :ivar colour: one of its colours holds all words of one of these (`blue` in `Navy blue`).
    :ivar brand: its brand is one of these.
    :ivar size: one of its sizes is one of these.
    :ivar min_price: the lowest price, in `currency`.
    :ivar max_price: the highest price, in `currency`.
    :ivar currency: the currency that prices are compared in, ISO 4217; without `rates` also the only one that
        passes.
    :ivar rates: currencies and what one unit of each is worth in `currency`; prices in others do not pass.
    :ivar in_stock: whether the store has to say that it is in stock.
    :ivar new_since: when the product was first seen, at the earliest; UTC.
    """

    store: tuple[str, ...] = ()
    category: tuple[str, ...] = ()
    colour: tuple[str, ...] = ()
    brand: tuple[str, ...] = ()
    size: tuple[str, ...] = ()
    min_price: Decimal | None = None
    max_price: Decimal | None = None
    currency: str | None = None
    rates: tuple[tuple[str, Decimal], ...] = ()
    in_stock: bool = False
    new_since: datetime | None = None


def row_mask(items: pa.Table, filters: Filters) -> np.ndarray | None:
    """The rows that pass.

    :param items: a generation's rows, as `embedding.index.items.read` gives them.
    :return: bool [rows], or None where nothing is asked for.
    :raises InputError: a value that no row has, or a price limit without its currency where there are
        several.
    """
    masks = []
    if filters.store:
        masks.append(_named(items, "store", filters.store, operator.eq))
    if filters.brand:
        masks.append(_named(items, "brand", filters.brand, _same_text))
    if filters.category:
        masks.append(_named(items, "category", filters.category, _in_category))
    if filters.colour:
        masks.append(_listing(items, "colours", "colour", filters.colour, _has_words))
    if filters.size:
        masks.append(_listing(items, "sizes", "size", filters.size, _same_text))
    if filters.currency is not None:
        masks.append(_in_currency(items, filters))
    if filters.min_price is not None or filters.max_price is not None:
        masks.append(_priced(items, filters))
    if filters.in_stock:
        masks.append(_matching_codes(items, "availability", lambda word: word == IN_STOCK))
    if filters.new_since is not None:
        since, given = columns.moments(items["first_seen"])
        masks.append(given & (since >= _microseconds(filters.new_since)))
    return np.logical_and.reduce(masks) if masks else None


def left_out(items: pa.Table, filters: Filters) -> str:
    """Says which products a price limit leaves out because their currency cannot be compared; empty if none.

    Products that pass all other filters are counted, by the currency of their price.

    :param items: a generation's rows, as `embedding.index.items.read` gives them.
    """
    if not filters.rates and filters.min_price is None and filters.max_price is None:
        return ""  # a currency alone asks for nothing else
    compared = _compared(items, filters)
    others = replace(filters, currency=None, rates=(), min_price=None, max_price=None)
    passing = row_mask(items, others)
    rows = np.arange(items.num_rows) if passing is None else np.flatnonzero(passing)
    coded, known = columns.codes(items["currency"].chunk(0))
    products = columns.integers(items["product"])[rows]
    comparable = {compared, *dict(filters.rates)}
    counts = {
        code: len(np.unique(products[coded[rows] == place]))
        for place, code in enumerate(known)
        if code is not None and code not in comparable
    }
    found = [f"{count:,} in {code}" for code, count in sorted(counts.items()) if count]
    if not found:
        return ""
    return (
        f"Products with prices in other currencies are left out ({_listed(found)}): only prices in "
        f"{_listed(sorted(code for code in comparable if code))} are compared, as no exchange rate is given "
        "for the others."
    )


def distinct_values(items: pa.Table, column: str) -> list[str]:
    """The distinct values of a dictionary-encoded column, sorted."""
    return sorted(value for value in items[column].chunk(0).dictionary.to_pylist() if value is not None)


def category_steps(path: str) -> list[str]:
    """The steps of a category path: `Women` and `Dresses` of `Women > Dresses`."""
    return [step for step in map(str.strip, _CATEGORY_STEP.split(path)) if step]


def distinct_colours(items: pa.Table) -> list[str]:
    """The distinct colours that stores state, sorted."""
    named = pc.list_flatten(items["colours"].chunk(0)).unique().to_pylist()
    return sorted(value for value in named if value is not None)


def _named(
    items: pa.Table, column: str, values: Sequence[str], matches: Callable[[str, str], bool]
) -> np.ndarray:
    """The rows that match any of the values.

    :param matches: called with a requested and a stored value.
    :raises InputError: a value matches no row.
    """
    masks = []
    for requested in values:
        masks.append(_matching_codes(items, column, functools.partial(matches, requested)))
        if not masks[-1].any():
            raise _unknown(column, requested, distinct_values(items, column))
    return np.logical_or.reduce(masks)


def _matching_codes(items: pa.Table, column: str, matches: Callable[[str], bool]) -> np.ndarray:
    """The rows whose value matches; each distinct value is compared once."""
    coded, known = columns.codes(items[column].chunk(0))
    return np.array([value is not None and matches(value) for value in known], bool)[coded]


def _listing(
    items: pa.Table, column: str, what: str, values: Sequence[str], matches: Callable[[str, str], bool]
) -> np.ndarray:
    """The rows whose list holds a match of any of the values.

    :param what: what the caller calls one of the list.
    :param matches: called with a requested and a stored value.
    :raises InputError: a value matches no row.
    """
    if column not in items.column_names:  # in generations of earlier releases
        raise _unknown(what, values[0], [])
    lists = items[column].chunk(0)
    coded, names = columns.codes(pc.list_flatten(lists).dictionary_encode(null_encoding="encode"))
    wanted = np.zeros(len(names), bool)
    for requested in values:
        fits = np.array([name is not None and matches(requested, name) for name in names], bool)
        if not fits.any():
            raise _unknown(what, requested, [name for name in names if name])
        wanted |= fits
    mask = np.zeros(items.num_rows, bool)
    mask[np.from_dlpack(pc.list_parent_indices(lists))[wanted[coded]]] = True
    return mask


def _in_currency(items: pa.Table, filters: Filters) -> np.ndarray:
    """The rows whose price can be compared: in the currency, or in one with a rate."""
    comparable = {filters.currency, *dict(filters.rates)}
    mask = _matching_codes(items, "currency", lambda code: code in comparable)
    if not mask.any():
        raise _unknown("currency", str(filters.currency), distinct_values(items, "currency"))
    return mask


def _priced(items: pa.Table, filters: Filters) -> np.ndarray:
    """The rows whose price lies in the range, each compared in the limits' currency."""
    coded, known = columns.codes(items["currency"].chunk(0))
    rates: dict[str | None, Decimal] = {_compared(items, filters): Decimal(1), **dict(filters.rates)}
    bounds = [_bounds(filters, rates[code]) if code in rates else _NO_PRICE for code in known]
    least, most = np.array(bounds, np.int64).reshape(-1, 2).T
    prices, given = columns.money(items["price"])
    mask: np.ndarray = given & (prices >= least[coded]) & (prices <= most[coded])
    return mask


def _compared(items: pa.Table, filters: Filters) -> str | None:
    """The currency of the price limits, None where no store says its own."""
    if filters.currency is not None:
        return filters.currency
    known = distinct_values(items, "currency")
    if len(known) > 1:
        raise InputError(
            f"A price limit needs its currency, since prices here are in {_listed(known)}. "
            "Say which, for example with --currency or currency=."
        )
    return known[0] if known else None


def _bounds(filters: Filters, rate: Decimal) -> tuple[int, int]:
    """The lowest and the highest stored price, in units of its last digit, that are within the limits."""
    unit = Fraction(10**MONEY.scale) / Fraction(rate)
    # Exact, and rounded inwards: what is at most 59.99999 is at most 59.9999.
    least = 0 if filters.min_price is None else math.ceil(Fraction(filters.min_price) * unit)
    largest = int(np.iinfo(np.int64).max)
    most = largest if filters.max_price is None else math.floor(Fraction(filters.max_price) * unit)
    return min(least, largest), min(most, largest)


def _microseconds(when: datetime) -> int:
    return (when - _EPOCH) // timedelta(microseconds=1)


def _same_text(requested: str, value: str) -> bool:
    return _folded(requested) == _folded(value)


def _has_words(requested: str, value: str) -> bool:
    words = set(_words(requested))
    return bool(words) and words <= set(_words(value))


def _in_category(requested: str, path: str) -> bool:
    steps = [_folded(step) for step in _CATEGORY_STEP.split(path)]
    requested_steps = [_folded(step) for step in _CATEGORY_STEP.split(requested)]
    return any(
        steps[at : at + len(requested_steps)] == requested_steps
        for at in range(len(steps) - len(requested_steps) + 1)
    )


def _folded(text: str) -> str:
    return " ".join(text.casefold().split())


def _words(text: str) -> Sequence[str]:
    return _WORDS.findall(text.casefold())


def _unknown(what: str, requested: str, known: Iterable[str]) -> InputError:
    names = sorted(set(known))
    if not names:
        return InputError(
            f"No product here says its {what}, so '{requested}' cannot be asked for. Leave it out."
        )
    close = difflib.get_close_matches(requested, names, n=3, cutoff=0.5)
    if len(names) > _MOST_LISTED and close:
        return InputError(
            f"No product here has the {what} '{requested}'. Did you mean {_listed(close, 'or')}?"
        )
    return InputError(f"No product here has the {what} '{requested}'. Known are: {_listed(names)}.")


def _listed(names: Sequence[str], last: str = "and") -> str:
    shown = list(names[:_MOST_LISTED])
    more = len(names) - len(shown)
    if more:
        return f"{', '.join(shown)} {last} {more} more"
    return f" {last} ".join((", ".join(shown[:-1]), shown[-1]) if len(shown) > 1 else shown)
