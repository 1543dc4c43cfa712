"""Purchases of customers: read from Parquet, CSV, H&M's transactions or Rent the Runway's reviews."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from embedding.recommend.products import ProductNumbers
from embedding.recommend.purchase_dates import EPOCH, PurchaseDates
from embedding.recommend.purchase_files import (
    COLUMNS,
    as_texts,
    batches,
    damage_named,
    require_columns,
    require_once,
    text_of,
)
from storage.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

DAY_US = 86_400_000_000
_FRAME = "The DataFrame"
_MOST_NAMED = 5


@dataclass(frozen=True)
class Purchases:
    """Purchases of products that the generation holds, those of one customer side by side, the oldest first.

    A product that a customer bought several times is there once, as last bought.

    :ivar customers: their ids, sorted.
    :ivar starts: int64 [customers + 1], where each customer's purchases begin, and the end of the last's.
    :ivar products: int32 [n], numbers of products.
    :ivar when: int64 [n], microseconds since 1970, UTC.
    :ivar skipped: rows of products that the generation does not hold.
    :ivar skipped_products: names of some of them.
    :ivar without_customer: rows that name no customer.
    """

    customers: list[str]
    starts: np.ndarray
    products: np.ndarray
    when: np.ndarray
    skipped: int
    skipped_products: tuple[str, ...]
    without_customer: int = 0

    def __len__(self) -> int:
        return len(self.customers)


def read_purchases(file: Path, numbers: ProductNumbers, *, store: str | None = None) -> Purchases:
    """The purchases of a file, read a part at a time: 16 bytes a purchase and the customers' ids stay.

    :param file: Parquet, CSV or JSON lines with the columns `customer_id`, `store`, `product_id` or `url`,
        `bought_at`; H&M's `transactions_train.csv`; Rent the Runway's `renttherunway_final_data.json.gz`; or
        a folder of such files.
    :param store: the store of all purchases, where the file names none; the generation's only one where None.
    :raises InputError: there is no such file, it is malformed, lacks a column, or holds a date that is none.
    """
    reader = _Reader(file, numbers, store)
    with damage_named(file):
        for batch in batches(file):
            reader.add(batch)
    return reader.purchases()


def read_history(
    file: Path, customer: str, numbers: ProductNumbers, *, store: str | None = None
) -> list[tuple[str, datetime]]:
    """One customer's purchases: `store:product_id` of each, and when.

    A product that the generation does not hold has the name that the file gives it. The file is read a part
    at a time; only this customer's rows are kept.

    :param file: as for `read_purchases`.
    :param store: as for `read_purchases`.
    :raises InputError: as `read_purchases`, and where the file holds no purchase of this customer.
    """
    with damage_named(file):
        return _history(file, batches(file), customer, numbers, store)


def history_of_frame(
    frame: Any, customer: str, numbers: ProductNumbers, *, store: str | None = None
) -> list[tuple[str, datetime]]:
    """One customer's purchases of a DataFrame with the columns of a file, as `read_history` gives them.

    :raises InputError: it lacks a column, holds a date that is none, or no purchase of this customer.
    """
    return _history(_FRAME, _frame_batches(frame), customer, numbers, store)


def from_frame(frame: Any, numbers: ProductNumbers, *, store: str | None = None) -> Purchases:
    """The purchases of a DataFrame with the columns of a file.

    :raises InputError: it lacks a column, or holds a date that is none.
    """
    reader = _Reader(_FRAME, numbers, store)
    for batch in _frame_batches(frame):
        reader.add(batch)
    return reader.purchases()


def _history(
    source: Path | str,
    rows: Iterable[pa.RecordBatch],
    customer: str,
    numbers: ProductNumbers,
    store: str | None,
) -> list[tuple[str, datetime]]:
    history: list[tuple[str, datetime]] = []
    dates = PurchaseDates(source)
    for batch in rows:
        dates.learn(batch["bought_at"])
        own = batch.filter(pc.fill_null(pc.equal(batch["customer_id"], customer), False))
        if own.num_rows:
            found = _find(source, own, numbers, store).tolist()
            names = [
                given if number < 0 else numbers.name(number)
                for number, given in zip(found, names_of(own), strict=True)
            ]
            when = dates.moments(own["bought_at"]).tolist()
            history += zip(names, (EPOCH + timedelta(microseconds=one) for one in when), strict=True)
    if not history:
        raise InputError(f"{source} holds no purchase of this customer. Check the id.")
    return history


def rows_of_frame(frame: Any) -> pa.Table:
    """The rows of a DataFrame of pandas or Polars, or of a table of Arrow: its columns that a file may have.

    :raises InputError: it is none.
    """
    frame = frame.to_pandas() if hasattr(frame, "to_pandas") else frame
    if not hasattr(frame, "columns") or not hasattr(frame, "itertuples"):
        raise InputError(f"Purchases cannot be a {type(frame).__name__}. Give a file or a DataFrame.")
    require_once(_FRAME, list(map(str, frame.columns)))
    rows = pa.table({name: _column(frame[name]) for name in COLUMNS if name in frame.columns})
    return pa.Table.from_batches(map(as_texts, rows.to_batches())) if len(rows) else rows


def _frame_batches(frame: Any) -> list[pa.RecordBatch]:
    rows = rows_of_frame(frame)
    require_columns(_FRAME, rows.column_names)
    return rows.to_batches()


def _column(values: pd.Series) -> pa.Array:
    """A column of a DataFrame; numbers among texts as texts, whole ones without a fraction."""
    try:
        found = pa.array(values, from_pandas=True)
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        found = pa.array([text_of(value) for value in values.astype("object").where(values.notna(), None)])
    return found.combine_chunks() if isinstance(found, pa.ChunkedArray) else found


class _Reader:
    """Collects purchases batch by batch, as numbers.

    :param source: what is read, for sentences.
    """

    def __init__(self, source: Path | str, numbers: ProductNumbers, store: str | None) -> None:
        self.source, self.numbers, self.store = source, numbers, store
        self._dates = PurchaseDates(source)
        self._codes: dict[str, int] = {}
        self._parts: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
        self._skipped = 0
        self._named: dict[str, None] = {}
        self._without_customer = 0

    def add(self, batch: pa.RecordBatch) -> None:
        found = _find(self.source, batch, self.numbers, self.store)
        customer = batch["customer_id"]
        when = self._dates.moments(batch["bought_at"])
        named = pc.fill_null(pc.not_equal(pc.utf8_trim_whitespace(customer), ""), False)
        named = np.asarray(named.to_numpy(zero_copy_only=False), bool)
        self._without_customer += int((~named).sum())
        known = (found >= 0) & named
        self._skip(batch, found < 0)
        encoded = customer.filter(pa.array(known)).dictionary_encode()
        codes = np.array(
            [self._codes.setdefault(name, len(self._codes)) for name in encoded.dictionary.to_pylist()],
            np.int32,
        )
        self._parts.append((codes[encoded.indices.to_numpy()], found[known].astype(np.int32), when[known]))

    def purchases(self) -> Purchases:
        empty = (np.empty(0, np.int32), np.empty(0, np.int32), np.empty(0, np.int64))
        customer, product, when = map(np.concatenate, zip(empty, *self._parts, strict=True))
        self._parts = []
        names = sorted(self._codes)
        rank = np.empty(len(names), np.int32)
        rank[[self._codes[name] for name in names]] = np.arange(len(names))
        customer = rank[customer] if len(names) else customer
        # Of equal purchases the last stays.
        order = np.lexsort((when, product, customer))
        customer, product, when = customer[order], product[order], when[order]
        last = np.r_[(np.diff(customer) != 0) | (np.diff(product) != 0), True][: len(order)]
        customer, product, when = customer[last], product[last], when[last]
        order = np.lexsort((when, customer))
        customer, product, when = customer[order], product[order], when[order]
        starts = np.searchsorted(customer, np.arange(len(names) + 1))
        return Purchases(
            names, starts, product, when, self._skipped, tuple(self._named), self._without_customer
        )

    def _skip(self, batch: pa.RecordBatch, unknown: np.ndarray) -> None:
        self._skipped += int(unknown.sum())
        for row in np.flatnonzero(unknown)[:_MOST_NAMED].tolist():
            if len(self._named) < _MOST_NAMED:
                self._named[names_of(batch.slice(row, 1))[0]] = None


def _only_store(source: Path | str, stores: Sequence[str], store: str | None) -> str:
    """The store of all purchases, where none of them names its own."""
    if store is not None:
        return store
    if len(stores) == 1:
        return stores[0]
    known = ", ".join(stores)
    raise InputError(
        f"{source} does not say which store sold the products. Give one --store, or `store` under "
        f"[recommend] in the settings: {known}."
    )


def _find(
    source: Path | str, batch: pa.RecordBatch, numbers: ProductNumbers, store: str | None
) -> np.ndarray:
    """Numbers of the rows' products, by store and id, else by address; -1 for unknown ones: int64 [rows]."""
    names = batch.schema.names
    if "product_id" not in names:
        return numbers.by_url(batch["url"])
    if "store" in names:
        stores = batch["store"]
    else:
        stores = pa.array([_only_store(source, numbers.stores, store)] * len(batch))
    found = numbers.by_id(stores, batch["product_id"])
    return np.where(found < 0, numbers.by_url(batch["url"]), found) if "url" in names else found


def names_of(batch: pa.RecordBatch | pa.Table) -> list[str]:
    """What the rows call their products: `store:product_id`, else the id or the address of the page."""
    naming = [name for name in ("store", "product_id", "url") if name in batch.schema.names]
    return [_name(row) for row in batch.select(naming).to_pylist()]


def _name(row: dict[str, Any]) -> str:
    if row.get("product_id") is None:
        return str(row.get("url") or "a row that names no product")
    return f"{row['store']}:{row['product_id']}" if row.get("store") else str(row["product_id"])
