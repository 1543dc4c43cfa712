"""Reading and writing the Delta tables of a data root."""

from __future__ import annotations

import functools
import math
import operator
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
from deltalake import DeltaTable, WriterProperties, write_deltalake
from deltalake.exceptions import CommitFailedError

from storage import delta, view_types
from storage.delta import TableRoot
from storage.errors import BusyError
from storage.rows import Rows, fit_to_schema, last_by_key, without_stored
from storage.schemas import TABLES, TableSpec

_FULL_FILE_BYTES = 100 * 2**20  # what compaction makes of small files
_ROW_BYTES = 100  # of a table that holds no rows yet: those of `recommendations`


@dataclass(frozen=True)
class Merged:
    """Rows that a merge inserted and updated."""

    inserted: int
    updated: int


def read(
    root: TableRoot, table: str, *, columns: Sequence[str] | None = None, where: pc.Expression | None = None
) -> pa.Table:
    """A table's rows, in no particular order; none if the table has not been written yet.

    :param columns: names of columns; all by default.
    :param where: a filter. On partition columns it reads only matching files, on keys only matching row
        groups.
    :raises LookalikeError: the table is damaged.
    """
    wanted = _columns(table, columns)
    with delta.damage_named(root, table):
        if (dataset := _dataset(root, table)) is None:
            return wanted.empty_table()
        if where is None:
            return dataset.to_table(columns=wanted.names).cast(wanted)
        return view_types.to_table(dataset, wanted.names, where).cast(wanted)


def scan(
    root: TableRoot,
    table: str,
    *,
    columns: Sequence[str] | None = None,
    where: pc.Expression | None = None,
    batch_size: int = 1024,
) -> Iterator[pa.RecordBatch]:
    """A table's rows in batches of at most `batch_size`, in constant memory.

    :raises LookalikeError: the table is damaged.
    """
    wanted = _columns(table, columns)
    with delta.damage_named(root, table):
        if (dataset := _dataset(root, table)) is None:
            return
    batches = _batches(dataset, wanted.names, where, batch_size)
    while (batch := _next(root, table, batches)) is not None:
        if batch.num_rows:
            yield batch.cast(wanted)


def version(root: TableRoot, table: str) -> int | None:
    """The table's Delta version; None if it has not been written yet.

    :raises LookalikeError: the table is damaged.
    """
    with delta.damage_named(root, table):
        found = delta.load(root, table)
        return None if found is None else found.version()


def versions(root: TableRoot) -> dict[str, int]:
    """Delta versions of all tables that have been written."""
    found = {table: version(root, table) for table in TABLES}
    return {table: number for table, number in found.items() if number is not None}


def append(root: TableRoot, table: str, rows: Rows) -> int:
    """Appends rows in one commit; makes no commit without rows.

    :return: rows appended.
    :raises ValueError: a row does not fit the table's columns.
    :raises BusyError: too many processes write to the table at once.
    """
    data = fit_to_schema(table, rows)
    if data.num_rows:
        _append(root, table, data)
    return data.num_rows


def merge(root: TableRoot, table: str, rows: Rows) -> Merged:
    """Merges rows by the table's key and its `on_match` rule, in one commit; none if nothing changes.

    Of rows with the same key the last counts. A replaced row keeps its `first_seen`.

    :raises ValueError: a row does not fit the table's columns, or has no key.
    :raises BusyError: too many processes write to the table at once.
    """
    spec = TABLES[table]
    data = last_by_key(table, fit_to_schema(table, rows))
    if not data.num_rows:
        return Merged(0, 0)
    return _insert(root, table, data) if spec.on_match == "keep" else _upsert(root, table, data)


def replace(root: TableRoot, table: str, batches: Iterable[pa.RecordBatch]) -> int:
    """Replaces all rows of a table in one commit; if that fails, the table stays as it was.

    :param batches: batches with the table's columns; one is held at a time.
    :return: rows written.
    :raises BusyError: another process replaces them at the same time.
    """
    written, waiting = 0, iter(batches)

    def counted() -> Iterator[pa.RecordBatch]:
        nonlocal written
        # In a thread: batches may be read from a table, and delta-rs cannot be called inside its own call.
        while (batch := reader.submit(next, waiting, None).result()) is not None:
            written += batch.num_rows
            yield batch

    with delta.damage_named(root, table), ThreadPoolExecutor(1) as reader:
        opened = delta.load_or_create(root, table)
        rows = pa.RecordBatchReader.from_batches(TABLES[table].columns, counted())
        try:
            layout = _layout_again(table, opened)
            write_deltalake(opened, rows, mode="overwrite", writer_properties=layout)
        except CommitFailedError as error:
            raise BusyError(
                f"The table '{table}' in {root} is being written by another process. Try again later."
            ) from error
    return written


def delete(root: TableRoot, table: str, where_sql: str) -> int:
    """Deletes the rows that match a SQL predicate.

    :return: rows deleted.
    """
    return _delete(root, table, where_sql)


def count(root: TableRoot, table: str) -> int:
    """The table's rows, as its files say."""
    with delta.damage_named(root, table):
        dataset = _dataset(root, table)
        return 0 if dataset is None else int(dataset.count_rows())


def small_file_count(root: TableRoot, table: str) -> int:
    """How many of the table's files are so small that compaction can join any two of them.

    :raises LookalikeError: the table is damaged.
    """
    with delta.damage_named(root, table):
        found = delta.load(root, table)
        if found is None:
            return 0
        sizes = pa.table(found.get_add_actions(flatten=True))["size_bytes"].to_pylist()
        return sum(size <= _FULL_FILE_BYTES // 2 for size in sizes)


def compact(root: TableRoot, *, only: str | None = None) -> dict[str, int]:
    """Joins small files into large ones.

    :param only: the table; all tables if None.
    :return: the number of files removed, for each table with any.
    """
    removed = {table: _compact(root, table) for table in versions(root) if only in (None, table)}
    return {table: files for table, files in removed.items() if files}


def vacuum(
    root: TableRoot, *, keep: timedelta = timedelta(days=7), only: str | None = None
) -> dict[str, int]:
    """Deletes files that no version younger than `keep` needs, including files of killed writers.

    :param keep: rounded up to hours; it must exceed the time of any writer and reader, or their files go,
        too.
    :param only: the table; all tables if None.
    :return: the number of files deleted, for each table with any.
    """
    if keep < timedelta(0):
        raise ValueError(f"Files of the last {keep} cannot be kept; give a period of zero or more.")
    hours = math.ceil(keep / timedelta(hours=1))
    deleted = {table: _vacuum(root, table, hours) for table in versions(root) if only in (None, table)}
    return {table: files for table, files in deleted.items() if files}


def shorten_logs(root: TableRoot) -> None:
    """Sums up each table's log in a checkpoint, and deletes the entries that are older than 30 days.

    Thirty days are Delta's default; without this, the log grows with every crawl.
    """
    for table in versions(root):
        with delta.damage_named(root, table):
            opened = delta.load_or_create(root, table)
            opened.create_checkpoint()
            opened.cleanup_metadata()


def forget_history(root: TableRoot, table: str) -> None:
    """Deletes all of a table but its present rows: files of earlier versions, and what its log says of them.

    The log holds the least and the greatest value of columns of every file, and the predicates of deletes.
    """
    vacuum(root, keep=timedelta(0), only=table)
    _forget_log(root, table)


def _columns(table: str, columns: Sequence[str] | None) -> pa.Schema:
    schema = TABLES[table].columns
    return schema if columns is None else pa.schema([schema.field(name) for name in columns])


def _dataset(root: TableRoot, table: str) -> ds.FileSystemDataset | None:
    found = delta.load(root, table)
    return None if found is None else delta.dataset(root, table, found)


def _batches(
    dataset: ds.FileSystemDataset, columns: list[str], where: pc.Expression | None, batch_size: int
) -> Iterator[pa.RecordBatch]:
    plain, viewed = (dataset, []) if where is None else view_types.split(dataset, where)
    # One row group at a time: a scanner of all files reads up to 1 GiB ahead of a slow reader.
    files = plain.get_fragments(where)
    for group in (group for file in files for group in file.split_by_row_group(where, dataset.schema)):
        yield from group.scanner(
            schema=dataset.schema,
            columns=columns,
            filter=where,
            batch_size=batch_size,
            batch_readahead=2,
            # By default Arrow holds a whole file while it reads it.
            fragment_scan_options=ds.ParquetFragmentScanOptions(pre_buffer=False),
        ).to_batches()
    if where is not None:
        for rows in view_types.filtered(viewed, dataset.schema, columns, where):
            yield from rows.to_batches(max_chunksize=batch_size)


def _next(root: TableRoot, table: str, batches: Iterator[pa.RecordBatch]) -> pa.RecordBatch | None:
    with delta.damage_named(root, table):
        return next(batches, None)


@delta.retry_conflicts
def _append(root: TableRoot, table: str, data: pa.Table) -> None:
    with delta.damage_named(root, table):
        opened = delta.load_or_create(root, table)
        write_deltalake(opened, data, mode="append", writer_properties=_layout(table, data))


@delta.retry_conflicts
def _insert(root: TableRoot, table: str, data: pa.Table) -> Merged:
    """Appends the rows whose key is new.

    Delta's MERGE would read every column of the whole table: merging one photo into 6,000 read all 0.5 GB.
    Here only the keys are read, and the commit fails if the table has changed since.
    """
    with delta.damage_named(root, table):
        opened = delta.load_or_create(root, table)
        key = list(TABLES[table].key)
        matching = functools.reduce(
            operator.and_, (pc.field(name).isin(pc.unique(data[name])) for name in key)
        )
        dataset = delta.dataset(root, table, opened)
        stored = view_types.to_table(dataset, key, matching).cast(data.select(key).schema)
        # Sorted by key, so that a filter on the key reads few row groups.
        new = without_stored(data, stored)
        if new.num_rows:
            write_deltalake(
                opened,
                new,
                mode="append",
                commit_properties=delta.NO_RETRY,
                writer_properties=_layout(table, new),
            )
        return Merged(new.num_rows, 0)


@delta.retry_conflicts
def _upsert(root: TableRoot, table: str, data: pa.Table) -> Merged:
    spec = TABLES[table]
    with delta.damage_named(root, table):
        counts = (
            delta.load_or_create(root, table)
            .merge(
                data,
                predicate=" AND ".join(f"stored.{column} = new.{column}" for column in spec.key),
                source_alias="new",
                target_alias="stored",
                writer_properties=_layout(table, data),
            )
            .when_matched_update({name: f"new.{name}" for name in _replaced(spec)}, predicate=_changed(spec))
            .when_not_matched_insert_all()
            .execute()
        )
        return Merged(counts["num_target_rows_inserted"], counts["num_target_rows_updated"])


def _replaced(spec: TableSpec) -> list[str]:
    kept = {*spec.key, *spec.partition_by, "first_seen"}
    return [name for name in spec.columns.names if name not in kept]


def _changed(spec: TableSpec) -> str:
    if spec.on_match == "if_changed":
        return (
            "(stored.content_hash IS DISTINCT FROM new.content_hash) "
            "OR (stored.removed_at IS NULL) != (new.removed_at IS NULL)"
        )
    return " OR ".join(f"(stored.{name} IS DISTINCT FROM new.{name})" for name in _replaced(spec))


@delta.retry_conflicts
def _delete(root: TableRoot, table: str, where_sql: str) -> int:
    with delta.damage_named(root, table):
        if (found := delta.load(root, table)) is None:
            return 0
        return int(found.delete(where_sql, writer_properties=_layout_again(table, found))["num_deleted_rows"])


@delta.retry_conflicts
def _compact(root: TableRoot, table: str) -> int:
    with delta.damage_named(root, table):
        opened = delta.load_or_create(root, table)
        layout = _layout_again(table, opened)
        return int(
            opened.optimize.compact(target_size=_FULL_FILE_BYTES, writer_properties=layout)["numFilesRemoved"]
        )


@delta.retry_conflicts
def _vacuum(root: TableRoot, table: str, hours: int) -> int:
    with delta.damage_named(root, table):
        files = delta.load_or_create(root, table).vacuum(
            retention_hours=hours, dry_run=False, enforce_retention_duration=False, full=True
        )
        return len(files)


@delta.retry_conflicts
def _forget_log(root: TableRoot, table: str) -> None:
    with delta.damage_named(root, table):
        # The property stays, so later history is not kept either.
        opened = delta.load_or_create(root, table)
        opened.alter.set_table_properties({"delta.logRetentionDuration": "interval 0 days"})
        opened.create_checkpoint()
        opened.cleanup_metadata()


def _layout(table: str, data: pa.Table) -> WriterProperties:
    return delta.layout(table, data.nbytes / data.num_rows)


def _layout_again(table: str, opened: DeltaTable) -> WriterProperties:
    files = pa.table(opened.get_add_actions(flatten=True))
    rows, size_bytes = pc.sum(files["num_records"]).as_py(), pc.sum(files["size_bytes"]).as_py()
    return delta.layout(table, size_bytes / rows if rows else _ROW_BYTES)
