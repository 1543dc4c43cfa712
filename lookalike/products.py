"""The products of a generation and the observed offers, as tables."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from embedding.index import columns, items
from embedding.index.filters import Filters
from lookalike.generation import OpenGeneration
from lookalike.lazy_table import LazyTable
from storage import tables
from storage.root import Root
from storage.schemas import TABLES

SCHEMA = pa.schema(
    items.SCHEMA.field(name)
    for name in (
        *("store", "product_id", "title", "brand", "category", "colours", "price", "price_max", "was_price"),
        *("currency", "availability", "url", "image_url", "image_id", "gtin", "sku", "first_seen", "seen"),
    )
)
"""Columns of `Shop.products`; `image_url`, `image_id` and `colours` are those of the main photo."""


def products(published: OpenGeneration, filters: Filters) -> LazyTable:
    """The products that pass: one passes where any of its photos does, since photos may differ in colour.

    :raises InputError: a filter that no product can pass.
    """
    mask = published.mask(filters)
    numbered = published.index.products
    numbers = np.unique(numbered if mask is None else numbered[mask])

    def read(names: Sequence[str], where: pc.Expression | None) -> pa.Table:
        rows = columns.row_numbers(np.array([published.main_row(int(one)) for one in numbers], np.int64))
        stored = published.index.items
        known = stored.select([name for name in SCHEMA.names if name in stored.column_names]).take(rows)
        table = pa.table(
            {
                field.name: known[field.name].cast(field.type)
                if field.name in known.column_names
                else pa.nulls(len(rows), field.type)
                for field in SCHEMA
            },
            SCHEMA,
        )
        return (table if where is None else table.filter(where)).select(names)

    return LazyTable(SCHEMA, read, warning=published.left_out(filters) or None)


def offers(root: Root) -> LazyTable:
    """The table `offers`, read in parts as its statistics allow."""

    def read(names: Sequence[str], where: pc.Expression | None) -> pa.Table:
        return tables.read(root, "offers", columns=names, where=where)

    return LazyTable(TABLES["offers"].columns, read)
