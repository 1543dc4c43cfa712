"""Deletes a store, with the photos that no other store shows, or a customer."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager
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
    with no_writer(root, store):
        products = tables.read(root, "products", columns=["store", "images"])
        own = pc.equal(products["store"], store)
        others = [Staging(root, other) for other in staged_stores(root) if other != store]
        kept = photo_ids(products.filter(pc.invert(own))).union(*(other.image_ids() for other in others))
        shown = photo_ids(products.filter(own)) | staged_photo_ids(root, store)
        Staging(root, store).discard()
        orphans = shown - kept
        delete_photos(root, orphans)
        for table in BY_STORE:
            tables.delete(root, table, f"store = '{store}'")
    return Purged(products=pc.sum(own).as_py() or 0, images=len(orphans))


@contextmanager
def no_writer(root: Root, *stores: str) -> Iterator[None]:
    """Keeps nights, crawls and embedding from running: a crawl may refer to a photo that is being deleted.

    :param stores: stores that may never have been crawled, and so have no lock yet.
    :raises BusyError: one of them runs.
    """
    known = {lock for lock in root.files.locks() if lock.startswith("crawl-")}
    crawls = known | {f"crawl-{store}" for store in stores}
    with ExitStack() as locks:
        for name in ("nightly", *sorted(crawls), "embed"):
            locks.enter_context(root.lock(name))
        yield


def delete_photos(root: Root, image_ids: Collection[str]) -> None:
    """Deletes photos, and all that says that they are stored."""
    ordered = sorted(image_ids)
    for start in range(0, len(ordered), CHUNK):
        ids = ", ".join(f"'{image_id}'" for image_id in ordered[start : start + CHUNK])
        for table in BY_IMAGE:
            tables.delete(root, table, f"image_id IN ({ids})")


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


def staged_photo_ids(root: Root, store: str) -> set[str]:
    """The photos that a staged crawl refers to; none if its files are damaged."""
    try:
        return Staging(root, store).image_ids()
    except LookalikeError:
        return set()


def photo_ids(products: pa.Table) -> set[str]:
    """The stored photos that products show."""
    images = pc.list_flatten(products["images"])
    return set(pc.struct_field(images, "image_id").drop_null().to_pylist()) if len(images) else set()
