"""What a customer would like, by what they bought: `Shop.recommend`."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from embedding.index.filters import Filters
from embedding.index.search import Hits
from embedding.recommend.interests import MOST_PURCHASES, Histories, decay
from embedding.recommend.products import ProductNumbers, Products
from embedding.recommend.recommender import (
    DIVERSITY,
    LOOKS,
    NEAREST,
    POPULAR,
    TOGETHER,
    Learnt,
    Recommended,
    Recommender,
)
from lookalike.matches import Match, Matches
from storage import tables
from storage.errors import InputError
from storage.root import Root

if TYPE_CHECKING:
    from lookalike.generation import OpenGeneration

EVIDENCE = {LOOKS: "looks", TOGETHER: "bought together", POPULAR: "popular"}

_DAY_S = 86_400
_MOST_NAMED = 12
_HOW = (
    "Give store:product_id names, matches, (product, date) pairs, a DataFrame with store, product_id or url, "
    "and bought_at, or the id of a customer whom `lookalike recommend --purchases` recommended to."
)


@dataclass(frozen=True)
class Customer:
    """A customer by their id: of the purchases, where some are given, else of the table `recommendations`."""

    id: str


@dataclass(frozen=True)
class _History:
    """Purchases that the generation holds, and the names of those that it does not."""

    products: list[int]
    ages_days: list[float]
    skipped: tuple[str, ...]


class Shopper:
    """Recommends from one open generation; what it learns of purchases is kept with it.

    :param root: where the table `recommendations` is.
    """

    def __init__(self, published: OpenGeneration, root: Root) -> None:
        self._published, self._root = published, root
        self._products = Products.of(published.index)
        self._nothing = Learnt.nothing(self._products)
        self._learnt: tuple[Any, Learnt] | None = None

    def recommend(
        self,
        history: Any,
        k: int,
        filters: Filters,
        *,
        include_owned: bool = False,
        diversity: float = DIVERSITY,
        purchases: Any = None,
        now: datetime | None = None,
    ) -> Matches:
        """See `lookalike.query.Shop.recommend`."""
        if not 0 <= diversity <= 1:
            raise InputError(f"diversity={diversity!r} is out of range. Give a number from 0 to 1.")
        mask = self._published.mask(filters)
        if isinstance(history, Customer):
            if purchases is None:
                return self._stored(history.id, k, filters, mask)
            history = self._history_of(history.id, purchases)
        elif isinstance(history, str) and not self._names_a_store(history):
            return self._stored(history, k, filters, mask)
        bought = self._read(history, now or datetime.now(UTC))
        if not bought.products:
            raise InputError(self._nothing_known(bought))
        found = self._found(bought, k, mask, include_owned, diversity, self._learn(purchases))
        return self._matches(found, filters, bought)

    def _found(
        self,
        bought: _History,
        k: int,
        mask: np.ndarray | None,
        include_owned: bool,
        diversity: float,
        learnt: Learnt,
    ) -> Recommended:
        order = np.argsort(bought.ages_days, kind="stable")[:MOST_PURCHASES][::-1]
        items = np.array(bought.products, np.int64)
        weights = np.maximum(decay(np.array(bought.ages_days)[order]), np.float32(1e-9))
        histories = Histories(items[order], weights, np.array([0, len(order)]))
        allowed = None if mask is None else self._allowed(mask)
        wanted = max(NEAREST, 4 * k) + (0 if include_owned else len(items))
        nearest = functools.partial(self._nearest, count=wanted, mask=mask)
        return Recommender(self._products, learnt, nearest).recommend(
            histories,
            k,
            allowed=allowed,
            include_owned=include_owned,
            owned=(np.zeros(len(items), np.int64), items),
            diversity=diversity,
        )

    def _nearest(self, numbers: np.ndarray, *, count: int, mask: np.ndarray | None) -> np.ndarray:
        index = self._published.index
        found = np.full((len(numbers), count), -1, np.int64)
        for at, vector in enumerate(self._products.vectors(numbers)):
            rows = index.search(vector, count, mask=mask).rows
            found[at, : len(rows)] = index.products[rows]
        return found

    def _allowed(self, mask: np.ndarray) -> np.ndarray:
        allowed = np.zeros(len(self._products), bool)
        allowed[self._published.index.products[mask]] = True
        return allowed

    def _matches(self, found: Recommended, filters: Filters, bought: _History) -> Matches:
        there = found.products[0] >= 0
        rows = self._products.rows[found.products[0][there]]
        matches = self._published.matches(
            Hits(rows, found.scores[0][there]), filters=filters, without=set(bought.products)
        )
        names = [
            "{}:{}".format(*pair) for pair in zip(*self._products.names(found.because[0][there]), strict=True)
        ]
        explained = [
            replace(match, because=name, evidence=_evidence(int(bits)))
            for match, name, bits in zip(matches, names, found.evidence[0][there], strict=True)
        ]
        count = len(bought.products)
        return Matches(
            explained,
            generation=self._published.name,
            query=f"{count} purchase{'s' if count != 1 else ''}",
            pictures=lambda: [
                self._published.match(int(self._products.rows[one])).thumbnail()
                for one in bought.products[:8]
            ],
            warning=self._published.left_out(filters) or None,
            skipped=bought.skipped,
        )

    def _stored(self, customer: str, k: int, filters: Filters, mask: np.ndarray | None) -> Matches:
        """What the table holds for a customer, as far as it is still sold and passes the filters."""
        rows = tables.read(self._root, "recommendations", where=pc.field("customer") == customer)
        if not rows.num_rows:
            raise InputError(
                "The table `recommendations` holds nothing for this customer. Run `lookalike recommend "
                "--purchases FILE`, or give the history: store:product_id names or (product, date) pairs."
            )
        found, skipped, because = [], [], []
        for row in sorted(rows.to_pylist(), key=lambda row: row["rank"]):
            number = self._published.find(row["store"], row["product_id"])
            if number is None:
                skipped.append(f"{row['store']}:{row['product_id']}")
            elif mask is None or mask[self._published.main_row(number)]:
                found.append((self._published.main_row(number), row["score"]))
                because.append(f"{row['because_store']}:{row['because_product_id']}")
        hits = Hits(
            np.array([row for row, _ in found[:k]], np.int64),
            np.array([score for _, score in found[:k]], np.float32),
        )
        matches = self._published.matches(hits, filters=filters)
        return Matches(
            [replace(match, because=name) for match, name in zip(matches, because, strict=False)],
            generation=self._published.name,
            query="a customer",
            warning=self._published.left_out(filters) or None,
            skipped=skipped,
        )

    def _learn(self, purchases: Any) -> Learnt:
        """What other customers' purchases say; learnt once for one file or DataFrame."""
        if purchases is None:
            return self._nothing
        from embedding.recommend.learn import learn
        from embedding.recommend.purchases import from_frame, read_purchases

        if self._learnt is not None and self._learnt[0] is purchases:
            return self._learnt[1]
        numbers = self._numbers
        is_path = isinstance(purchases, str | Path)
        read = read_purchases(Path(purchases), numbers) if is_path else from_frame(purchases, numbers)
        self._learnt = purchases, learn(self._products, read)
        return self._learnt[1]

    def _history_of(self, customer: str, purchases: Any) -> Any:
        """The history of a customer of a file or a DataFrame."""
        if isinstance(purchases, str | Path):
            from embedding.recommend.purchases import read_history

            return read_history(Path(purchases), customer, self._numbers.stores)
        if "customer_id" not in purchases.columns:
            raise InputError(
                "The DataFrame of purchases has no column customer_id. Name each row's customer."
            )
        own = purchases[purchases["customer_id"].astype("string") == customer]
        if not len(own):
            raise InputError("The DataFrame holds no purchase of this customer. Check the id.")
        return own

    @functools.cached_property
    def _numbers(self) -> ProductNumbers:
        return ProductNumbers(self._products)

    def _names_a_store(self, text: str) -> bool:
        return text.partition(":")[0] in self._published.manifest.counts.stores or "://" in text

    def _read(self, history: Any, now: datetime) -> _History:
        if hasattr(history, "columns") and hasattr(history, "itertuples"):
            entries = _rows_of(history)
        elif isinstance(history, str | Match) or _is_pair(history):
            entries = [history]
        elif isinstance(history, Sequence) and not isinstance(history, bytes | bytearray):
            entries = list(history)
        else:
            raise InputError(f"A history cannot be a {type(history).__name__}. {_HOW}")
        known: dict[int, float] = {}
        skipped: dict[str, None] = {}
        for entry in entries:
            product, bought_at = entry if _is_pair(entry) else (entry, None)
            name = product.id if isinstance(product, Match) else product
            if not isinstance(name, str):
                raise InputError(f"A purchase cannot be a {type(name).__name__}. {_HOW}")
            number = self._number(name)
            age = 0.0 if bought_at is None else (now - _moment(bought_at)).total_seconds() / _DAY_S
            if number is None:
                skipped[name] = None
            else:  # bought twice counts once, as last bought; a date to come counts as now
                known[number] = min(known.get(number, np.inf), max(age, 0.0))
        return _History(list(known), list(known.values()), tuple(skipped))

    def _number(self, name: str) -> int | None:
        if "://" in name:
            number = int(self._numbers.by_url(pa.array([name]))[0])
            return None if number < 0 else number
        store, _, product_id = name.partition(":")
        return self._published.find(store, product_id)

    def _nothing_known(self, bought: _History) -> str:
        if not bought.skipped:
            return f"The history is empty. {_HOW}"
        named = ", ".join(bought.skipped[:_MOST_NAMED])
        more = len(bought.skipped) - _MOST_NAMED
        return (
            f"None of the history's products is in generation {self._published.name}: {named}"
            f"{f' and {more} more' if more > 0 else ''}. Check the names; removed products are not there."
        )


def _evidence(bits: int) -> tuple[str, ...]:
    return tuple(name for bit, name in EVIDENCE.items() if bits & bit)


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
    named = {"store", "product_id"} <= set(frame.columns)
    if not named and "url" not in frame.columns:
        have = ", ".join(map(str, list(frame.columns)[:12]))
        raise InputError(f"The DataFrame names no product: it has {have or 'no column'}. {_HOW}")
    if "customer_id" in frame.columns and frame["customer_id"].nunique() > 1:
        raise InputError("The DataFrame holds purchases of several customers. Give those of one.")
    names = (
        [f"{store}:{product}" for store, product in zip(frame["store"], frame["product_id"], strict=True)]
        if named
        else [str(url) for url in frame["url"]]
    )
    times = frame["bought_at"] if "bought_at" in frame.columns else [None] * len(frame)
    return [(name, None if when != when else when) for name, when in zip(names, times, strict=True)]
