"""Parses search arguments into `Filters`; raises `InputError` for invalid ones."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, Unpack

import numpy as np

from embedding.index.filter_types import FilterArguments, Moment, Number
from embedding.index.filters import Filters
from storage.errors import InputError

_MOST_DIGITS = 60  # of a number as text: a float has at most 25, and whoever writes more means harm
_LARGEST = 14  # a stored price has fourteen digits before the point
_AGO = re.compile(r"(\d{1,6}) ?([hdw])")
_HOURS = {"h": 1, "d": 24, "w": 168}
_CODE = re.compile(r"[A-Z]{3}")


def parse_filters(**arguments: Unpack[FilterArguments]) -> Filters:
    """Parses the filters of a search.

    :raises InputError: an unknown filter or an invalid value; the sentence names it.
    """
    _require_known(arguments)
    least = price(arguments.get("min_price"), "min_price")
    most = price(arguments.get("max_price"), "max_price")
    if least is not None and most is not None and least > most:
        raise InputError(f"min_price={least} is above max_price={most}, so no price fits. Swap them.")
    in_stock = arguments.get("in_stock")
    known, compared = exchange(arguments.get("rates"), arguments.get("currency"))
    return Filters(
        store=_names("store", arguments.get("store")),
        category=_names("category", arguments.get("category")),
        colour=_names("colour", arguments.get("colour")),
        brand=_names("brand", arguments.get("brand")),
        size=_names("size", arguments.get("size")),
        min_price=least,
        max_price=most,
        currency=compared,
        rates=known,
        in_stock=in_stock is not None and yes_or_no(in_stock, "in_stock"),
        new_since=moment(arguments.get("new_since")),
    )


def _require_known(arguments: Iterable[str]) -> None:
    names = list(FilterArguments.__annotations__)
    for unknown in set(arguments) - set(names):
        close = difflib.get_close_matches(unknown, names, n=1)
        hint = f"Did you mean {close[0]}?" if close else f"The filters are {', '.join(names)}."
        raise InputError(f"There is no filter '{unknown}'. {hint}")


def yes_or_no(value: Any, name: str) -> bool:
    """Parses a flag; refuses text, since "no" would count as true.

    :param name: what the caller calls it.
    :raises InputError: it is neither True nor False.
    """
    if not isinstance(value, bool | np.bool_):
        raise InputError(f"{name}={_short(value)} is neither yes nor no. Give True or False.")
    return bool(value)


def price(value: Number | None, name: str = "max_price") -> Decimal | None:
    """Parses a price limit.

    :param name: what the caller calls it.
    :raises InputError: it is no number, negative, or larger than any price.
    """
    if value is None:
        return None
    limit = _number(value)
    if limit is None or limit < 0:
        raise InputError(f"{name}={_short(value)} is no price. Give a number such as 59.90.")
    return limit


def exchange(
    rates: Mapping[str, Number] | None, currency: str | None
) -> tuple[tuple[tuple[str, Decimal], ...], str | None]:
    """Parses exchange rates, and the currency that prices are compared in.

    :param rates: what one unit of each currency is worth in the compared one, whose own rate is 1 and may be
        left out.
    :param currency: the compared currency; None takes the one in `rates` whose rate is 1.
    :return: the rates as pairs, sorted by currency, and the compared currency, None where nothing names it.
    :raises InputError: no currency, or no rate.
    """
    compared = None if currency is None else _code(currency, "currency")
    if not rates:
        return (), compared
    if not isinstance(rates, Mapping):
        raise InputError(f"rates={_short(rates)} are no exchange rates. Give such as {{'USD': 0.92}}.")
    known = {}
    for name, value in rates.items():
        rate = _number(value)
        if rate is None or rate <= 0:
            raise InputError(
                f"The rate of {_short(name)} is {_short(value)}. Give what one unit is worth, such as 0.92."
            )
        known[_code(name, "rates")] = rate
    ones = [code for code, rate in known.items() if rate == 1]
    if compared is None and len(ones) == 1:
        compared = ones[0]
    if compared is None:
        raise InputError("The rates do not say what they are in. Give the currency, whose own rate is 1.")
    if known.setdefault(compared, Decimal(1)) != 1:
        raise InputError(
            f"Rates say what one unit is worth in {compared}, so that of {compared} is 1, not "
            f"{known[compared]}. Give the others' in {compared}."
        )
    return tuple(sorted(known.items())), compared


def moment(value: Moment | None, now: datetime | None = None) -> datetime | None:
    """Parses a moment, UTC. Days begin at midnight UTC, and a time without a zone is UTC.

    :param now: what "ago" counts back from; None takes the clock's time.
    :raises InputError: it is no time, or none that has been.
    """
    if value is None:
        return None
    # Whole minutes, so that a search repeated finds the filter it made a second ago.
    now = (now or datetime.now(UTC)).replace(second=0, microsecond=0)
    try:
        when = _when(value, now)
    except (ValueError, OverflowError):
        when = None
    if when is None:
        raise InputError(
            f"new_since={_short(value)} is no time. Give a date such as 2026-11-01, or how long ago, such "
            "as 7d."
        )
    if when > now + timedelta(minutes=1):
        raise InputError(f"new_since={_short(value)} lies in the future, since when nothing can be new.")
    return when


def _when(value: Any, now: datetime) -> datetime | None:
    if isinstance(value, str):
        ago = _AGO.fullmatch(value.strip())
        value = (
            timedelta(hours=int(ago[1]) * _HOURS[ago[2]]) if ago else datetime.fromisoformat(value.strip())
        )
    if isinstance(value, timedelta):
        return now - value
    if isinstance(value, datetime):
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)
    return datetime.combine(value, time(), UTC) if isinstance(value, date) else None


def _number(value: Any) -> Decimal | None:
    """A finite number that a price can be compared with; None for anything else."""
    text = str(value) if isinstance(value, Decimal | int | float | str) else ""
    try:
        number = Decimal(text) if len(text) <= _MOST_DIGITS else Decimal("NaN")
    except InvalidOperation:
        return None
    if not number.is_finite() or (number and not -_MOST_DIGITS < number.adjusted() < _LARGEST):
        return None
    return number


def _names(what: str, value: Any) -> tuple[str, ...]:
    if value is None:
        return ()
    names = (value,) if isinstance(value, str) else value
    if not isinstance(names, Sequence) or not all(isinstance(name, str) for name in names):
        raise InputError(f"The filter {what} is {_short(value)}. Give a text, or a list of texts.")
    if not names or not all(name.strip() for name in names):
        raise InputError(f"The filter {what} is empty. Give a value or leave it out.")
    return tuple(dict.fromkeys(names))


def _code(value: Any, what: str) -> str:
    code = value.strip().upper() if isinstance(value, str) else ""
    if not _CODE.fullmatch(code):
        raise InputError(f"{what}: {_short(value)} is no currency. Give three letters, such as EUR.")
    return code


def _short(value: Any) -> str:
    shown = repr(value)
    return shown if len(shown) <= _MOST_DIGITS else f"{shown[:_MOST_DIGITS]}…"
