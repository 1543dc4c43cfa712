"""Reads rows of a table by their ids, only from the row groups that hold them.

Statistics cannot tell which row groups hold some hashes, since a thousand hashes fall into every row group's
range. The id column tells it for a thousandth of the bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from storage import delta, tables
from storage.root import Root
from storage.schemas import TABLES

# By default Arrow holds a whole file while it reads it.
_OPTIONS = ds.ParquetFragmentScanOptions(pre_buffer=False)


def scan(
    root: Root,
    table: str,
    ids: pa.Array,
    *,
    key: str,
    columns: Sequence[str],
    batch_size: int,
    where: pc.Expression | None = None,
) -> Iterator[pa.RecordBatch]:
    """The rows with these ids in batches of at most `batch_size`; one row group is held at a time.

    :param ids: values of `key`, in any order.
    :param key: a string column.
    :param columns: which ones to read.
    :param where: a filter on partition columns; only the files it matches are looked at.
    :raises LookalikeError: the table is damaged.
    """
    if not len(ids):
        return
    wanted = pa.schema([TABLES[table].columns.field(name) for name in columns])
    with delta.damage_named(root, table):
        if (dataset := tables._dataset(root, table)) is None:
            return
        fragments = list(dataset.get_fragments(where))
    for fragment, found in _found(root, table, fragments, dataset.schema, key, ids):
        first = 0
        for group in fragment.split_by_row_group() if found.true_count else ():
            rows = group.row_groups[0].num_rows
            mask = found.slice(first, rows)
            first += rows
            if not mask.true_count:
                continue
            with delta.damage_named(root, table):
                read = _read(group, dataset.schema, wanted.names)
            yield from read.filter(mask).cast(wanted).to_batches(max_chunksize=batch_size)


def _read(fragment: ds.Fragment, schema: pa.Schema, columns: list[str]) -> pa.Table:
    return fragment.to_table(schema=schema, columns=columns, fragment_scan_options=_OPTIONS)


def _found(
    root: Root, table: str, fragments: Iterable[ds.Fragment], schema: pa.Schema, key: str, ids: pa.Array
) -> Iterator[tuple[ds.Fragment, pa.BooleanArray]]:
    """Each file with which of its rows have one of the ids.

    Each look-up hashes all ids anew, so files are looked up together, until they hold as many rows.
    """
    together: list[tuple[ds.Fragment, pa.ChunkedArray]] = []
    rows = 0
    for fragment in fragments:
        with delta.damage_named(root, table):
            column = _read(fragment, schema, [key])[key].cast(pa.string())
        together.append((fragment, column))
        rows += len(column)
        if rows >= len(ids):
            yield from _looked_up(together, ids)
            together, rows = [], 0
    yield from _looked_up(together, ids)


def _looked_up(
    together: list[tuple[ds.Fragment, pa.ChunkedArray]], ids: pa.Array
) -> Iterator[tuple[ds.Fragment, pa.BooleanArray]]:
    if not together:
        return
    keys = pa.concat_arrays([chunk for _, column in together for chunk in column.chunks])
    found = pc.is_in(keys, value_set=ids)
    first = 0
    for fragment, column in together:
        yield fragment, found.slice(first, len(column))
        first += len(column)
