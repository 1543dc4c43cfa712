"""Migrations from one schema version of a data root to the next, see `storage.root.MIGRATIONS`.

Each migration writes one commit and is idempotent, so that it can run again after a kill.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import Field, write_deltalake
from deltalake.schema import PrimitiveType

from storage import delta, tables
from storage.delta import TableRoot
from storage.schemas import TABLES


def fetches_by_store(root: TableRoot) -> None:
    """1 to 2: the key of `fetches` becomes store and address instead of address, partitioned by store.

    If stores show the same photos at the same addresses, only the store crawled last had the rows. The others
    get copies for the photos that their products show, so that no photo is downloaded again. Rows of pages
    are not copied, and rows without a store are dropped, because a page read for one store says nothing about
    another. Those pages are requested again, once.
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


def failure_of_crawls(root: TableRoot) -> None:
    """2 to 3: `crawls` gets the column `failure`, which is null in the rows that it has."""
    with delta.damage_named(root, "crawls"):
        if (opened := delta.load(root, "crawls")) is None:
            return
        if "failure" not in {field.name for field in opened.schema().fields}:
            opened.alter.add_columns([Field("failure", PrimitiveType("string"))])


def _missing(own: pa.Table, rows: pa.Table, shown: pa.Table) -> pa.Table:
    """A row for each photo that a store shows without a row of its own, copied from its address's row."""
    photos = rows.filter(rows["image_id"].is_valid()).drop_columns(["store"])
    # The address was the key, so there is one row each; after a killed migration there may be several.
    newest = photos.sort_by("fetched_at").append_column("row", pa.array(range(len(photos)), pa.int64()))
    last = newest.group_by("url").aggregate([("row", "max")])["row_max"]
    lacking = shown.join(own.select(["store", "url"]), keys=["store", "url"], join_type="left anti")
    found = lacking.join(newest.take(last).drop_columns(["row"]), keys="url", join_type="inner")
    return found.select(own.column_names).cast(own.schema)


def _shown(root: TableRoot) -> pa.Table:
    """The addresses of photos that each store's products show: distinct `store` and `url`."""
    kind = pa.schema([pa.field("store", pa.string()), pa.field("url", pa.string())])
    parts = [kind.empty_table()]
    for batch in tables.scan(root, "products", columns=["store", "images"]):
        images = batch.column("images")
        urls = pc.struct_field(pc.list_flatten(images), "url")
        stores = batch.column("store").take(pc.list_parent_indices(images))
        parts.append(pa.table([stores, urls], schema=kind))
    return pa.concat_tables(parts).drop_null().group_by(["store", "url"]).aggregate([])
