"""Forgets a store: its products and everything read from it, and the photos that no other store shows."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from storage import tables
from storage.root import Root

BY_STORE = ("products", "offers", "pages", "fetches", "rejects", "crawls", "recommendations")
# What says that a photo is stored goes before it: a kill in between must leave nothing that says so falsely.
BY_IMAGE = ("fetches", "images", "embeddings", "predictions")
# Ids in one delete statement; each is 64 characters, and the statement is parsed as a whole.
CHUNK = 2000


@dataclass(frozen=True)
class Purged:
    """What was deleted: products, and photos that no other store's product shows."""

    products: int
    images: int


def purge_store(root: Root, store: str) -> Purged:
    """Deletes all that was read from a store. The published generation stays until the next one is built.

    :param store: a store's name, which the settings hold to `[a-z0-9][a-z0-9.-]*`.
    :raises BusyError: where a store is being crawled, or photos are being embedded.
    """
    with ExitStack() as held:
        # Another store's crawl may be about to name a photo that only this store's products name so far.
        crawls = {f"crawl-{store}", *(lock for lock in root.files.locks() if lock.startswith("crawl-"))}
        for name in ("nightly", *sorted(crawls), "embed"):
            held.enter_context(root.lock(name))
        products = tables.read(root, "products", columns=["store", "images"])
        own = pc.equal(products["store"], store)
        orphans = sorted(_image_ids(products.filter(own)) - _image_ids(products.filter(pc.invert(own))))
        for start in range(0, len(orphans), CHUNK):
            ids = ", ".join(f"'{image_id}'" for image_id in orphans[start : start + CHUNK])
            for table in BY_IMAGE:
                tables.delete(root, table, f"image_id IN ({ids})")
        for table in BY_STORE:
            tables.delete(root, table, f"store = '{store}'")
    return Purged(products=pc.sum(own).as_py() or 0, images=len(orphans))


def _image_ids(products: pa.Table) -> set[str]:
    images = pc.list_flatten(products["images"])
    return set(pc.struct_field(images, "image_id").drop_null().to_pylist()) if len(images) else set()
