"""Purchases of customers: read from Parquet, CSV, H&M's transactions or Rent the Runway's reviews."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from embedding.recommend.products import ProductNumbers
from storage.errors import InputError

WANTED = "customer_id, store, product_id or url, bought_at"
DAY_US = 86_400_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST_US = (datetime.min.replace(tzinfo=UTC) - _EPOCH) // timedelta(microseconds=1)
_END_US = (datetime.max.replace(tzinfo=UTC) - _EPOCH) // timedelta(microseconds=1) + 1

_FRAME = "The DataFrame"

_HM = ("t_dat", "customer_id", "article_id")
_RENT_THE_RUNWAY = ("user_id", "item_id", "review_date")
_JSON_LINES = 50_000
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
    """

    customers: list[str]
    starts: np.ndarray
    products: np.ndarray
    when: np.ndarray
    skipped: int
    skipped_products: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.customers)


def read_purchases(file: Path, numbers: ProductNumbers, *, store: str | None = None) -> Purchases:
    """The purchases of a file, read a part at a time: 16 bytes a purchase and the customers' ids stay.

    :param file: `.parquet`, `.csv` or `.json`: columns `customer_id`, `store`, `product_id` or `url`,
        `bought_at`; H&M's `transactions_train.csv`; or Rent the Runway's `renttherunway_final_data.json`,
        a document a line.
    :param store: the store of all purchases, where the file names none; the generation's only one where None.
    :raises InputError: there is no such file, it is malformed, lacks a column, or holds a date that is none.
    """
    reader = _Reader(file, numbers, store)
    with _damage_named(file):
        for batch in _batches(file):
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
    with _damage_named(file):
        return _history(file, _batches(file), customer, numbers, store)


def history_of_frame(
    frame: Any, customer: str, numbers: ProductNumbers, *, store: str | None = None
) -> list[tuple[str, datetime]]:
    """One customer's purchases of a DataFrame with the columns of a file, as `read_history` gives them.

    :raises InputError: it lacks a column, holds a date that is none, or no purchase of this customer.
    """
    if "customer_id" in frame:
        frame = frame[frame["customer_id"].astype("string") == customer]
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
    batches: Iterable[pa.RecordBatch],
    customer: str,
    numbers: ProductNumbers,
    store: str | None,
) -> list[tuple[str, datetime]]:
    history: list[tuple[str, datetime]] = []
    for batch in map(_renamed, batches):
        _require_columns(source, batch)
        ids = batch["customer_id"].cast(pa.string())
        own = batch.filter(pc.fill_null(pc.equal(ids, customer), False))
        if own.num_rows:
            found = _find(source, own, numbers, store).tolist()
            names = [
                given if number < 0 else numbers.name(number)
                for number, given in zip(found, _names(own), strict=True)
            ]
            when = moments(source, own["bought_at"]).tolist()
            history += zip(names, (_EPOCH + timedelta(microseconds=one) for one in when), strict=True)
    if not history:
        raise InputError(f"{source} holds no purchase of this customer. Check the id.")
    return history


def _frame_batches(frame: Any) -> list[pa.RecordBatch]:
    wanted = [name for name in ("customer_id", "store", "product_id", "url", "bought_at") if name in frame]
    # pandas' own texts become an array of several chunks.
    texts = pa.table(
        {
            name: pa.array(frame[name].astype("string").to_numpy(object, na_value=None), pa.string())
            for name in wanted
        }
    )
    return texts.to_batches() or [pa.RecordBatch.from_pylist([], texts.schema)]


class _Reader:
    """Collects purchases batch by batch, as numbers.

    :param source: what is read, for sentences.
    """

    def __init__(self, source: Path | str, numbers: ProductNumbers, store: str | None) -> None:
        self.source, self.numbers, self.store = source, numbers, store
        self._codes: dict[str, int] = {}
        self._parts: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
        self._skipped = 0
        self._named: dict[str, None] = {}

    def add(self, batch: pa.RecordBatch) -> None:
        batch = _renamed(batch)
        _require_columns(self.source, batch)
        found = _find(self.source, batch, self.numbers, self.store)
        customer = batch["customer_id"].cast(pa.string())
        when = moments(self.source, batch["bought_at"])
        known = (found >= 0) & np.asarray(customer.is_valid().to_numpy(zero_copy_only=False), bool)
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
        return Purchases(names, starts, product, when, self._skipped, tuple(self._named))

    def _skip(self, batch: pa.RecordBatch, unknown: np.ndarray) -> None:
        self._skipped += int(unknown.sum())
        for row in np.flatnonzero(unknown)[:_MOST_NAMED].tolist():
            if len(self._named) < _MOST_NAMED:
                self._named[_names(batch.slice(row, 1))[0]] = None


def _require_columns(source: Path | str, batch: pa.RecordBatch) -> None:
    names = batch.schema.names
    have = ", ".join(names[:12]) or "no column"
    for name in ("customer_id", "bought_at"):
        if name not in names:
            raise InputError(f"{source} has no column {name}; it has {have}. Required columns: {WANTED}.")
    if "product_id" not in names and "url" not in names:
        raise InputError(f"{source} names no product: it has {have}. Required columns: {WANTED}.")


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


def _names(batch: pa.RecordBatch) -> list[str]:
    """What the rows call their products: `store:product_id`, else the id or the address of the page."""
    naming = [name for name in ("store", "product_id", "url") if name in batch.schema.names]
    return [_name(row) for row in batch.select(naming).to_pylist()]


def _name(row: dict[str, Any]) -> str:
    if row.get("product_id") is None:
        return str(row.get("url"))
    return f"{row['store']}:{row['product_id']}" if row.get("store") else str(row["product_id"])


def moments(source: Path | str, column: pa.Array) -> np.ndarray:
    """Times of purchases in microseconds since 1970, UTC: int64 [n].

    :param source: what is read, for sentences.
    :raises InputError: a purchase has no date, something else in its place, or one outside the years 1 to
        9999.
    """
    import pandas as pd

    if pa.types.is_timestamp(column.type) or pa.types.is_date(column.type):
        times = column.cast(options=pc.CastOptions(pa.timestamp("us"), allow_time_truncate=True))
        missing = times.is_null().to_numpy(zero_copy_only=False)
        values = times.cast(pa.int64()).fill_null(0).to_numpy(zero_copy_only=False)
    else:
        texts = pd.Series(column.cast(pa.string()).to_pylist(), dtype="object")
        parsed = pd.to_datetime(texts, utc=True, errors="coerce", format="mixed")
        missing = parsed.isna().to_numpy()
        values = parsed.dt.tz_localize(None).to_numpy().astype("datetime64[us]").astype(np.int64)
    if missing.any():
        shown = column[int(np.flatnonzero(missing)[0])].as_py()
        what = "a purchase without a date" if shown is None else f"bought_at {str(shown)[:40]!r}, no date"
        raise InputError(f"{source} has {what}. Give days or times such as 2026-11-01T06:00Z.")
    if ((values < _FIRST_US) | (values >= _END_US)).any():
        raise InputError(f"{source} has a date outside the years 1 to 9999. Correct it.")
    return np.asarray(values, np.int64)


@contextmanager
def _damage_named(file: Path) -> Iterator[None]:
    """Turns what its readers say of a malformed file into a sentence."""
    try:
        yield
    except (pa.ArrowException, OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
        raise InputError(f"{file} cannot be read ({reason}). Give Parquet or CSV with {WANTED}.") from None


def _renamed(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Columns of H&M and Rent the Runway under our names."""
    have = set(batch.schema.names)
    for known, names in (
        (_HM, ("bought_at", "customer_id", "product_id")),
        (_RENT_THE_RUNWAY, ("customer_id", "product_id", "bought_at")),
    ):
        if set(known) <= have:
            return pa.RecordBatch.from_arrays([batch[name] for name in known], names=list(names))
    return batch


def _batches(file: Path) -> Iterator[pa.RecordBatch]:
    if not file.is_file():
        raise InputError(f"There is no file {file}. Give Parquet or CSV with {WANTED}.")
    suffix = file.suffix.lower()
    if suffix in (".json", ".jsonl"):
        yield from _json_lines(file)
    elif suffix == ".csv":
        with file.open("rb") as stream:
            header = stream.readline(65_536).decode("utf-8-sig").strip().split(",")
        columns = {name.strip().strip('"'): pa.string() for name in header}
        yield from pacsv.open_csv(
            file, convert_options=pacsv.ConvertOptions(column_types=columns, strings_can_be_null=True)
        )
    else:
        stored = pq.ParquetFile(file)
        wanted = {"customer_id", "store", "product_id", "url", "bought_at", *_HM, *_RENT_THE_RUNWAY}
        have = [name for name in stored.schema_arrow.names if name in wanted]
        yield from stored.iter_batches(columns=have or None)


def _json_lines(file: Path) -> Iterator[pa.RecordBatch]:
    rows: list[dict[str, str | None]] = []
    with file.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            document = json.loads(line)
            if not isinstance(document, dict) or not set(_RENT_THE_RUNWAY) <= set(document):
                wanted = ", ".join(_RENT_THE_RUNWAY)
                raise InputError(f"Line {number} of {file} is no document with {wanted}. Correct it.")
            rows.append({name: str(document[name]) for name in _RENT_THE_RUNWAY})
            if len(rows) == _JSON_LINES:
                yield pa.RecordBatch.from_pylist(rows)
                rows = []
    if rows:
        yield pa.RecordBatch.from_pylist(rows)
