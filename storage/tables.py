"""Reading and writing the Delta tables of a data root."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
from deltalake import DeltaTable, write_deltalake
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
    :param where: a filter; on partition columns it reads the matching files only.
    """
    wanted = _columns(table, columns)
    if (dataset := _dataset(root, table)) is None:
        return wanted.empty_table()
    return dataset.to_table(columns=wanted.names, filter=where).cast(wanted)


def scan(
    root: Root,
    table: str,
    *,
    columns: Sequence[str] | None = None,
    where: pc.Expression | None = None,
    batch_size: int = 1024,
) -> Iterator[pa.RecordBatch]:
    """A table's rows in batches of at most `batch_size`, in constant memory."""
    wanted = _columns(table, columns)
    if (dataset := _dataset(root, table)) is None:
        return
    scanner = dataset.scanner(
        columns=wanted.names, filter=where, batch_size=batch_size, batch_readahead=2, fragment_readahead=1
    )
    for batch in scanner.to_batches():
        if batch.num_rows:
            yield batch.cast(wanted)


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
    return DeltaTable(root.table_path(table)).to_pyarrow_dataset()


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
    write_deltalake(_opened(root, table), data, mode="append")


@_retry_conflicts
def _merge(root: Root, table: str, data: pa.Table) -> Merged:
    spec = TABLES[table]
    merger = _opened(root, table).merge(
        data,
        predicate=" AND ".join(f"stored.{column} = new.{column}" for column in spec.key),
        source_alias="new",
        target_alias="stored",
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
    return int(DeltaTable(root.table_path(table)).optimize.compact()["numFilesRemoved"])
