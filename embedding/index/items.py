"""The rows of a generation: everything a result shows, one row a photo of a product."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from storage import tables
from storage.root import Root
from storage.schemas import MONEY, TIME

FILE = "items.arrow"

CODED = ("store", "brand", "category", "currency", "availability", "thumbnail_shard")
"""Columns of few distinct values, dictionary-encoded: filters look codes up instead of comparing text."""

_FROM_PRODUCT = (
    *("store", "product_id", "title", "brand", "category", "colours", "url"),
    *("price", "price_max", "was_price", "currency", "availability", "first_seen"),
)
_UNCOUNTED = ("seen", "thumbnail_shard", "thumbnail_row")
"""Columns that change without the catalogue changing, for which no new generation is needed."""

SCHEMA = pa.schema(
    [
        pa.field("image_id", pa.string()),
        pa.field("store", pa.string()),
        pa.field("product_id", pa.string()),
        pa.field("title", pa.string()),
        pa.field("brand", pa.string()),
        pa.field("category", pa.string()),
        pa.field("colours", pa.list_(pa.string())),
        pa.field("price", MONEY),
        pa.field("price_max", MONEY),
        pa.field("was_price", MONEY),
        pa.field("currency", pa.string()),
        pa.field("availability", pa.string()),
        pa.field("url", pa.string()),
        pa.field("image_url", pa.string()),
        pa.field("seen", TIME),
        pa.field("first_seen", TIME),
        pa.field("thumbnail_shard", pa.string()),
        pa.field("thumbnail_row", pa.int32()),
        pa.field("position", pa.int32()),
        pa.field("product", pa.int32()),
    ]
)


def collect(root: Root, image_ids: pa.Array) -> pa.Table:
    """The rows of a generation, but for their thumbnails.

    `colours` are those of the photo where the store says which colour it shows, else the product's. `seen` is
    the end of the store's last complete crawl, null before the first. `position` is the photo's place in its
    product, `product` numbers the distinct products from 0.

    :param image_ids: the photos that have a vector; others get no row.
    :return: rows of `SCHEMA`, sorted by (image_id, store, product_id), the thumbnail columns null.
    """
    products = tables.read(
        root, "products", columns=[*_FROM_PRODUCT, "images"], where=pc.field("removed_at").is_null()
    ).combine_chunks()
    products = products.sort_by([("store", "ascending"), ("product_id", "ascending")]).combine_chunks()
    lists = _array(products["images"])
    photos = pc.list_flatten(lists)
    rows = pa.table(
        {
            "image_id": pc.struct_field(photos, "image_id"),
            "position": pc.struct_field(photos, "position"),
            "image_url": pc.struct_field(photos, "url"),
            "image_colour": pc.struct_field(photos, "colour"),
            "parent": pc.cast(pc.list_parent_indices(lists), pa.int64()),
        }
    )
    rows = rows.filter(pc.is_in(rows["image_id"], value_set=image_ids))
    # Products are sorted, so a parent's number sorts like (store, product_id).
    rows = rows.sort_by([("image_id", "ascending"), ("parent", "ascending"), ("position", "ascending")])
    rows = _first_of_each(rows)
    parents = rows["parent"].to_numpy()
    columns = {name: _array(products[name].take(rows["parent"])) for name in _FROM_PRODUCT}
    columns["colours"] = _colours(_array(rows["image_colour"]), columns["colours"])
    columns["seen"] = _seen(root, columns["store"])
    columns |= {name: _array(rows[name]) for name in ("image_id", "image_url", "position")}
    columns["product"] = pa.array(np.unique(parents, return_inverse=True)[1], pa.int32())
    columns["thumbnail_shard"] = pa.nulls(len(rows), pa.string())
    columns["thumbnail_row"] = pa.nulls(len(rows), pa.int32())
    return pa.table({name: columns[name] for name in SCHEMA.names}, SCHEMA)


def digest(items: pa.Table) -> str:
    """sha256, hexadecimal, of what rows say about the catalogue; not of when it was last seen to be so."""
    sink = _HashSink()
    counted = items.drop_columns(list(_UNCOUNTED))
    with pa.ipc.new_stream(pa.PythonFile(sink, "w"), counted.schema) as writer:
        writer.write_table(counted)
    return sink.sha256.hexdigest()


def with_thumbnails(items: pa.Table, places: pa.Table) -> pa.Table:
    """Rows with the place of their thumbnails; those without a thumbnail are left out.

    :param places: as `storage.thumbnails.locate` gives them.
    """
    found = pc.index_in(items["image_id"], value_set=_array(places["image_id"]))
    for name in ("thumbnail_shard", "thumbnail_row"):
        at = items.schema.get_field_index(name)
        items = items.set_column(at, name, _array(places[name].take(found)))
    return items.filter(pc.is_valid(found))


def renumbered(items: pa.Table) -> pa.Table:
    """Rows whose products are numbered from 0 without gaps again, after some rows were left out."""
    dense = np.unique(items["product"].to_numpy(), return_inverse=True)[1]
    return items.set_column(items.schema.get_field_index("product"), "product", pa.array(dense, pa.int32()))


def write(items: pa.Table, file: Path) -> None:
    """Writes rows as one Arrow IPC file to be memory-mapped."""
    for name in CODED:
        at = items.schema.get_field_index(name)
        items = items.set_column(at, name, pc.dictionary_encode(_array(items[name])))
    with pa.OSFile(str(file), "wb") as sink, pa.ipc.new_file(sink, items.schema) as writer:
        writer.write_table(items.combine_chunks())


def read(file: Path) -> pa.Table:
    """The rows of a generation, memory-mapped."""
    with pa.memory_map(str(file)) as source:
        return pa.ipc.open_file(source).read_all()


def _first_of_each(rows: pa.Table) -> pa.Table:
    """Of sorted rows, the first of each (image_id, parent): a product may show the same photo twice."""
    if len(rows) < 2:
        return rows
    earlier, later = rows.slice(0, len(rows) - 1), rows.slice(1)
    new = pc.or_(
        pc.not_equal(later["image_id"], earlier["image_id"]), pc.not_equal(later["parent"], earlier["parent"])
    )
    return rows.filter(pa.chunked_array([pa.array([True]), *new.chunks]))


def _colours(of_photo: pa.Array, of_product: pa.Array) -> pa.Array:
    single = pa.ListArray.from_arrays(pa.array(range(len(of_photo) + 1), pa.int32()), of_photo)
    return pc.if_else(pc.is_valid(of_photo), single, of_product)


def _seen(root: Root, stores: pa.Array) -> pa.Array:
    crawls = tables.read(
        root, "crawls", columns=["store", "ended_at"], where=pc.field("status") == "complete"
    )
    last = crawls.group_by("store", use_threads=False).aggregate([("ended_at", "max")])
    return _array(last["ended_at_max"].take(pc.index_in(stores, value_set=_array(last["store"]))))


def _array(column: pa.ChunkedArray | pa.Array) -> pa.Array:
    """A column as one array."""
    if isinstance(column, pa.Array):
        return column
    joined = column.combine_chunks()
    return pa.concat_arrays(joined.chunks) if isinstance(joined, pa.ChunkedArray) else joined


class _HashSink:
    """A file to Arrow; keeps only the sha256 of what is written."""

    closed = False

    def __init__(self) -> None:
        self.sha256 = hashlib.sha256()

    def write(self, data: bytes) -> int:
        self.sha256.update(data)
        return len(data)

    def flush(self) -> None:
        """Nothing waits."""

    def close(self) -> None:
        """Nothing is open."""
