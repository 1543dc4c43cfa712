"""Reading and writing the Delta tables of a data root."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
from deltalake import DeltaTable, WriterProperties, write_deltalake
from deltalake.exceptions import CommitFailedError
from tenacity import (
    before_sleep_log,
    retry,
    retry_if_exception_type,
    stop_after_attempt,
    wait_random_exponential,
)

from storage.root import Root
from storage.schemas import TABLES, TableSpec

Rows: TypeAlias = pa.Table | Sequence[Mapping[str, Any]]

_log = logging.getLogger(__name__)

# Two crawls may commit to one table at once: the loser reads it again and merges into the winner's version.
_retry_conflicts = retry(
    retry=retry_if_exception_type(CommitFailedError),
    wait=wait_random_exponential(multiplier=0.1, max=5),
    stop=stop_after_attempt(12),
    before_sleep=before_sleep_log(_log, logging.INFO),
    reraise=True,
)


# Small row groups let a reader of a few photos pass over the rest; zstd is half of snappy's size on text.
_WRITER = WriterProperties(compression="ZSTD", max_row_group_size=4096)


@dataclass(frozen=True)
class Merged:
    """Rows that a merge inserted and updated."""

    inserted: int
    updated: int


def read(
    root: Root, table: str, *, columns: Sequence[str] | None = None, where: pc.Expression | None = None
) -> pa.Table:
    """A table's rows, in no particular order; none where the table has not been written yet.

    :param columns: which ones; all by default.
    :param where: a filter, see `scan`.
    """
    wanted = _columns(table, columns)
    if where is not None:
        return pa.Table.from_batches(scan(root, table, columns=columns, where=where), schema=wanted)
    dataset = _dataset(root, table)
    return wanted.empty_table() if dataset is None else dataset.to_table(columns=wanted.names).cast(wanted)


def scan(
    root: Root,
    table: str,
    *,
    columns: Sequence[str] | None = None,
    where: pc.Expression | None = None,
    batch_size: int = 1024,
) -> Iterator[pa.RecordBatch]:
    """A table's rows in batches of at most `batch_size`, in constant memory.

    :param columns: which ones; all by default.
    :param where: a filter on columns that are neither bytes nor lists. Partitions that can't match are not
        opened, and of row groups without a match no bytes or lists are read.
    """
    if (dataset := _dataset(root, table)) is None:
        return
    wanted = _columns(table, columns)
    if where is None:
        scanner = dataset.scanner(
            columns=wanted.names, batch_size=batch_size, batch_readahead=2, fragment_readahead=1
        )
        yield from (batch.cast(wanted) for batch in scanner.to_batches() if batch.num_rows)
        return
    for fragment in dataset.get_fragments(filter=where):
        for row_group in fragment.split_by_row_group():
            yield from _matching(row_group, dataset.schema, wanted, where, batch_size)


def version(root: Root, table: str) -> int | None:
    """The table's Delta version; None where it has not been written yet."""
    path = root.table_path(table)
    return DeltaTable(path).version() if DeltaTable.is_deltatable(str(path)) else None


def versions(root: Root) -> dict[str, int]:
    """Delta versions of all tables that have been written."""
    found = {table: version(root, table) for table in TABLES}
    return {table: number for table, number in found.items() if number is not None}


def append(root: Root, table: str, rows: Rows) -> int:
    """Appends rows in one commit, none where there are none.

    :return: rows appended.
    """
    data = _to_table(table, rows)
    if data.num_rows:
        _append(root, table, data)
    return data.num_rows


def merge(root: Root, table: str, rows: Rows) -> Merged:
    """Merges rows by the table's key and its `on_match` rule, in one commit, none where nothing changes.

    Of rows with the same key the last wins. A replaced row keeps the `first_seen` it had.
    """
    data = _last_by_key(_to_table(table, rows), TABLES[table].key)
    if not data.num_rows:
        return Merged(0, 0)
    return _merge(root, table, data)


def delete(root: Root, table: str, where_sql: str) -> int:
    """Deletes the rows that match a SQL predicate.

    :return: rows deleted.
    """
    if version(root, table) is None:
        return 0
    return _delete(root, table, where_sql)


def compact(root: Root) -> dict[str, int]:
    """Joins small files into large ones.

    :return: files removed a table, where any was.
    """
    removed = {table: _compact(root, table) for table in versions(root)}
    return {table: files for table, files in removed.items() if files}


def vacuum(root: Root, *, keep: timedelta = timedelta(days=7)) -> dict[str, int]:
    """Deletes files that no version younger than `keep` needs, orphans of killed writers among them.

    :return: files deleted a table, where any was.
    """
    hours = int(keep.total_seconds() // 3600)
    deleted = {}
    for table in versions(root):
        files = DeltaTable(root.table_path(table)).vacuum(
            retention_hours=hours, dry_run=False, enforce_retention_duration=False, full=True
        )
        deleted[table] = len(files)
    return {table: files for table, files in deleted.items() if files}


def _columns(table: str, columns: Sequence[str] | None) -> pa.Schema:
    schema = TABLES[table].columns
    return schema if columns is None else pa.schema([schema.field(name) for name in columns])


def _dataset(root: Root, table: str) -> ds.Dataset | None:
    if version(root, table) is None:
        return None
    path, spec = root.table_path(table), TABLES[table]
    if not (files := DeltaTable(path).file_uris()):
        return None
    partitions = pa.schema([spec.columns.field(name) for name in spec.partition_by])
    streamed = ds.ParquetFragmentScanOptions(use_buffered_stream=True, pre_buffer=False)
    return ds.dataset(
        files,
        schema=spec.columns,
        format=ds.ParquetFileFormat(default_fragment_scan_options=streamed),
        partitioning=ds.HivePartitioning(partitions),
        partition_base_dir=str(path),
    )


def _matching(
    row_group: ds.Fragment, schema: pa.Schema, wanted: pa.Schema, where: pc.Expression, batch_size: int
) -> Iterator[pa.RecordBatch]:
    """The rows of one row group that match.

    The filter runs on rows in memory, not in the scan: deltalake 1.6 writes strings as string views when it
    merges, and pyarrow 26 refuses to compare a filter with the statistics of those.
    """
    light = [field.name for field in schema if not _is_heavy(field.type)]
    rows = row_group.to_table(schema=schema, columns=light)
    hits = rows.append_column("row", pa.array(np.arange(rows.num_rows))).filter(where)["row"].to_numpy()
    if not len(hits):
        return
    first = 0
    for batch in row_group.to_batches(schema=schema, columns=wanted.names, batch_size=batch_size):
        start, stop = np.searchsorted(hits, [first, first + batch.num_rows])
        if start < stop:
            yield batch.take(pa.array(hits[start:stop] - first)).cast(wanted)
        first += batch.num_rows


def _is_heavy(kind: pa.DataType) -> bool:
    return pa.types.is_binary(kind) or pa.types.is_nested(kind)


def _to_table(table: str, rows: Rows) -> pa.Table:
    schema = TABLES[table].columns
    if isinstance(rows, pa.Table):
        return rows.select(schema.names).cast(schema)
    return pa.Table.from_pylist([dict(row) for row in rows], schema=schema)


def _last_by_key(rows: pa.Table, key: Sequence[str]) -> pa.Table:
    numbered = rows.select(list(key)).append_column("row", pa.array(range(rows.num_rows), pa.int64()))
    last = numbered.group_by(list(key)).aggregate([("row", "max")])["row_max"]
    return rows if len(last) == rows.num_rows else rows.take(last.sort())


def _opened(root: Root, table: str) -> DeltaTable:
    path = root.table_path(table)
    if not DeltaTable.is_deltatable(str(path)):
        spec = TABLES[table]
        path.mkdir(parents=True, exist_ok=True)
        DeltaTable.create(path, spec.columns, mode="ignore", partition_by=list(spec.partition_by))
    return DeltaTable(path)


@_retry_conflicts
def _append(root: Root, table: str, data: pa.Table) -> None:
    write_deltalake(_opened(root, table), data, mode="append", writer_properties=_WRITER)


@_retry_conflicts
def _merge(root: Root, table: str, data: pa.Table) -> Merged:
    spec = TABLES[table]
    merger = _opened(root, table).merge(
        data,
        predicate=" AND ".join(f"stored.{column} = new.{column}" for column in spec.key),
        source_alias="new",
        target_alias="stored",
        writer_properties=_WRITER,
    )
    if spec.on_match != "keep":
        merger = merger.when_matched_update(_updates(spec), predicate=_changed(spec))
    counts = merger.when_not_matched_insert_all().execute()
    return Merged(counts["num_target_rows_inserted"], counts["num_target_rows_updated"])


def _updates(spec: TableSpec) -> dict[str, str]:
    lasting = {*spec.key, *spec.partition_by, "first_seen"}
    return {name: f"new.{name}" for name in spec.columns.names if name not in lasting}


def _changed(spec: TableSpec) -> str | None:
    if spec.on_match == "replace":
        return None
    return (
        "stored.content_hash != new.content_hash OR (stored.removed_at IS NULL) != (new.removed_at IS NULL)"
    )


@_retry_conflicts
def _delete(root: Root, table: str, where_sql: str) -> int:
    return int(DeltaTable(root.table_path(table)).delete(where_sql)["num_deleted_rows"])


@_retry_conflicts
def _compact(root: Root, table: str) -> int:
    return int(
        DeltaTable(root.table_path(table)).optimize.compact(writer_properties=_WRITER)["numFilesRemoved"]
    )
