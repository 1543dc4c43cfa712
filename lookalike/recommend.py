"""What a customer would like, by what they bought: `Shop.recommend`."""

from __future__ import annotations

import functools
import threading
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from embedding.index.filters import Filters
from embedding.index.search import Hits, Index
from embedding.recommend.interests import find_interests
from embedding.recommend.nearest import NEAREST
from embedding.recommend.products import ProductNumbers, Products
from embedding.recommend.recommender import (
    DIVERSITY,
    LOOKS,
    POPULAR,
    TOGETHER,
    Learnt,
    Recommended,
    Recommender,
    require_count,
)
from lookalike.matches import Matches
from lookalike.purchase_history import History, read_history
from storage import tables
from storage.errors import InputError
from storage.root import Root

if TYPE_CHECKING:
    from lookalike.generation import OpenGeneration

_Version = tuple[tuple[str, int, int], ...]
_KEPT_HISTORIES = 16

EVIDENCE = {LOOKS: "looks", TOGETHER: "bought together", POPULAR: "popular"}


@dataclass(frozen=True)
class Customer:
    """A customer by their id: of the purchases, where some are given, else of the table `recommendations`."""

    id: str


@dataclass(frozen=True)
class Interest:
    """What a customer is interested in.

    :ivar share: of their purchases by weight; the shares of a customer's interests sum to 1.
    :ivar medoid: the purchase in its middle, `store:product_id`.
    :ivar products: all its purchases, the latest first.
    """

    share: float
    medoid: str
    products: tuple[str, ...]


class Shopper:
    """Recommends from one open generation; what it learns of purchases is kept with it.

    :param root: where the table `recommendations` is.
    """

    def __init__(self, published: OpenGeneration, root: Root) -> None:
        self._published, self._root = published, root
        self._products = Products.of(published.index)
        self._nothing = Learnt.nothing(self._products)
        self._learning = threading.Lock()
        self._learnt: tuple[tuple[_Version | None, str | None], Any, Learnt] | None = None
        # `interests` and `recommend` of one customer would each read the whole file.
        self._read_history = functools.lru_cache(maxsize=_KEPT_HISTORIES)(self._read_history_once)

    def recommend(
        self,
        history: Any,
        k: int,
        filters: Filters,
        *,
        include_owned: bool = False,
        diversity: float = DIVERSITY,
        purchases: Any = None,
        purchases_store: str | None = None,
        now: datetime | None = None,
    ) -> Matches:
        """See `lookalike.query.Shop.recommend`."""
        if not 0 <= diversity <= 1:
            raise InputError(f"diversity={diversity!r} is out of range. Give a number from 0 to 1.")
        require_count(k)
        mask = self._published.mask(filters)
        if isinstance(history, Customer):
            if purchases is None:
                return self._stored(history.id, k, filters, mask)
            history = self._history_of(history.id, purchases, purchases_store)
        elif isinstance(history, str) and not self._names_a_store(history):
            return self._stored(history, k, filters, mask)
        bought = read_history(history, self._number, now or datetime.now(UTC))
        bought.require_known(self._published.name)
        learnt = self._learn(purchases, purchases_store)
        found = self._found(bought, k, mask, include_owned, diversity, learnt)
        return self._matches(found, filters, bought)

    def customers(self, most: int) -> list[str]:
        """See `lookalike.query.Shop.customers`."""
        first = pc.field("rank") == 1  # a row a customer
        ids = tables.read(self._root, "recommendations", columns=["customer"], where=first)["customer"]
        return sorted(pc.unique(ids).to_pylist())[:most]

    def interests(
        self,
        history: Any,
        *,
        purchases: Any = None,
        purchases_store: str | None = None,
        now: datetime | None = None,
    ) -> list[Interest]:
        """See `lookalike.query.Shop.interests`."""
        if isinstance(history, Customer):
            history = (
                self._bought(history.id)
                if purchases is None
                else self._history_of(history.id, purchases, purchases_store)
            )
        bought = read_history(history, self._number, now or datetime.now(UTC))
        bought.require_known(self._published.name)
        histories = bought.recent()
        found = find_interests(self._products.vectors(histories.items), histories)
        names = ["{}:{}".format(*pair) for pair in zip(*self._products.names(histories.items), strict=True)]
        return [
            Interest(
                float(found.weights[interest]),
                names[found.medoids[interest]],
                tuple(names[place] for place in np.flatnonzero(found.labels == interest)[::-1]),
            )
            for interest in np.argsort(-found.weights, kind="stable").tolist()
        ]

    def _found(
        self,
        bought: History,
        k: int,
        mask: np.ndarray | None,
        include_owned: bool,
        diversity: float,
        learnt: Learnt,
    ) -> Recommended:
        items = np.array(bought.products, np.int64)
        histories = bought.recent()
        allowed = None if mask is None else self._allowed(mask)
        wanted = max(NEAREST, 4 * k) + (0 if include_owned else len(items))
        nearest = _Nearest(self._published.index, self._products, wanted, mask)
        return Recommender(self._products, learnt, nearest).recommend(
            histories,
            k,
            allowed=allowed,
            include_owned=include_owned,
            owned=(np.zeros(len(items), np.int64), items),
            diversity=diversity,
        )

    def _allowed(self, mask: np.ndarray) -> np.ndarray:
        allowed = np.zeros(len(self._products), bool)
        allowed[self._published.index.products[mask]] = True
        return allowed

    def _matches(self, found: Recommended, filters: Filters, bought: History) -> Matches:
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
        found, skipped, because = [], [], []
        for row in self._rows_of_customer(customer):
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

    def _bought(self, customer: str) -> list[str]:
        """The purchases of a customer that the table's rows come from."""
        rows = self._rows_of_customer(customer)
        return list(dict.fromkeys(f"{row['because_store']}:{row['because_product_id']}" for row in rows))

    def _rows_of_customer(self, customer: str) -> list[dict[str, Any]]:
        rows = tables.read(self._root, "recommendations", where=pc.field("customer") == customer)
        if not rows.num_rows:
            raise InputError(
                "The table `recommendations` holds nothing for this customer. Run `lookalike recommend "
                "--purchases FILE`, or give the history: store:product_id names or (product, date) pairs."
            )
        return sorted(rows.to_pylist(), key=lambda row: row["rank"])

    def _learn(self, purchases: Any, store: str | None) -> Learnt:
        """What other customers' purchases say; learnt once for one file or DataFrame.

        :param store: the store of all purchases, where they name none.
        """
        if purchases is None:
            return self._nothing
        from embedding.recommend.learn import learn
        from embedding.recommend.purchases import from_frame, read_purchases

        is_path = isinstance(purchases, str | Path)
        with self._learning:  # a second visitor waits, and learns nothing again
            version = _version(Path(purchases)) if is_path else ((str(id(purchases)), 0, 0),)
            if self._learnt is None or self._learnt[0] != (version, store):
                read = (
                    read_purchases(Path(purchases), self._numbers, store=store)
                    if is_path
                    else from_frame(purchases, self._numbers, store=store)
                )
                self._learnt = (version, store), purchases, learn(self._products, read)
            return self._learnt[2]

    def _history_of(self, customer: str, purchases: Any, store: str | None) -> list[tuple[str, datetime]]:
        """The history of a customer of a file or a DataFrame."""
        if isinstance(purchases, str | Path):
            return self._read_history(Path(purchases), _version(Path(purchases)), customer, store)
        from embedding.recommend.purchases import history_of_frame

        return history_of_frame(purchases, customer, self._numbers, store=store)

    def _read_history_once(
        self, file: Path, _: _Version | None, customer: str, store: str | None
    ) -> list[tuple[str, datetime]]:
        from embedding.recommend import purchases as files

        return files.read_history(file, customer, self._numbers, store=store)

    @functools.cached_property
    def _numbers(self) -> ProductNumbers:
        return ProductNumbers(self._products)

    def _names_a_store(self, text: str) -> bool:
        return text.partition(":")[0] in self._published.manifest.counts.stores or "://" in text

    def _number(self, name: str) -> int | None:
        if "://" in name:
            number = int(self._numbers.by_url(pa.array([name]))[0])
            return None if number < 0 else number
        store, _, product_id = name.partition(":")
        return self._published.find(store, product_id)


@dataclass(frozen=True)
class _Nearest:
    """The nearest products, at most `count`, by the generation's index; see `nearest.Nearest`."""

    index: Index
    products: Products
    count: int
    mask: np.ndarray | None

    def of_products(self, numbers: np.ndarray) -> np.ndarray:
        return self.of_vectors(self.products.vectors(numbers))

    def of_vectors(self, vectors: np.ndarray) -> np.ndarray:
        found = np.full((len(vectors), self.count), -1, np.int64)
        for at, vector in enumerate(vectors):
            rows = self.index.search(vector, self.count, mask=self.mask).rows
            found[at, : len(rows)] = self.index.products[rows]
        return found


def _version(file: Path) -> _Version | None:
    """What is another once a file, or one of a folder, was written again; None where there is none."""
    from embedding.recommend.purchase_files import parts

    try:
        found = [(part, part.stat()) for part in parts(file)]
    except (OSError, InputError):
        return None
    return tuple((str(part.absolute()), status.st_mtime_ns, status.st_size) for part, status in found)


def _evidence(bits: int) -> tuple[str, ...]:
    return tuple(name for bit, name in EVIDENCE.items() if bits & bit)
