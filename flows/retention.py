"""Deletes what is older than its time in `[maintain]` and is not served.

A product on sale keeps its photos, its newest page and every change of its price.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from flows.maintain_settings import MaintainSettings
from flows.purge import CHUNK, delete_photos, photo_ids, staged_photo_ids
from storage import tables
from storage.crawl_history import crawl_histories
from storage.root import Root
from storage.schemas import TIME
from storage.staging import staged_stores
from storage.terms import LISTED

_OFFER = ["store", "product_id", "variant_id"]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_PAGE_NAME_SQL = "concat(store, '|', product_id, '|', CAST(CAST(fetched_at AS BIGINT) AS VARCHAR))"
"""See `_page_name`: the time in microseconds since 1970, without which nothing is written for it."""

_OFFER_STATE = ["price", "was_price", "currency", "availability"]

Product = tuple[str, str]
"""Store and product id."""

Row = Mapping[str, Any]


def drop_expired(root: Root, settings: MaintainSettings, now: datetime) -> dict[str, int]:
    """Deletes the rows whose time has passed. The caller holds the locks of all writers.

    :return: the number of rows deleted, for each table with any.
    """
    removed_at = _removed_at(root)

    def long_gone(days: int) -> set[Product]:
        return {product for product, at in removed_at.items() if at <= now - timedelta(days=days)}

    dropped = {
        "pages": _drop_pages(root, now - timedelta(days=settings.pages_days), long_gone(settings.pages_days)),
        "offers": _drop_offers(root, long_gone(settings.offers_days)),
        "images": _drop_photos(
            root, now - timedelta(days=settings.photos_days), long_gone(settings.photos_days)
        ),
        "fetches": _drop_listed(root, now - timedelta(days=settings.pages_days)),
        "crawls": _drop_crawls(root, now - timedelta(days=settings.crawls_days)),
        "rejects": _drop_rejects(root, now - timedelta(days=settings.rejects_days)),
    }
    return {table: rows for table, rows in dropped.items() if rows}


def _removed_at(root: Root) -> dict[Product, datetime]:
    """When each product that is not on sale was removed."""
    columns = ["store", "product_id", "removed_at"]
    rows = tables.read(root, "products", columns=columns, where=pc.field("removed_at").is_valid())
    return {(row["store"], row["product_id"]): row["removed_at"] for row in rows.to_pylist()}


def _drop_pages(root: Root, before: datetime, gone: set[Product]) -> int:
    """Drops pages older than `before` that are not the newest of their product, and all of gone products.

    Only the files that hold some of them are written again: the table holds every page of every product.
    """
    key = ["store", "product_id"]
    pages = tables.read(root, "pages", columns=[*key, "fetched_at"])
    last = pages.group_by(key).aggregate([("fetched_at", "max")]).to_pylist()
    newest = {(row["store"], row["product_id"]): row["fetched_at_max"] for row in last}

    def is_expired(row: Row) -> bool:
        product, at = (row["store"], row["product_id"]), row["fetched_at"]
        return product in gone or not (_is_recent(at, before) or at == newest[product])

    # Not by their times alone: one crawl reads the newest page of one product and an older one of another.
    expired = [row for row in pages.to_pylist() if row["product_id"] is not None and is_expired(row)]
    # Crawls append: pages of one time are in one file, so few files are written again more than once.
    expired.sort(key=lambda row: row["fetched_at"] or _EPOCH)
    return _delete_named(root, "pages", _PAGE_NAME_SQL, map(_page_name, expired))


def _page_name(row: Row) -> str:
    at: datetime | None = row["fetched_at"]
    time = "" if at is None else str((at - _EPOCH) // timedelta(microseconds=1))
    return f"{row['store']}|{row['product_id']}|{time}"


def _drop_offers(root: Root, gone: set[Product]) -> int:
    """Drops offers that repeat the one before them, and all of gone products: changes are what counts."""
    stores = pc.unique(tables.read(root, "offers", columns=["store"])["store"]).to_pylist()

    def kept_of(store: str) -> pa.Table:
        own = tables.read(root, "offers", where=pc.field("store") == store)
        own = own.sort_by([(name, "ascending") for name in [*_OFFER, "observed_at"]]).combine_chunks()
        ids = {product_id for other, product_id in gone if other == store}
        is_gone = pc.is_in(own["product_id"], value_set=pa.array(ids, pa.string()))
        return own.filter(pc.and_not(_is_change(own), is_gone))

    had = tables.count(root, "offers")
    kept = sum(len(kept_of(store)) for store in stores)
    if kept < had:
        tables.replace(root, "offers", (batch for store in stores for batch in kept_of(store).to_batches()))
    return had - kept


def _is_change(offers: pa.Table) -> pa.ChunkedArray:
    """Whether each offer differs from the one before it, of the same product and variant."""
    earlier, later = offers.slice(0, max(len(offers) - 1, 0)), offers.slice(1)
    same = pa.array([True] * len(later), pa.bool_())
    for name in [*_OFFER, *_OFFER_STATE]:
        before, after = earlier[name].combine_chunks(), later[name].combine_chunks()
        both_null = pc.and_(pc.is_null(before), pc.is_null(after))
        same = pc.and_(same, pc.or_(pc.fill_null(pc.equal(before, after), False), both_null))
    first = [True] * min(len(offers), 1)
    return pa.chunked_array([pa.array(first, pa.bool_()), pc.invert(same)])


def _drop_photos(root: Root, before: datetime, gone: set[Product]) -> int:
    """Drops photos that no product shows but gone ones, neither first seen nor requested since `before`.

    Such are those of gone products, and those that a product showed until its store replaced them.
    """
    products = tables.read(root, "products", columns=["store", "product_id", "images"])
    keys = zip(products["store"].to_pylist(), products["product_id"].to_pylist(), strict=True)
    is_gone = pa.array([key in gone for key in keys], pa.bool_())
    shown = photo_ids(products.filter(pc.invert(is_gone)))
    shown |= {image_id for store in staged_stores(root) for image_id in staged_photo_ids(root, store)}
    of_gone = photo_ids(products.filter(is_gone))
    recent = pc.field("fetched_at") >= pa.scalar(before, TIME)
    requested = tables.read(root, "fetches", columns=["image_id"], where=recent)["image_id"]
    shown_lately = {*requested.drop_null().to_pylist()} - of_gone
    orphans = {
        row["image_id"]
        for row in tables.read(root, "images", columns=["image_id", "first_seen"]).to_pylist()
        if row["image_id"] in of_gone or not _is_recent(row["first_seen"], before)
    }
    orphans -= shown | shown_lately
    delete_photos(root, orphans)
    return len(orphans)


def _drop_listed(root: Root, before: datetime) -> int:
    """Drops what listings showed before that time of products that are not on sale."""
    on_sale = tables.read(root, "products", columns=["url"], where=pc.field("removed_at").is_null())
    urls = {LISTED + url for url in on_sale["url"].drop_null().to_pylist()}
    noted = tables.read(root, "fetches", columns=["store", "url", "fetched_at"])
    noted = noted.filter(pc.starts_with(noted["url"], LISTED))
    expired = {
        f"{row['store']}|{row['url']}"
        for row in noted.to_pylist()
        if row["url"] != LISTED and row["url"] not in urls and not _is_recent(row["fetched_at"], before)
    }
    return _delete_named(root, "fetches", "concat(store, '|', url)", sorted(expired))


def _drop_crawls(root: Root, before: datetime) -> int:
    """Drops the records of old crawls, but those that say since when and how well each store is read."""
    histories = crawl_histories(root)

    def keeps(row: Row) -> bool:
        history, ended_at = histories[row["store"]], row["ended_at"]
        needed = (history.last["ended_at"], history.fresh_at, history.read_at)
        if _is_recent(ended_at, before) or ended_at in needed:
            return True
        return (row["started_at"] or ended_at) == history.first_at

    return _drop_rows(root, "crawls", ["store", "started_at", "ended_at"], keeps)


def _drop_rejects(root: Root, before: datetime) -> int:
    return _drop_rows(root, "rejects", ["rejected_at"], lambda row: _is_recent(row["rejected_at"], before))


def _is_recent(at: datetime | None, before: datetime) -> bool:
    """Whether a row is kept for its time; one without a time is, since its age is unknown."""
    return at is None or at >= before


def _delete_named(root: Root, table: str, name_sql: str, names: Iterable[str]) -> int:
    """Deletes the rows that have one of these names; other files than theirs stay as they are.

    :param name_sql: what gives a row's name.
    :param names: those of rows in one file near each other: files are written again a portion at a time.
    :return: rows deleted.
    """
    ordered, deleted = list(dict.fromkeys(names)), 0
    for start in range(0, len(ordered), CHUNK):
        quoted = ("'" + name.replace("'", "''") + "'" for name in ordered[start : start + CHUNK])
        deleted += tables.delete(root, table, f"{name_sql} IN ({', '.join(quoted)})")
    return deleted


def _drop_rows(root: Root, table: str, columns: Sequence[str], keeps: Callable[[Row], bool]) -> int:
    """Rewrites a table without the rows that are not kept; writes nothing if all are.

    :param keeps: decides from these columns of a row.
    :return: rows dropped.
    """

    def kept(batch: pa.RecordBatch) -> pa.RecordBatch:
        return batch.filter(pa.array(map(keeps, batch.select(columns).to_pylist()), pa.bool_()))

    had = tables.count(root, table)
    if had == sum(kept(batch).num_rows for batch in tables.scan(root, table, columns=columns)):
        return 0
    # Few rows at a time, since a page's body may be megabytes.
    return had - tables.replace(root, table, map(kept, tables.scan(root, table, batch_size=64)))
