"""Filters files whose strings are stored as Arrow views.

delta-rs writes `string_view` when it merges, deletes or compacts. Arrow casts it on reading, but a filter
fails on the statistics of such a file ("no kernel matching input types (string, string_view)"). So these
files are filtered here after the cast, one row group at a time: the columns of the filter are read first, the
others only if a row matches.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

# By default Arrow holds a whole file while it reads it.
_OPTIONS = ds.ParquetFragmentScanOptions(pre_buffer=False)

_AT_ONCE = 8
"""Files whose schemas are read at the same time; in a bucket each takes a request."""

_ROW = "row number"
"""The name of a column that no table has."""


def to_table(dataset: ds.FileSystemDataset, columns: Sequence[str], where: pc.Expression) -> pa.Table:
    """The rows of a dataset that match a filter, with or without view types.

    :param dataset: with a schema without view types.
    """
    plain, viewed = split(dataset, where)
    found = plain.to_table(columns=list(columns), filter=where)
    return pa.concat_tables([found, *filtered(viewed, dataset.schema, columns, where)])


def split(dataset: ds.FileSystemDataset, where: pc.Expression) -> tuple[ds.Dataset, list[ds.Fragment]]:
    """The files that Arrow can filter, as a dataset, and the files with view types.

    Files without a matching row, by the Delta log's partitions and statistics, are in neither.
    """
    fragments = list(dataset.get_fragments(where))
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        views = list(pool.map(_has_views, fragments))
    plain = list(itertools.compress(fragments, (not holds for holds in views)))
    viewed = list(itertools.compress(fragments, views))
    return ds.FileSystemDataset(plain, dataset.schema, dataset.format, dataset.filesystem), viewed


def filtered(
    fragments: Sequence[ds.Fragment], schema: pa.Schema, columns: Sequence[str], where: pc.Expression
) -> Iterator[pa.Table]:
    """The rows of files that match a filter, one row group at a time.

    :param schema: the table's schema, without view types.
    :param columns: names of the columns to return.
    """
    needed = _columns_of(where, schema)
    for fragment in fragments:
        for group in fragment.split_by_row_group():
            keys = _read(group, schema, needed)
            rows = keys.append_column(_ROW, pa.array(range(len(keys)), pa.int64())).filter(where)[_ROW]
            if len(rows):
                yield _read(group, schema, columns).take(rows)


def _read(fragment: ds.Fragment, schema: pa.Schema, columns: Sequence[str]) -> pa.Table:
    return fragment.to_table(schema=schema, columns=list(columns), fragment_scan_options=_OPTIONS)


def _columns_of(where: pc.Expression, schema: pa.Schema) -> list[str]:
    """The columns that a filter uses: without one of them it cannot be applied."""
    empty = schema.empty_table()

    def needs(name: str) -> bool:
        try:
            empty.drop_columns([name]).filter(where)
        except pa.ArrowInvalid:
            return True
        return False

    return [name for name in schema.names if needs(name)]


def _has_views(fragment: ds.Fragment) -> bool:
    return any(_holds_views(field.type) for field in fragment.physical_schema)


def _holds_views(kind: pa.DataType) -> bool:
    if pa.types.is_string_view(kind) or pa.types.is_binary_view(kind):
        return True
    return any(_holds_views(kind.field(place).type) for place in range(kind.num_fields))
