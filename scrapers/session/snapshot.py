"""The snapshot: what earlier crawls of a store stored, loaded when a crawl begins."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

import pyarrow as pa
import pyarrow.compute as pc

from scrapers.extract.item import earlier_product_id, product_id
from scrapers.session.listed_offers import ListedOffers
from scrapers.session.product_addresses import Traits, fold
from storage import tables
from storage.clock import LONG_AGO, latest_credible
from storage.root import Root
from storage.schemas import TABLES
from storage.staging import MOVED, Staging
from storage.terms import ABSENT, LISTED
from storage.verdicts import CrawlStatus

COVERED_FIELDS = (
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


_ROWS = 65_536
"""Rows of a history that are held in memory, beside the last row of each key."""


@dataclass(frozen=True, slots=True)
class KnownProduct:
    """A product as it was last stored.

    :ivar fields: which of `COVERED_FIELDS` it has.
    :ivar images: how many of its photos are stored.
    :ivar missing_photo_urls: addresses of its photos that are not stored.
    :ivar url: its own address.
    :ivar traits: what distinguishes it from other products.
    """

    content_hash: str
    first_seen: datetime
    removed: bool
    fields: frozenset[str]
    images: int = 0
    missing_photo_urls: tuple[str, ...] = ()
    url: str = ""
    traits: Traits | None = None


@dataclass(frozen=True, slots=True)
class KnownFetch:
    """What was learnt when an address was last requested.

    :ivar fetched_at: when that was; 1970 if a clock was wrong.
    :ivar due_at: when it is due again though nothing says that it changed.
    """

    etag: str | None
    last_modified: str | None
    status: int | None
    content_hash: str | None
    image_id: str | None
    fetched_at: datetime
    due_at: datetime | None


OfferState = tuple[Decimal | None, Decimal | None, str | None, str | None]
"""Price, earlier price, currency and availability: an offer is written if one of them changed."""


@dataclass(slots=True)
class Snapshot:
    """What is known about one store: what is stored, and what a staged crawl has read since.

    :ivar products: the products by id, as stored, staged, or read by this crawl.
    :ivar offers: the last offer of each product and variant, by their ids; likewise.
    :ivar stored_products: the products by id as they are stored, whatever was read since.
    :ivar stored_offers: the stored offers of whole products, by product id.
    :ivar product_at: the product that was last read from an address.
    :ivar missed_crawls: how many complete crawls in a row have missed a product.
    :ivar stored_missed_crawls: the same, without staged crawls.
    :ivar listed_offers: what listings showed of the products, and whether they show changes.
    :ivar moved: for each id that is read, the id that the product is stored under, if that is another one.
    :ivar last_complete: when the last complete crawl ended; None if there was none.
    :ivar last_whole: the same, with complete crawls that are quarantined.
    """

    products: dict[str, KnownProduct] = field(default_factory=dict)
    offers: dict[tuple[str, str | None], OfferState] = field(default_factory=dict)
    stored_products: dict[str, KnownProduct] = field(default_factory=dict)
    stored_offers: dict[str, OfferState] = field(default_factory=dict)
    fetches: dict[str, KnownFetch] = field(default_factory=dict)
    image_ids: set[str] = field(default_factory=set)
    product_at: dict[str, str] = field(default_factory=dict)
    missed_crawls: dict[str, int] = field(default_factory=dict)
    stored_missed_crawls: dict[str, int] = field(default_factory=dict)
    listed_offers: ListedOffers = field(default_factory=ListedOffers)
    moved: dict[str, str] = field(default_factory=dict)
    last_complete: datetime | None = None
    last_whole: datetime | None = None

    @property
    def changed_products(self) -> list[str]:
        """The products that differ from what is stored, or are not stored."""
        stored = self.stored_products
        return [
            product_id for product_id, known in self.products.items() if stored.get(product_id) is not known
        ]


def load_snapshot(root: Root, store: str, staging: Staging | None = None) -> Snapshot:
    """Reads what is stored about a store. Times in the future count as the oldest, see `storage.clock`.

    :param staging: a crawl that is not in the tables yet; it takes precedence over them.
    :raises LookalikeError: a table or a file of the staged crawl is damaged.
    """
    snapshot = Snapshot()
    own, latest = of_store(store), latest_credible()
    for batch in tables.scan(root, "products", columns=_PRODUCT_COLUMNS, where=own):
        _add_products(snapshot, batch)
    offers = last_rows(
        root, "offers", _OFFER_COLUMNS, key=["product_id", "variant_id"], at="observed_at", where=own
    )
    _add_offers(snapshot, offers)
    snapshot.stored_products = dict(snapshot.products)
    snapshot.stored_offers = {
        product_id: state for (product_id, variant), state in snapshot.offers.items() if variant is None
    }
    _add_fetches(snapshot, tables.read(root, "fetches", columns=_FETCH_COLUMNS, where=own), latest)
    snapshot.stored_missed_crawls = dict(snapshot.missed_crawls)
    pages = last_rows(root, "pages", _PAGE_COLUMNS, key=["url"], at="fetched_at", where=own)
    _add_pages(snapshot, pages)
    complete = own & (pc.field("status") == CrawlStatus.COMPLETE)
    crawls = last_rows(root, "crawls", ["store", "ended_at"], key=["store"], at="ended_at", where=complete)
    for ended_at in crawls["ended_at"].to_pylist():
        snapshot.last_complete = snapshot.last_whole = ended_at if ended_at <= latest else None
    if staging:
        _add_staged(snapshot, staging, latest)
    return snapshot


def _add_staged(snapshot: Snapshot, staging: Staging, latest: datetime) -> None:
    for rows in staging.rows("products", _PRODUCT_COLUMNS):
        for batch in rows.combine_chunks().to_batches():
            _add_products(snapshot, batch)
    for rows in staging.rows("offers", _OFFER_COLUMNS):
        _add_offers(snapshot, rows)
    for rows in staging.rows("fetches", _FETCH_COLUMNS):
        _add_fetches(snapshot, rows, latest)
    for rows in staging.rows("pages", _PAGE_COLUMNS):
        _add_pages(snapshot, rows)
    crawl = decision.crawl if (decision := staging.decision()) else {}
    if crawl.get("status") == CrawlStatus.COMPLETE and crawl["ended_at"] <= latest:
        snapshot.last_whole = max(snapshot.last_whole or LONG_AGO, crawl["ended_at"])


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
    """The last row of each key, found without holding the whole history in memory.

    :param columns: of the rows returned, the key's among them.
    :param at: the column that says when a row was written; a time in the future counts as the oldest.
    """
    latest = latest_credible()
    names = list(dict.fromkeys([*columns, at]))
    schema = pa.schema([TABLES[table].columns.field(name) for name in names])
    found, waiting = schema.empty_table(), list[pa.RecordBatch]()
    for batch in tables.scan(root, table, columns=names, where=where, batch_size=_ROWS):
        waiting.append(batch)
        # At least as many as were found, because each call sorts the found rows again.
        if sum(map(len, waiting)) >= max(_ROWS, len(found)):
            found, waiting = _last_of(found, waiting, key, at, latest), []
    return _last_of(found, waiting, key, at, latest)


def _last_of(
    found: pa.Table, more: list[pa.RecordBatch], key: list[str], at: str, latest: datetime
) -> pa.Table:
    rows = pa.concat_tables([found, pa.Table.from_batches(more, found.schema)])
    times = pc.if_else(pc.greater(rows[at], latest), LONG_AGO, rows[at])
    order = pc.sort_indices(pc.fill_null(times, LONG_AGO))
    rows = rows.take(order)
    numbered = rows.select(key).append_column("row", pa.array(range(len(rows)), pa.int64()))
    return rows.take(numbered.group_by(key).aggregate([("row", "max")])["row_max"].sort())


_PRODUCT_COLUMNS = ["product_id", "url", "content_hash", "first_seen", "removed_at", *COVERED_FIELDS]
_OFFER_COLUMNS = ["product_id", "variant_id", "price", "was_price", "currency", "availability"]
_FETCH_COLUMNS = [
    "url", "etag", "last_modified", "status", "content_hash", "image_id", "fetched_at", "due_at",
]  # fmt: skip
_PAGE_COLUMNS = ["url", "product_id"]


def _add_products(snapshot: Snapshot, batch: pa.RecordBatch) -> None:
    present = {name: _has_value(batch.column(name)) for name in COVERED_FIELDS}
    images = pc.fill_null(pc.list_value_length(batch.column("images")), 0).to_pylist()
    without = _missing_photo_urls(batch.column("images"))
    photos = _first_photos(batch.column("images"))
    names = ["product_id", "url", "content_hash", "first_seen", "removed_at", "title", "sku", "gtin"]
    rows = batch.select(names).to_pylist()
    for index, row in enumerate(rows):
        if "%" in (row["url"] or "") and row["product_id"] == earlier_product_id(row["url"]):
            _keep_id(snapshot, product_id(row["url"]), row["product_id"])
        snapshot.products[row["product_id"]] = KnownProduct(
            content_hash=row["content_hash"],
            first_seen=row["first_seen"],
            removed=row["removed_at"] is not None,
            fields=frozenset(name for name in COVERED_FIELDS if present[name][index]),
            images=images[index] - len(without.get(index, ())),
            missing_photo_urls=tuple(without.get(index, ())),
            url=row["url"] or "",
            traits=Traits(fold(row["title"]), row["sku"], row["gtin"], photos.get(index)),
        )


def _keep_id(snapshot: Snapshot, read: str, stored: str) -> None:
    """Keeps the id of a product whose address gives another one since it is spelt in upper case."""
    if read != stored:
        snapshot.moved.setdefault(read, stored)


def _add_offers(snapshot: Snapshot, rows: pa.Table) -> None:
    for row in rows.to_pylist():
        state = (row["price"], row["was_price"], row["currency"], row["availability"])
        snapshot.offers[row["product_id"], row["variant_id"]] = state


def _add_fetches(snapshot: Snapshot, rows: pa.Table, latest: datetime) -> None:
    for row in rows.to_pylist():
        url = row.pop("url")
        if url.startswith(ABSENT):
            snapshot.missed_crawls[url.removeprefix(ABSENT)] = row["status"] or 0
            continue
        if url == LISTED:
            snapshot.listed_offers.proofs = row["status"] or 0
            continue
        if url.startswith(LISTED):
            snapshot.listed_offers.known[url.removeprefix(LISTED)] = row["content_hash"]
            continue
        if url.startswith(MOVED):
            snapshot.moved[url.removeprefix(MOVED)] = row["content_hash"]
            continue
        if row["fetched_at"] is None or row["fetched_at"] > latest:
            row |= {"fetched_at": LONG_AGO, "due_at": None}
        snapshot.fetches[url] = KnownFetch(**row)
        if row["image_id"]:
            snapshot.image_ids.add(row["image_id"])


def _add_pages(snapshot: Snapshot, rows: pa.Table) -> None:
    snapshot.product_at.update(zip(rows["url"].to_pylist(), rows["product_id"].to_pylist(), strict=True))


def _missing_photo_urls(images: pa.ListArray) -> dict[int, list[str]]:
    """The addresses of photos that are not stored, by row number."""
    photos = pc.list_flatten(images)
    lacking = pc.is_null(pc.struct_field(photos, "image_id"))
    rows = pc.list_parent_indices(images).filter(lacking).to_pylist()
    found: dict[int, list[str]] = {}
    for row, url in zip(rows, pc.struct_field(photos, "url").filter(lacking).to_pylist(), strict=True):
        found.setdefault(row, []).append(url)
    return found


def _first_photos(images: pa.ListArray) -> dict[int, str]:
    """The address of the first photo, by row number."""
    first: dict[int, str] = {}
    urls = pc.struct_field(pc.list_flatten(images), "url").to_pylist()
    for row, url in zip(pc.list_parent_indices(images).to_pylist(), urls, strict=True):
        first.setdefault(row, url)
    return first


def _has_value(column: object) -> list[bool]:
    if "list" in str(column.type):  # type: ignore[attr-defined]
        return [bool(length) for length in pc.list_value_length(column).to_pylist()]
    return list(column.is_valid().to_pylist())  # type: ignore[attr-defined]


def fields_of(row: dict[str, object]) -> frozenset[str]:
    """Which of `COVERED_FIELDS` a row of `products` has."""
    return frozenset(name for name in COVERED_FIELDS if row.get(name) not in (None, "", []))


def field_shares(field_sets: Iterable[frozenset[str]]) -> dict[str, float]:
    """The share of products that have each field; empty if there is no product."""
    counts = dict.fromkeys(COVERED_FIELDS, 0)
    total = 0
    for fields in field_sets:
        total += 1
        for name in fields:
            counts[name] += 1
    return {name: round(count / total, 4) for name, count in counts.items()} if total else {}
