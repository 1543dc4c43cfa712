"""Recommendations for all customers of a purchases file, in the table `recommendations`."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
from threadpoolctl import threadpool_limits

from embedding.index.search import Index
from embedding.recommend.learn import histories_of, learn
from embedding.recommend.nearest import Neighbours
from embedding.recommend.products import ProductNumbers, Products
from embedding.recommend.purchases import Purchases, read_purchases
from embedding.recommend.recommender import Recommender, require_count
from storage import generations, tables
from storage.errors import InputError
from storage.root import Root
from storage.schemas import TABLES

K = 12
"""Products for each customer."""

_BLOCK_CUSTOMERS = 256
_COMMITTED = 200  # blocks whose rows wait to be written together


@dataclass(frozen=True)
class RecommendOutcome:
    """What a run did.

    :ivar customers: customers with recommendations.
    :ivar rows: recommendations written.
    :ivar skipped: purchases of products that the generation does not hold.
    :ivar skipped_products: names of some of them.
    :ivar without_customer: rows of the file that name no customer.
    """

    generation: str
    customers: int
    purchases: int
    rows: int
    skipped: int
    skipped_products: tuple[str, ...]
    without_customer: int
    seconds: float


def recommend_all(
    root: Root,
    file: Path,
    *,
    k: int = K,
    store: str | None = None,
    include_owned: bool = False,
    now: datetime | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> RecommendOutcome:
    """Recommends to every customer of a file, and replaces the table `recommendations` in one commit.

    Customers go through in blocks of equally long histories, over one generation, whatever is published
    meanwhile. Memory holds the purchases as numbers and the products, never all recommendations.

    :param k: products a customer.
    :param store: the store of all purchases, where the file names none.
    :param include_owned: whether what a customer bought may be recommended.
    :param now: the time that the age of purchases is counted from.
    :param on_progress: called with the customers that are done, and all.
    :raises InputError: the file is missing or malformed, or names no product of the generation.
    :raises NotPublishedError: nothing was published yet.
    :raises BusyError: another run is at it.
    """
    require_count(k)
    started = time.monotonic()
    # Many small products: on a busy machine BLAS waits for its own threads, measured ten times as long.
    with root.lock("recommend"), threadpool_limits(limits=1, user_api="blas"):
        folder, manifest = generations.open_current(root)
        products = Products.of(Index.open(folder, manifest))
        purchases = read_purchases(file, ProductNumbers(products), store=store)
        if not len(purchases):
            raise InputError(_nothing_known(file, purchases, folder.name))
        learnt = learn(products, purchases)
        recommender = Recommender(products, learnt, Neighbours(products))
        run = _Run(k, include_owned, (now or datetime.now(UTC)).timestamp() * 1e6)
        rows = tables.replace(
            root,
            "recommendations",
            _rows(recommender, purchases, run, on_progress),
        )
    return RecommendOutcome(
        folder.name,
        len(purchases),
        len(purchases.products),
        rows,
        purchases.skipped,
        purchases.skipped_products,
        purchases.without_customer,
        time.monotonic() - started,
    )


@dataclass(frozen=True)
class _Run:
    """What is the same for all customers of a run; the time is in microseconds since 1970."""

    k: int
    include_owned: bool
    now_us: float


def _rows(
    recommender: Recommender,
    purchases: Purchases,
    run: _Run,
    on_progress: Callable[[int, int], None] | None,
) -> Iterator[pa.RecordBatch]:
    # Equally long histories side by side: padding to the longest costs what it adds.
    order = np.argsort(np.diff(purchases.starts), kind="stable")
    waiting: list[pa.RecordBatch] = []
    for at in range(0, len(order), _BLOCK_CUSTOMERS):
        some = order[at : at + _BLOCK_CUSTOMERS]
        waiting.append(_recommended(recommender, purchases, some, run))
        if len(waiting) == _COMMITTED:
            yield from _joined(waiting)
            waiting = []
        if on_progress:
            on_progress(min(at + _BLOCK_CUSTOMERS, len(order)), len(order))
    yield from _joined(waiting)


def _joined(batches: list[pa.RecordBatch]) -> list[pa.RecordBatch]:
    """Batches as one, so that the file's row groups are large; dictionary-encoded texts are small."""
    return pa.Table.from_batches(batches).combine_chunks().to_batches() if batches else []


def _recommended(
    recommender: Recommender, purchases: Purchases, some: np.ndarray, run: _Run
) -> pa.RecordBatch:
    products = recommender.products
    starts, ends = purchases.starts[some], purchases.starts[some + 1]
    lengths = ends - starts
    every = np.repeat(starts - (np.cumsum(lengths) - lengths), lengths) + np.arange(lengths.sum())
    owned = np.repeat(np.arange(len(some)), lengths), purchases.products[every].astype(np.int64)
    found = recommender.recommend(
        histories_of(purchases, some, run.now_us), run.k, include_owned=run.include_owned, owned=owned
    )
    there = found.products >= 0
    customers, places = np.nonzero(there)
    stores, ids = products.names(found.products[there])
    because_stores, because_ids = products.names(found.because[there])
    return pa.RecordBatch.from_arrays(
        [
            pa.array([purchases.customers[one] for one in some[customers].tolist()], pa.string()),
            pa.array(places + 1, pa.int32()),
            *(pa.array(texts, pa.string()) for texts in (stores, ids, because_stores, because_ids)),
            pa.array(found.scores[there], pa.float32()),
        ],
        schema=TABLES["recommendations"].columns,
    )


def _nothing_known(file: Path, purchases: Purchases, generation: str) -> str:
    if not purchases.skipped:
        named = " that names a customer" if purchases.without_customer else ""
        return f"{file} holds no purchase{named}. Give a file with at least one."
    named = ", ".join(purchases.skipped_products)
    return (
        f"None of the {purchases.skipped:,} purchases of {file} is of a product in generation {generation} "
        f"({named}, for example). Check the columns store and product_id, or url."
    )
