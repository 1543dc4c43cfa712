"""A customer's history: products, (product, date) pairs or a DataFrame, read into `History`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pyarrow.compute as pc

from embedding.recommend.interests import MOST_PURCHASES, Histories, decay
from embedding.recommend.purchases import names_of, rows_of_frame
from lookalike.matches import Match
from storage.errors import InputError

_DAY_S = 86_400
_MOST_NAMED = 12
_FORMS = (
    "Give store:product_id names, matches, (product, date) pairs, a DataFrame with store, product_id or url, "
    "and bought_at, or the id of a customer whom `lookalike recommend --purchases` recommended to."
)


@dataclass(frozen=True)
class History:
    """Purchases that a generation holds, each product once, and the names of those that it does not.

    :ivar products: numbers of products.
    :ivar ages_days: of each, since it was last bought.
    """

    products: list[int]
    ages_days: list[float]
    skipped: tuple[str, ...]

    def recent(self) -> Histories:
        """The latest purchases, the oldest of them first, as one customer's history."""
        order = np.argsort(self.ages_days, kind="stable")[:MOST_PURCHASES][::-1]
        weights = np.maximum(decay(np.array(self.ages_days)[order]), np.float32(1e-9))
        return Histories(np.array(self.products, np.int64)[order], weights, np.array([0, len(order)]))

    def require_known(self, generation: str) -> None:
        """Checks that there is something to recommend from.

        :raises InputError: the history is empty, or the generation holds none of its products.
        """
        if self.products:
            return
        if not self.skipped:
            raise InputError(f"The history is empty. {_FORMS}")
        named = ", ".join(self.skipped[:_MOST_NAMED])
        more = len(self.skipped) - _MOST_NAMED
        raise InputError(
            f"None of the history's products is in generation {generation}: {named}"
            f"{f' and {more} more' if more > 0 else ''}. Check the names; removed products are not there."
        )


def read_history(history: Any, number_of: Callable[[str], int | None], now: datetime) -> History:
    """Reads a history in any of its forms.

    :param number_of: finds a product's number by `store:product_id` or its page's address; None where the
        generation does not hold it.
    :param now: the time that ages are counted from; what was bought later counts as bought now.
    :raises InputError: it is no history; the sentence says why.
    """
    known: dict[int, float] = {}
    skipped: dict[str, None] = {}
    for product, bought_at in _purchases(history):
        name = product.id if isinstance(product, Match) else product
        if not isinstance(name, str):
            raise InputError(f"A purchase cannot be a {type(name).__name__}. {_FORMS}")
        number = number_of(name)
        age = 0.0 if bought_at is None else (now - _moment(bought_at)).total_seconds() / _DAY_S
        if number is None:
            skipped[name] = None
        else:  # bought twice counts once, as last bought
            known[number] = min(known.get(number, np.inf), max(age, 0.0))
    return History(list(known), list(known.values()), tuple(skipped))


def _purchases(history: Any) -> list[tuple[Any, Any]]:
    """What was bought and when, as given; None where no date is."""
    if hasattr(history, "columns"):
        return _rows_of(history)
    if hasattr(history, "tolist"):  # an array, or a column of a DataFrame
        history = history.tolist()
    if isinstance(history, str | Match) or _is_pair(history):
        history = [history]
    if not isinstance(history, Sequence) or isinstance(history, bytes | bytearray):
        raise InputError(f"A history cannot be a {type(history).__name__}. {_FORMS}")
    return [entry if _is_pair(entry) else (entry, None) for entry in history]


def _is_pair(entry: Any) -> bool:
    """Whether it is a (product, date) pair, and not two products."""
    return (
        isinstance(entry, tuple)
        and len(entry) == 2
        and isinstance(entry[0], str | Match)
        and (
            entry[1] is None
            or isinstance(entry[1], date)
            or (isinstance(entry[1], str) and _is_moment(entry[1]))
        )
    )


def _is_moment(text: str) -> bool:
    try:
        datetime.fromisoformat(text.strip())
    except ValueError:
        return False
    return True


def _moment(value: Any) -> datetime:
    """A purchase's time; days begin at midnight UTC, and a time without a zone is UTC."""
    try:
        if isinstance(value, str):
            value = datetime.fromisoformat(value.strip())
        if isinstance(value, datetime):
            return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)
        return datetime(value.year, value.month, value.day, tzinfo=UTC)
    except (AttributeError, TypeError, ValueError, OverflowError):
        raise InputError(
            f"bought_at={str(value)[:40]!r} is no date. Give a date or a text such as 2026-11-01."
        ) from None


def _rows_of(frame: Any) -> list[tuple[str, Any]]:
    """The (product, date) pairs of a DataFrame."""
    rows = rows_of_frame(frame)
    have = set(rows.column_names)
    named = {"store", "product_id"} <= have
    if not named and "url" not in have:
        shown = ", ".join(map(str, list(frame.columns)[:12])) or "no column"
        raise InputError(f"The DataFrame names no product: it has {shown}. {_FORMS}")
    if "customer_id" in have and pc.count_distinct(rows["customer_id"]).as_py() > 1:
        raise InputError("The DataFrame holds purchases of several customers. Give those of one.")
    times = rows["bought_at"].to_pylist() if "bought_at" in have else [None] * len(rows)
    return list(zip(names_of(rows if named else rows.select(["url"])), times, strict=True))
