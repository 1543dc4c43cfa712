"""Products that a store shows under new addresses, as after a redesign, keep their identity and history."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from scrapers.session.crawl_stats import missing
from scrapers.session.job import Job
from scrapers.session.product_addresses import fold
from scrapers.session.rows import BOOKKEEPING, Row, content_hash
from scrapers.session.snapshot import of_store
from storage import tables


def keep_moved(job: Job) -> dict[str, str]:
    """Finds products that moved to a new address, and has what was read of them be of the stored products.

    :return: the ids they were read under, and those they keep.
    """
    memory, found = job.memory, job.ledger.found
    lost = [one for one in missing(found, memory.products) if one in memory.before]
    if job.ledger.loss(memory) <= 1 - job.store.limits.suspicious_below:
        # Each was asked for at its own address: whoever is still there has not moved.
        lost = [one for one in lost if one in job.ledger.gone | job.ledger.redirected]
    new = {one for one in found if one in memory.products and one not in memory.before}
    if not lost or not new:
        return {}
    read = {row["product_id"]: row for row in _staged(job) if row["product_id"] in new}
    moved = match(_stored(job, set(lost)), read.values())
    job.staging.add_moved(job.crawl_id, moved, datetime.now(UTC))
    rows = [_kept(read[one], stored, job) for one, stored in moved.items()]
    job.staging.add(job.crawl_id, "products", rows)
    for (one, stored), row in zip(moved.items(), rows, strict=True):
        found[stored] = found.pop(one)
        job.ledger.gone.discard(stored)
        memory.products[stored] = replace(
            memory.products.pop(one), content_hash=row["content_hash"], first_seen=row["first_seen"]
        )
        for product_id, variant in [key for key in memory.offers if key[0] == one]:
            memory.offers[stored, variant] = memory.offers.pop((product_id, variant))
    memory.moved |= moved
    return moved


def match(lost: Collection[Row], new: Collection[Row]) -> dict[str, str]:
    """Which new products are which lost ones: by GTIN, by SKU and brand, by title and a photo.

    What several on one side share tells none of them from the others.

    :param lost: rows of `products`, at least with what tells them from others; `new` the same.
    :return: the new ids and the lost ones.
    """
    found: dict[str, str] = {}
    for keys in (_by_gtin, _by_sku, _by_photo):
        olds = _unique([row for row in lost if row["product_id"] not in {*found.values()}], keys)
        for key, one in _unique([row for row in new if row["product_id"] not in found], keys).items():
            if key in olds and one not in found and olds[key] not in found.values():
                found[one] = olds[key]
    return found


def _by_gtin(row: Row) -> Iterator[Hashable]:
    if row["gtin"]:
        yield row["gtin"]


def _by_sku(row: Row) -> Iterator[Hashable]:
    if row["sku"] and row["brand"]:
        yield fold(row["brand"]), row["sku"]


def _by_photo(row: Row) -> Iterator[Hashable]:
    for image_id in {image["image_id"] for image in row["images"] or ()} - {None}:
        yield fold(row["title"]), image_id


def _unique(rows: Collection[Row], keys: Callable[[Row], Iterator[Hashable]]) -> dict[Hashable, str]:
    """The product of each key that only one has."""
    owners: dict[Hashable, set[str]] = {}
    for row in rows:
        for key in keys(row):
            owners.setdefault(key, set()).add(row["product_id"])
    return {key: next(iter(ids)) for key, ids in owners.items() if len(ids) == 1}


def _stored(job: Job, ids: set[str]) -> list[Row]:
    columns = ["product_id", "title", "brand", "gtin", "sku", "images"]
    stored = tables.scan(job.root, "products", columns=columns, where=of_store(job.store.name))
    return [row for batch in stored for row in batch.to_pylist() if row["product_id"] in ids]


def _staged(job: Job) -> Iterator[Row]:
    for rows in job.staging.rows("products"):
        yield from rows.to_pylist()


def _kept(row: Mapping[str, Any], stored: str, job: Job) -> Row:
    """The row of a product that keeps its id, as the next crawl will make it."""
    row = {**row, "product_id": stored, "first_seen": job.memory.before[stored].first_seen}
    return {**row, "content_hash": content_hash({name: row[name] for name in row.keys() - BOOKKEEPING})}
