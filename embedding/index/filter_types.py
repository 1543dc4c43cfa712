"""Types of search filters, as a caller gives them. Imports nothing heavy: `lookalike --help` needs it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import TypeAlias, TypedDict

Names: TypeAlias = str | Sequence[str]
"""One name, or several, any of which may match."""

Number: TypeAlias = Decimal | int | float | str
Moment: TypeAlias = date | datetime | timedelta | str
"""A day, a moment, how long ago, or one of these as text: `2026-11-01`, `2026-11-01T06:00Z`, `7d`."""


class FilterArguments(TypedDict, total=False):
    """The filters of `Shop.similar`, `Shop.recommend` and `Shop.complete`; None is no filter.

    :ivar store: only this store, or one of these.
    :ivar category: only this category, or one of these: a store's whole path, or one step of it.
    :ivar colour: only this colour, or one of these, or colours that contain this word, as stores state them.
    :ivar brand: only this brand, or one of these.
    :ivar size: only what there is in this size, or in one of these, as its store spells it: `M`, `42`.
    :ivar min_price: lowest price.
    :ivar max_price: highest price; where there are prices in several currencies, `currency` is needed.
    :ivar currency: the currency of the limits, ISO 4217; without `rates` only prices in it are returned, and
        a `warning` says how many products were left out.
    :ivar rates: what one unit of other currencies is worth in `currency`: with `currency="EUR"`,
        `{"USD": 0.92}` says that a dollar is 0.92 euros. Prices in these currencies are then compared, too;
        those in currencies without a rate are not returned. `currency` may be left out where its own rate, 1,
        is given.
    :ivar in_stock: only what its store says is in stock.
    :ivar new_since: only products first seen at this day or moment, or later; a `timedelta`, or a text such
        as `7d`, counts back from now.
    """

    store: Names | None
    category: Names | None
    colour: Names | None
    brand: Names | None
    size: Names | None
    min_price: Number | None
    max_price: Number | None
    currency: str | None
    rates: Mapping[str, Number] | None
    in_stock: bool | None
    new_since: Moment | None
