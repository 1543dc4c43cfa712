"""What earlier crawls of a store left in the tables, loaded once when a crawl begins."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pyarrow as pa
import pyarrow.compute as pc

from scrapers.session.product_addresses import Signs, fold
from storage import tables
from storage.root import Root
from storage.schemas import TABLES

COVERED = (
    "title",
    "brand",
    "description",
    "category",
    "price",
    "currency",
    "availability",
    "gtin",
    "sku",
    "colours",
    "sizes",
    "images",
)
"""The fields whose coverage a crawl reports."""


CLOCK_SKEW = timedelta(hours=1)
"""How far ahead of this machine's clock another one's may be. A later time is a clock's fault: it says
nothing of when something was, and would hide for as long what comes after it."""

_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)

_ROWS = 65_536
"""Rows of a history that are held beside what was found in it."""


@dataclass(frozen=True, slots=True)
class KnownProduct:
    """A product as last stored.

    :ivar fields: which of `COVERED` it has.
    :ivar images: how many of its photos are stored.
    :ivar without_photo: addresses of those that are not.
    :ivar url: its own address; `signs` what tells it from other products.
    """

    content_hash: str
    first_seen: datetime
    removed: bool
    fields: frozenset[str]
    images: int = 0
    without_photo: tuple[str, ...] = ()
    url: str = ""
    signs: Signs | None = None


@dataclass(frozen=True, slots=True)
class KnownFetch:
    """What was learnt when an address was last asked for.

    :ivar fetched_at: when that was; long ago where a clock was wrong.
    :ivar due_at: when it is to be asked for again though nothing says that it changed.
    """

    etag: str | None
    last_modified: str | None
    status: int | None
    content_hash: str | None
    image_id: str | None
    fetched_at: datetime
    due_at: datetime | None


ABSENT = "absent:"
"""Stands before a product's id in `fetches`, where `status` counts the complete crawls that missed it."""

OfferState = tuple[Decimal | None, Decimal | None, str | None, str | None]
"""Price, price before, currency and availability: an offer is written when one of them changed."""


@dataclass(slots=True)
class Snapshot:
    """What is stored about one store.

    :ivar product_at: the product that was last read from an address.
    :ivar absent: in how many complete crawls in a row a product was not met.
    :ivar last_complete: when the last complete crawl ended; None where there was none.
    :ivar last_products: how many products it found.
    :ivar last_coverage: the share of products that had each field in that crawl.
    """

    products: dict[str, KnownProduct] = field(default_factory=dict)
    offers: dict[tuple[str, str | None], OfferState] = field(default_factory=dict)
    fetches: dict[str, KnownFetch] = field(default_factory=dict)
    image_ids: set[str] = field(default_factory=set)
    product_at: dict[str, str] = field(default_factory=dict)
    absent: dict[str, int] = field(default_factory=dict)
    last_complete: datetime | None = None
    last_products: int | None = None
    last_coverage: dict[str, float] = field(default_factory=dict)


def load(root: Root, store: str) -> Snapshot:
    """Reads what is stored about a store. Times yet to come count as the oldest, see `CLOCK_SKEW`."""
    memory = Snapshot()
    mine, latest = of_store(store), datetime.now(UTC) + CLOCK_SKEW
    _load_products(memory, root, mine)
    offers = last_rows(
        root,
        "offers",
        ["product_id", "variant_id", "price", "was_price", "currency", "availability"],
        key=["product_id", "variant_id"],
        at="observed_at",
        where=mine,
    )
    for row in offers.to_pylist():
        state = (row["price"], row["was_price"], row["currency"], row["availability"])
        memory.offers[row["product_id"], row["variant_id"]] = state
    columns = ["etag", "last_modified", "status", "content_hash", "image_id", "fetched_at", "due_at"]
    for row in tables.read(root, "fetches", columns=["url", *columns], where=mine).to_pylist():
        url = row.pop("url")
        if url.startswith(ABSENT):
            memory.absent[url.removeprefix(ABSENT)] = row["status"] or 0
            continue
        if row["fetched_at"] is None or row["fetched_at"] > latest:
            row |= {"fetched_at": _LONG_AGO, "due_at": None}
        memory.fetches[url] = KnownFetch(**row)
        if row["image_id"]:
            memory.image_ids.add(row["image_id"])
    columns = ["url", "product_id"]
    pages = last_rows(root, "pages", columns, key=["url"], at="fetched_at", where=mine)
    memory.product_at = dict(zip(pages["url"].to_pylist(), pages["product_id"].to_pylist(), strict=True))
    complete = mine & (pc.field("status") == "complete")
    columns = ["store", "products", "coverage", "ended_at"]
    crawls = last_rows(root, "crawls", columns, key=["store"], at="ended_at", where=complete)
    for row in crawls.to_pylist():
        memory.last_complete = row["ended_at"] if row["ended_at"] <= latest else None
        memory.last_products = row["products"]
        memory.last_coverage = dict(row["coverage"] or ())
    return memory


def of_store(name: str) -> pc.Expression:
    """The filter for one store's rows."""
    return pc.field("store") == name


def last_rows(
    root: Root,
    table: str,
    columns: Sequence[str],
    *,
    key: list[str],
    at: str,
    where: pc.Expression,
) -> pa.Table:
    """The last row of each key, the history before it never in memory as a whole.

    :param columns: of the rows returned, the key's among them.
    :param at: the column that says when a row was written; a time yet to come counts as the oldest.
    """
    latest = datetime.now(UTC) + CLOCK_SKEW
    names = list(dict.fromkeys([*columns, at]))
    schema = pa.schema([TABLES[table].columns.field(name) for name in names])
    found, waiting = schema.empty_table(), list[pa.RecordBatch]()
    for batch in tables.scan(root, table, columns=names, where=where, batch_size=_ROWS):
        waiting.append(batch)
        # As many as were found, too: each fold sorts those again.
        if sum(map(len, waiting)) >= max(_ROWS, len(found)):
            found, waiting = _last_of(found, waiting, key, at, latest), []
    return _last_of(found, waiting, key, at, latest)


def _last_of(
    found: pa.Table, more: list[pa.RecordBatch], key: list[str], at: str, latest: datetime
) -> pa.Table:
    rows = pa.concat_tables([found, pa.Table.from_batches(more, found.schema)])
    times = pc.if_else(pc.greater(rows[at], latest), _LONG_AGO, rows[at])
    order = pc.sort_indices(pc.fill_null(times, _LONG_AGO))
    rows = rows.take(order)
    numbered = rows.select(key).append_column("row", pa.array(range(len(rows)), pa.int64()))
    return rows.take(numbered.group_by(key).aggregate([("row", "max")])["row_max"].sort())


def _load_products(memory: Snapshot, root: Root, mine: pc.Expression) -> None:
    columns = ["product_id", "url", "content_hash", "first_seen", "removed_at", *COVERED]
    for batch in tables.scan(root, "products", columns=columns, where=mine):
        present = {name: _present(batch.column(name)) for name in COVERED}
        images = pc.fill_null(pc.list_value_length(batch.column("images")), 0).to_pylist()
        without = _without_photo(batch.column("images"))
        photos = _first_photos(batch.column("images"))
        names = ["product_id", "url", "content_hash", "first_seen", "removed_at", "title", "sku", "gtin"]
        rows = batch.select(names).to_pylist()
        for index, row in enumerate(rows):
            memory.products[row["product_id"]] = KnownProduct(
                content_hash=row["content_hash"],
                first_seen=row["first_seen"],
                removed=row["removed_at"] is not None,
                fields=frozenset(name for name in COVERED if present[name][index]),
                images=images[index] - len(without.get(index, ())),
                without_photo=tuple(without.get(index, ())),
                url=row["url"] or "",
                signs=Signs(fold(row["title"]), row["sku"], row["gtin"], photos.get(index)),
            )


def _without_photo(images: pa.ListArray) -> dict[int, list[str]]:
    """By row, the addresses of photos that are not stored."""
    photos = pc.list_flatten(images)
    lacking = pc.is_null(pc.struct_field(photos, "image_id"))
    rows = pc.list_parent_indices(images).filter(lacking).to_pylist()
    found: dict[int, list[str]] = {}
    for row, url in zip(rows, pc.struct_field(photos, "url").filter(lacking).to_pylist(), strict=True):
        found.setdefault(row, []).append(url)
    return found


def _first_photos(images: pa.ListArray) -> dict[int, str]:
    """By row, the address of its first photo."""
    first: dict[int, str] = {}
    urls = pc.struct_field(pc.list_flatten(images), "url").to_pylist()
    for row, url in zip(pc.list_parent_indices(images).to_pylist(), urls, strict=True):
        first.setdefault(row, url)
    return first


def _present(column: object) -> list[bool]:
    if "list" in str(column.type):  # type: ignore[attr-defined]
        return [bool(length) for length in pc.list_value_length(column).to_pylist()]
    return list(column.is_valid().to_pylist())  # type: ignore[attr-defined]


def fields_of(row: dict[str, object]) -> frozenset[str]:
    """Which of `COVERED` a row of `products` has."""
    return frozenset(name for name in COVERED if row.get(name) not in (None, "", []))


def shares(field_sets: Iterable[frozenset[str]]) -> dict[str, float]:
    """The share of products that have each field; empty where there is no product."""
    counts = dict.fromkeys(COVERED, 0)
    total = 0
    for fields in field_sets:
        total += 1
        for name in fields:
            counts[name] += 1
    return {name: round(count / total, 4) for name, count in counts.items()} if total else {}
