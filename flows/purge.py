"""Deletes a store, with the photos that no other store shows, or a customer."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from flows.config import Config
from storage import rebuild, tables
from storage.errors import InputError, LookalikeError
from storage.root import Root
from storage.schemas import TABLES
from storage.staging import Staging, staged_stores

BY_STORE = ("products", "offers", "pages", "fetches", "rejects", "crawls", "recommendations")
# Rows that say a photo is stored are deleted before the photo, so that a kill leaves no false ones.
BY_IMAGE = ("fetches", "images", "embeddings", "predictions")
# Ids in one delete statement; each is 64 characters, and the statement is parsed as a whole.
CHUNK = 2000


@dataclass(frozen=True)
class Purged:
    """What was deleted.

    :ivar products: products of the store.
    :ivar images: photos that no product of another store shows.
    """

    products: int
    images: int


def purge_store(root: Root, store: str) -> Purged:
    """Deletes everything that was read from a store. The published generation stays until the next is built.

    :param store: a store's name, which the settings hold to `[a-z0-9][a-z0-9.-]*`.
    :raises BusyError: where a store is being crawled, or photos are being embedded.
    """
    with ExitStack() as locks:
        # No crawl may run: it could refer to a photo that only this store's products show so far.
        crawls = {f"crawl-{store}", *(lock for lock in root.files.locks() if lock.startswith("crawl-"))}
        for name in ("nightly", *sorted(crawls), "embed"):
            locks.enter_context(root.lock(name))
        products = tables.read(root, "products", columns=["store", "images"])
        own = pc.equal(products["store"], store)
        others = [Staging(root, other) for other in staged_stores(root) if other != store]
        kept = _image_ids(products.filter(pc.invert(own))).union(*(other.image_ids() for other in others))
        shown = _image_ids(products.filter(own)) | _staged_image_ids(root, store)
        Staging(root, store).discard()
        orphans = sorted(shown - kept)
        for start in range(0, len(orphans), CHUNK):
            ids = ", ".join(f"'{image_id}'" for image_id in orphans[start : start + CHUNK])
            for table in BY_IMAGE:
                tables.delete(root, table, f"image_id IN ({ids})")
        for table in BY_STORE:
            tables.delete(root, table, f"store = '{store}'")
    return Purged(products=pc.sum(own).as_py() or 0, images=len(orphans))


def drop_staged(config: Config, store: str) -> None:
    """Drops the staged crawl of a store, if there is one.

    :raises BusyError: where the store is being crawled.
    """
    try:
        root = config.open_root()
    except InputError:
        return  # nothing was crawled yet
    if staging := Staging(root, store):
        with root.lock(f"crawl-{store}"):
            staging.discard()


def purge_customer(root: Root, customer: str) -> int:
    """Deletes a customer from every table that names customers, and those tables' earlier versions.

    Of these tables, also the damaged files that a repair moved aside are deleted, whoever stands in them.

    The purchases file is the user's own and is not touched.

    :return: rows deleted; none where nothing was stored.
    :raises InputError: no customer is named.
    :raises BusyError: where recommendations are being written, or the tables' upkeep runs.
    """
    if not customer.strip():
        raise InputError("The customer's id is empty. Give the id to forget.")
    quoted = "'" + customer.replace("'", "''") + "'"
    named = [table for table, spec in TABLES.items() if "customer" in spec.columns.names]
    with root.lock("recommend"), root.lock("maintain"):
        deleted = sum(tables.delete(root, table, f"customer = {quoted}") for table in named)
        for table in named:  # always: a purge that was killed has deleted the rows, but not the history
            tables.forget_history(root, table)
            rebuild.forget(root, table)
    return deleted


def _staged_image_ids(root: Root, store: str) -> set[str]:
    """The photos that a staged crawl refers to; none if its files are damaged."""
    try:
        return Staging(root, store).image_ids()
    except LookalikeError:
        return set()


def _image_ids(products: pa.Table) -> set[str]:
    images = pc.list_flatten(products["images"])
    return set(pc.struct_field(images, "image_id").drop_null().to_pylist()) if len(images) else set()
