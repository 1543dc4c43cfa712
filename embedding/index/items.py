"""The items of a generation: everything that a result shows, one row a photo of a product."""

from __future__ import annotations

import hashlib
import mmap
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from embedding.index import columns
from storage import arrow_files
from storage.regular import open_regular
from storage.schemas import MONEY, TIME

FILE = "items.arrow"

CODED = ("store", "brand", "category", "currency", "availability", "thumbnail_shard")
"""Columns of few distinct values, dictionary-encoded: filters look codes up instead of comparing text."""

_ADDED = ("article", "gtin", "sku", "sizes")
"""Columns that generations of earlier releases lack."""

_COMPLETE = (
    *("image_id", "store", "product_id", "thumbnail_shard", "thumbnail_row"),
    *("position", "product", "article"),
)
"""Columns without nulls."""

_UNCOUNTED = ("seen", "thumbnail_shard", "thumbnail_row")
"""Columns whose changes need no new generation."""

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
        pa.field("article", pa.int32()),
        pa.field("gtin", pa.string()),
        pa.field("sku", pa.string()),
        pa.field("sizes", pa.list_(pa.string())),
    ]
)


def digest(items: pa.Table) -> str:
    """sha256, hexadecimal, of the rows without `_UNCOUNTED`."""
    sink = _HashSink()
    counted = items.drop_columns(list(_UNCOUNTED))
    with pa.ipc.new_stream(pa.PythonFile(sink, "w"), counted.schema) as writer:
        writer.write_table(counted)
    return sink.sha256.hexdigest()


def with_thumbnails(items: pa.Table, places: pa.Table) -> pa.Table:
    """Adds the locations of thumbnails, and drops rows without one.

    :param places: as `storage.thumbnails.locate` gives them.
    """
    found = pc.index_in(items["image_id"], value_set=whole(places["image_id"]))
    for name in ("thumbnail_shard", "thumbnail_row"):
        at = items.schema.get_field_index(name)
        items = items.set_column(at, name, whole(places[name].take(found)))
    return items.filter(pc.is_valid(found))


def renumbered(items: pa.Table) -> pa.Table:
    """Numbers products from 0 without gaps again, after rows were dropped."""
    dense = np.unique(items["product"].to_numpy(), return_inverse=True)[1]
    return items.set_column(items.schema.get_field_index("product"), "product", pa.array(dense, pa.int32()))


def write(items: pa.Table, file: Path) -> None:
    """Writes rows as one Arrow IPC file to be memory-mapped; equal rows give equal bytes."""
    for name in CODED:
        at = items.schema.get_field_index(name)
        items = items.set_column(at, name, _coded(whole(items[name])))
    with pa.OSFile(str(file), "wb") as sink, pa.ipc.new_file(sink, items.schema) as writer:
        writer.write_table(items.combine_chunks())


def read(file: Path) -> pa.Table:
    """The rows of a generation, memory-mapped.

    :raises OSError: the file cannot be read, or is no regular file.
    :raises ValueError: it holds no table.
    """
    with open_regular(file) as stream:
        mapped = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
    return arrow_files.read(pa.py_buffer(mapped))


def check(items: pa.Table, products: int) -> None:
    """Validates every value of rows from an untrusted source.

    :param products: how many they have to be of.
    :raises ValueError: a column is missing or of another type, or a value is none that a build writes.
    """
    arrow_files.check(items)
    for field in SCHEMA:
        if field.name not in items.column_names:
            if field.name in _ADDED:
                continue
            raise ValueError(f"the column '{field.name}' is missing")
        column = items[field.name]
        type_ = pa.dictionary(pa.int32(), field.type) if field.name in CODED else field.type
        if column.type != type_ or column.num_chunks != 1:
            raise ValueError(f"the column '{field.name}' holds {column.type}, not {type_}")
        if column.null_count and (field.name in _COMPLETE or field.name in CODED):
            raise ValueError(f"the column '{field.name}' has gaps")
    numbers = np.unique(columns.integers(items["product"]))
    if len(numbers) != products or (products and (numbers[0] != 0 or numbers[-1] != products - 1)):
        raise ValueError(f"it is not of {products} products")
    articles = columns.integers(items["article"]) if "article" in items.column_names else numbers
    if len(articles) and not 0 <= articles.min() <= articles.max() < products:
        raise ValueError("an article is no product")


def whole(column: pa.ChunkedArray | pa.Array) -> pa.Array:
    """A column as one array."""
    if isinstance(column, pa.Array):
        return column
    joined = column.combine_chunks()
    return pa.concat_arrays(joined.chunks) if isinstance(joined, pa.ChunkedArray) else joined


def _coded(column: pa.Array) -> pa.DictionaryArray:
    """A column dictionary-encoded, nulls too."""
    coded = pc.dictionary_encode(column, null_encoding="encode")
    # Arrow leaves the last bits of the bitmap that says which value is null as they were in memory; values
    # that are put together anew have them zero.
    known = pa.array(coded.dictionary.to_pylist(), coded.dictionary.type)
    return pa.DictionaryArray.from_arrays(coded.indices, known)


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
