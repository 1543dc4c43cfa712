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
from storage.staging import MOVED, Staging

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
    """What is known about one store: what is stored, and what a staged crawl has read since.

    :ivar before: the products as they are stored, whatever a staged crawl or this one says of them.
    :ivar offers_before: the same of the offers of whole products, by their ids.
    :ivar product_at: the product that was last read from an address.
    :ivar absent: in how many complete crawls in a row a product was not met; `absent_before` the same of the
        crawls that were believed.
    :ivar moved: the ids under which products are stored that are read under another one.
    :ivar last_complete: when the last complete crawl ended; None where there was none.
    :ivar last_whole: the same, of complete crawls that are quarantined as well.
    """

    products: dict[str, KnownProduct] = field(default_factory=dict)
    offers: dict[tuple[str, str | None], OfferState] = field(default_factory=dict)
    before: dict[str, KnownProduct] = field(default_factory=dict)
    offers_before: dict[str, OfferState] = field(default_factory=dict)
    fetches: dict[str, KnownFetch] = field(default_factory=dict)
    image_ids: set[str] = field(default_factory=set)
    product_at: dict[str, str] = field(default_factory=dict)
    absent: dict[str, int] = field(default_factory=dict)
    absent_before: dict[str, int] = field(default_factory=dict)
    moved: dict[str, str] = field(default_factory=dict)
    last_complete: datetime | None = None
    last_whole: datetime | None = None

    @property
    def touched(self) -> list[str]:
        """The products that are otherwise than they are stored, or not stored."""
        return [one for one, known in self.products.items() if self.before.get(one) is not known]


def load(root: Root, store: str, staging: Staging | None = None) -> Snapshot:
    """Reads what is stored about a store. Times yet to come count as the oldest, see `CLOCK_SKEW`.

    :param staging: a crawl that is not in the tables yet, and goes before them.
    :raises LookalikeError: a table or a file of the staged crawl is damaged.
    """
    memory = Snapshot()
    mine, latest = of_store(store), datetime.now(UTC) + CLOCK_SKEW
    for batch in tables.scan(root, "products", columns=_OF_PRODUCTS, where=mine):
        _take_products(memory, batch)
    offers = last_rows(
        root, "offers", _OF_OFFERS, key=["product_id", "variant_id"], at="observed_at", where=mine
    )
    _take_offers(memory, offers)
    memory.before = dict(memory.products)
    memory.offers_before = {
        product_id: state for (product_id, variant), state in memory.offers.items() if variant is None
    }
    _take_fetches(memory, tables.read(root, "fetches", columns=_OF_FETCHES, where=mine), latest)
    memory.absent_before = dict(memory.absent)
    pages = last_rows(root, "pages", _OF_PAGES, key=["url"], at="fetched_at", where=mine)
    _take_pages(memory, pages)
    complete = mine & (pc.field("status") == "complete")
    crawls = last_rows(root, "crawls", ["store", "ended_at"], key=["store"], at="ended_at", where=complete)
    for ended_at in crawls["ended_at"].to_pylist():
        memory.last_complete = memory.last_whole = ended_at if ended_at <= latest else None
    if staging:
        _take_staged(memory, staging, latest)
    return memory


def _take_staged(memory: Snapshot, staging: Staging, latest: datetime) -> None:
    for rows in staging.rows("products", _OF_PRODUCTS):
        for batch in rows.combine_chunks().to_batches():
            _take_products(memory, batch)
    for rows in staging.rows("offers", _OF_OFFERS):
        _take_offers(memory, rows)
    for rows in staging.rows("fetches", _OF_FETCHES):
        _take_fetches(memory, rows, latest)
    for rows in staging.rows("pages", _OF_PAGES):
        _take_pages(memory, rows)
    crawl = decision.crawl if (decision := staging.decision()) else {}
    if crawl.get("status") == "complete" and crawl["ended_at"] <= latest:
        memory.last_whole = max(memory.last_whole or _LONG_AGO, crawl["ended_at"])


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


_OF_PRODUCTS = ["product_id", "url", "content_hash", "first_seen", "removed_at", *COVERED]
_OF_OFFERS = ["product_id", "variant_id", "price", "was_price", "currency", "availability"]
_OF_FETCHES = [
    "url", "etag", "last_modified", "status", "content_hash", "image_id", "fetched_at", "due_at",
]  # fmt: skip
_OF_PAGES = ["url", "product_id"]


def _take_products(memory: Snapshot, batch: pa.RecordBatch) -> None:
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


def _take_offers(memory: Snapshot, rows: pa.Table) -> None:
    for row in rows.to_pylist():
        state = (row["price"], row["was_price"], row["currency"], row["availability"])
        memory.offers[row["product_id"], row["variant_id"]] = state


def _take_fetches(memory: Snapshot, rows: pa.Table, latest: datetime) -> None:
    for row in rows.to_pylist():
        url = row.pop("url")
        if url.startswith(ABSENT):
            memory.absent[url.removeprefix(ABSENT)] = row["status"] or 0
            continue
        if url.startswith(MOVED):
            memory.moved[url.removeprefix(MOVED)] = row["content_hash"]
            continue
        if row["fetched_at"] is None or row["fetched_at"] > latest:
            row |= {"fetched_at": _LONG_AGO, "due_at": None}
        memory.fetches[url] = KnownFetch(**row)
        if row["image_id"]:
            memory.image_ids.add(row["image_id"])


def _take_pages(memory: Snapshot, rows: pa.Table) -> None:
    memory.product_at.update(zip(rows["url"].to_pylist(), rows["product_id"].to_pylist(), strict=True))


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
