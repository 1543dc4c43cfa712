"""Migrations: each turns a data root of one schema version into the next, see `storage.root.MIGRATIONS`.

Each writes in one commit, so that one that was killed either has to run again as if it never had, or finds
its work done and does it once more to the same effect.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import write_deltalake

from storage import delta, tables
from storage.schemas import TABLES

if TYPE_CHECKING:
    from storage.root import Root


def fetches_by_store(root: Root) -> None:
    """1 to 2: `fetches` is keyed by store and address, before by address alone, and lies in a folder a store.

    Of stores that show the same photos at the same addresses, only the last to be crawled had the rows. The
    others get theirs, by what their products show, so that they download no photo again. A row that holds no
    photo is copied to nobody and one without a store is dropped: a page says nothing of what another store
    read of it. Those are asked for again, once.
    """
    with delta.damage_named(root, "fetches"):
        if (opened := delta.load(root, "fetches")) is None:
            return
        spec = TABLES["fetches"]
        stored = delta.dataset(root, "fetches", opened).to_table().select(spec.columns.names)
        rows = stored.cast(spec.columns)
        own = rows.filter(rows["store"].is_valid())
        write_deltalake(
            opened,
            pa.concat_tables([own, _missing(own, rows, _shown(root))]),
            mode="overwrite",
            schema_mode="overwrite",
            partition_by=list(spec.partition_by),
            writer_properties=delta.layout("fetches", rows.nbytes / max(rows.num_rows, 1)),
        )


def _missing(own: pa.Table, rows: pa.Table, shown: pa.Table) -> pa.Table:
    """A row for each photo that a store shows and has none of, copied from the row of its address."""
    photos = rows.filter(rows["image_id"].is_valid()).drop_columns(["store"])
    # One row an address, as it was the key; after a migration that was killed there may be several.
    newest = photos.sort_by("fetched_at").append_column("row", pa.array(range(len(photos)), pa.int64()))
    last = newest.group_by("url").aggregate([("row", "max")])["row_max"]
    lacking = shown.join(own.select(["store", "url"]), keys=["store", "url"], join_type="left anti")
    found = lacking.join(newest.take(last).drop_columns(["row"]), keys="url", join_type="inner")
    return found.select(own.column_names).cast(own.schema)


def _shown(root: Root) -> pa.Table:
    """The photos' addresses of each store's products: `store` and `url`, each pair once."""
    kind = pa.schema([pa.field("store", pa.string()), pa.field("url", pa.string())])
    parts = [kind.empty_table()]
    for batch in tables.scan(root, "products", columns=["store", "images"]):
        images = batch.column("images")
        urls = pc.struct_field(pc.list_flatten(images), "url")
        stores = batch.column("store").take(pc.list_parent_indices(images))
        parts.append(pa.table([stores, urls], schema=kind))
    return pa.concat_tables(parts).drop_null().group_by(["store", "url"]).aggregate([])
