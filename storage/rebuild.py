"""Removes damaged files from a table, or rebuilds the table from its sound files."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
from deltalake import DeltaTable, write_deltalake

from storage import checksums, delta, table_log
from storage.root import Root
from storage.schemas import TABLES
from storage.table_audit import TableDamage
from storage.table_log import TableLog

FOLDER = "damaged"
"""The folder below the root that damaged files are moved to; it may be deleted."""

_NEWEST_BY = {"products": "changed_at", "fetches": "fetched_at"}
"""Of rows with the same key, the latest in this column is kept; without one, that of the latest file."""

_WRITE_MS = 60_000
"""The longest time between writing a data file and its commit."""


def repair_table(root: Root, damage: TableDamage) -> list[str]:
    """Moves a table's damaged files to `damaged/`.

    If the log is sound, the data files are only removed from it. Otherwise the table is rebuilt from all
    readable data files: those that the log knows, and those written at the time of its unreadable commits.

    :return: paths below the table's folder of the data files whose rows are lost.
    """
    table = damage.table
    aside = root.path / FOLDER / f"{datetime.now(UTC):%Y%m%dT%H%M%S%fZ}" / table
    if not damage.log and not damage.reason:
        for path in damage.data:
            _move(root.table_path(table) / path, aside / path)
        DeltaTable(root.table_uri(table)).repair()
        return sorted(damage.data)
    log = table_log.read(root.table_path(table), {*damage.log})
    rebuilt = root.path / "tables" / f".rebuilt-{table}"
    shutil.rmtree(rebuilt, ignore_errors=True)
    _write(root, table, _usable(root, table, log, damage), rebuilt)
    aside.parent.mkdir(parents=True, exist_ok=True)
    root.table_path(table).replace(aside)
    checksums.forget(root, f"tables/{table}")
    rebuilt.replace(root.table_path(table))
    return sorted(damage.data)


def forget(root: Root, table: str) -> None:
    """Deletes a table's files that repairs moved aside, and those of a rebuild that was killed."""
    for folder in (*(root.path / FOLDER).glob(f"*/{table}"), root.path / "tables" / f".rebuilt-{table}"):
        if folder.is_dir():
            shutil.rmtree(folder)


def _usable(root: Root, table: str, log: TableLog, damage: TableDamage) -> list[Path]:
    """The data files to rebuild a table from, oldest first."""
    folder = root.table_path(table)
    present = {
        str(file.relative_to(folder)): file for file in folder.rglob("*.parquet") if _is_data(file, folder)
    }
    used = [present[path] for path in log.active if path in present and path not in damage.data]
    for path, file in present.items():
        written = file.stat().st_mtime_ns // 1_000_000
        within = any(
            before - _WRITE_MS <= written and (after is None or written <= after)
            for before, after in log.gaps
        )
        if path not in log.mentioned and within and _is_readable(file):
            used.append(file)
    return sorted(used, key=lambda file: (file.stat().st_mtime_ns, str(file)))


def _is_data(file: Path, folder: Path) -> bool:
    return file.is_file() and not file.is_symlink() and table_log.FOLDER not in file.relative_to(folder).parts


def _is_readable(file: Path) -> bool:
    try:
        for batch in pq.ParquetFile(file).iter_batches(batch_size=256):
            batch.validate(full=True)
    except (OSError, pa.ArrowException, ValueError):
        return False
    return True


def _write(root: Root, table: str, files: list[Path], target: Path) -> None:
    """Writes the rows of files as a new table; each key, or each distinct row, once."""
    spec = TABLES[table]
    kept = _kept(root, table, files)
    target.mkdir(parents=True)
    DeltaTable.create(
        str(target), spec.columns, mode="ignore", partition_by=list(spec.partition_by), name=table
    )
    for number, file in enumerate(files):
        if not kept[number]:
            continue
        size = file.stat().st_size / max(1, pq.ParquetFile(file).metadata.num_rows)
        batches = pa.RecordBatchReader.from_batches(spec.columns, _chosen(root, table, file, kept[number]))
        write_deltalake(str(target), batches, mode="append", writer_properties=delta.layout(table, size))


def _kept(root: Root, table: str, files: list[Path]) -> list[set[int]]:
    """The numbers of the rows to keep, for each file."""
    key, newest = list(TABLES[table].key), _NEWEST_BY.get(table)
    columns = [*key, *([newest] if newest else [])] or TABLES[table].columns.names
    best: dict[Any, tuple[Any, int, int]] = {}
    for number, file in enumerate(files):
        place = 0
        for batch in _batches(root, table, file, columns):
            for row in batch.to_pylist():
                name = tuple(row[column] for column in key) if key else repr(row)
                rank = (row[newest].timestamp() if newest and row[newest] else 0.0, number, place)
                if name not in best or rank[:2] >= best[name][:2]:
                    best[name] = rank
                place += 1
    kept: list[set[int]] = [set() for _ in files]
    for _, number, place in best.values():
        kept[number].add(place)
    return kept


def _chosen(root: Root, table: str, file: Path, places: set[int]) -> Iterator[pa.RecordBatch]:
    first = 0
    for batch in _batches(root, table, file, TABLES[table].columns.names):
        wanted = [place - first for place in range(first, first + batch.num_rows) if place in places]
        first += batch.num_rows
        if wanted:
            yield batch.take(pa.array(wanted))


def _batches(root: Root, table: str, file: Path, columns: list[str]) -> Iterator[pa.RecordBatch]:
    """Rows of a data file in the table's schema, including partition columns."""
    spec = TABLES[table]
    schema = pa.schema([spec.columns.field(name) for name in columns])
    parts = ds.partitioning(
        pa.schema([spec.columns.field(name) for name in spec.partition_by]), flavor="hive"
    )
    data = ds.dataset(
        str(file), format="parquet", partitioning=parts, partition_base_dir=str(root.table_path(table))
    )
    for batch in data.to_batches(columns=columns, batch_size=256):
        yield batch.cast(schema)


def _move(file: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if file.exists() or file.is_symlink():
        file.replace(target)
