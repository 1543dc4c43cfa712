"""Recognises products at new addresses, as after a redesign, so that they keep their ids and history."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from scrapers.session.crawl_stats import missing_products
from scrapers.session.job import Job
from scrapers.session.product_addresses import fold
from scrapers.session.rows import BOOKKEEPING, Row, content_hash
from scrapers.session.snapshot import of_store
from storage import tables


def keep_identity_of_moved(job: Job) -> dict[str, str]:
    """Finds products that moved to a new address, and stores what was read of them under their old ids.

    :return: for each id that was read, the stored id that the product keeps.
    """
    snapshot, found = job.snapshot, job.stats.found
    stored = snapshot.stored_products
    lost = [product_id for product_id in missing_products(found, snapshot.products) if product_id in stored]
    if job.stats.loss(snapshot) <= 1 - job.store.limits.suspicious_below:
        # Each was requested at its own address: a product that is still there has not moved.
        lost = [product_id for product_id in lost if product_id in job.stats.gone | job.stats.redirected]
    new = {product_id for product_id in found if product_id in snapshot.products and product_id not in stored}
    if not lost or not new:
        return {}
    read = {row["product_id"]: row for row in _staged_rows(job) if row["product_id"] in new}
    moved = match_products(_stored_rows(job, set(lost)), read.values())
    job.staging.add_moved(job.crawl_id, moved, datetime.now(UTC))
    rows = [_row_with_stored_id(read[new_id], old_id, job) for new_id, old_id in moved.items()]
    job.staging.add(job.crawl_id, "products", rows)
    for (new_id, old_id), row in zip(moved.items(), rows, strict=True):
        found[old_id] = found.pop(new_id)
        job.stats.gone.discard(old_id)
        snapshot.products[old_id] = replace(
            snapshot.products.pop(new_id), content_hash=row["content_hash"], first_seen=row["first_seen"]
        )
        for product_id, variant in [key for key in snapshot.offers if key[0] == new_id]:
            snapshot.offers[old_id, variant] = snapshot.offers.pop((product_id, variant))
    snapshot.moved |= moved
    return moved


def match_products(lost: Collection[Row], new: Collection[Row]) -> dict[str, str]:
    """Matches new products with lost ones: by GTIN, by SKU and brand, by title and a photo.

    A value that several products of one side share matches nothing.

    :param lost: rows of `products` with at least id, title, brand, GTIN, SKU and images; `new` the same.
    :return: for each new id that matches, the lost id.
    """
    matched: dict[str, str] = {}
    for keys in (_by_gtin, _by_sku, _by_photo):
        lost_ids = _unique([row for row in lost if row["product_id"] not in {*matched.values()}], keys)
        new_ids = _unique([row for row in new if row["product_id"] not in matched], keys)
        for key, new_id in new_ids.items():
            if key in lost_ids and new_id not in matched and lost_ids[key] not in matched.values():
                matched[new_id] = lost_ids[key]
    return matched


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
    """The product of each key that only one product has."""
    owners: dict[Hashable, set[str]] = {}
    for row in rows:
        for key in keys(row):
            owners.setdefault(key, set()).add(row["product_id"])
    return {key: next(iter(ids)) for key, ids in owners.items() if len(ids) == 1}


def _stored_rows(job: Job, ids: set[str]) -> list[Row]:
    columns = ["product_id", "title", "brand", "gtin", "sku", "images"]
    stored = tables.scan(job.root, "products", columns=columns, where=of_store(job.store.name))
    return [row for batch in stored for row in batch.to_pylist() if row["product_id"] in ids]


def _staged_rows(job: Job) -> Iterator[Row]:
    for rows in job.staging.rows("products"):
        yield from rows.to_pylist()


def _row_with_stored_id(row: Mapping[str, Any], stored_id: str, job: Job) -> Row:
    """A product's row under the id that it keeps, as the next crawl will make it."""
    first_seen = job.snapshot.stored_products[stored_id].first_seen
    row = {**row, "product_id": stored_id, "first_seen": first_seen}
    return {**row, "content_hash": content_hash({name: row[name] for name in row.keys() - BOOKKEEPING})}
