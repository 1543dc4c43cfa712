"""Files that delta-rs writes with Arrow's view types: tables are read, filtered and merged into as before."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable

from storage import row_groups, tables
from storage.root import Root
from storage.schemas import TABLES
from tests.storage.test_tables import sample

NAMES = ("a", "b", "c")


def row(table: str, name: str) -> dict[str, object]:
    """A row of a table with something in every column; its texts are its name."""
    spec = TABLES[table]
    values = {field.name: sample(field.type) for field in spec.columns}
    return values | {field.name: name for field in spec.columns if field.type == pa.string()}


def merged(root: Root, table: str) -> None:
    """Rows in one file that a MERGE wrote where the table has one, among others."""
    spec = TABLES[table]
    for name in NAMES:
        write = tables.merge if spec.key else tables.append
        write(root, table, [row(table, name)])
    if spec.on_match != "keep":
        tables.merge(root, table, [row(table, "a") | {"content_hash": "other"}])


def compacted(root: Root, table: str) -> None:
    """After `merged`, and all of it joined into one file."""
    merged(root, table)
    tables.compact(root)


def deleted_from(root: Root, table: str) -> None:
    """Rows left in a file that a row was deleted from."""
    rows = pa.concat_tables([tables.fit_to_schema(table, [row(table, name)]) for name in (*NAMES, "gone")])
    # All in one partition, or what is left would be files that nothing was deleted from.
    for column in TABLES[table].partition_by:
        place = rows.column_names.index(column)
        rows = rows.set_column(place, column, pa.array(["a"] * len(rows)))
    tables.append(root, table, rows)
    texts = [field.name for field in rows.schema if field.type == pa.string()]
    [other] = [name for name in texts if name not in TABLES[table].partition_by][:1]
    assert tables.delete(root, table, f"{other} = 'gone'") == 1


def holds_views(root: Root, table: str) -> bool:
    files = DeltaTable(root.table_path(table)).file_uris()
    return any("view" in str(field.type) for file in files for field in pq.read_schema(file))


@pytest.mark.parametrize("table", list(TABLES))
@pytest.mark.parametrize("write", [merged, compacted, deleted_from])
def test_every_table_is_filtered_by_every_column(
    root: Root, table: str, write: Callable[[Root, str], None]
) -> None:
    write(root, table)
    if write is deleted_from:
        assert holds_views(root, table), "delta-rs writes no views any more: storage.view_types can go"
    whole = tables.read(root, table)
    assert (whole.schema, len(whole)) == (TABLES[table].columns, 3)
    for field in whole.schema:
        column = pc.field(field.name)
        for where in (column == "a", column.isin(["a", "no such"])) if field.type == pa.string() else ():
            expected = sorted(map(str, whole.filter(where).to_pylist()))
            assert sorted(map(str, tables.read(root, table, where=where).to_pylist())) == expected
        # A filter on what is not asked for.
        other = next(name for name in whole.schema.names if name != field.name)
        assert len(tables.read(root, table, columns=[other], where=column.is_valid())) == 3
        assert len(tables.read(root, table, columns=[other], where=column.is_null())) == 0
    first = whole.schema.names[0]
    where = (pc.field(first) != "b") & pc.field(whole.schema.names[1]).is_valid()
    batches = list(tables.scan(root, table, where=where, batch_size=1))
    assert all(batch.schema == whole.schema and len(batch) == 1 for batch in batches)
    assert sum(map(len, batches)) == len(whole.filter(where))


@pytest.mark.parametrize("table", [table for table, spec in TABLES.items() if spec.key])
@pytest.mark.parametrize("write", [merged, compacted, deleted_from])
def test_every_keyed_table_is_merged_into(root: Root, table: str, write: Callable[[Root, str], None]) -> None:
    write(root, table)
    there, key = tables.read(root, table), TABLES[table].key
    assert tables.merge(root, table, there) == tables.Merged(0, 0)
    assert tables.merge(root, table, [row(table, "new"), there.to_pylist()[0]]).inserted == 1
    assert len(tables.read(root, table).group_by(list(key)).aggregate([])) == 4


@pytest.mark.parametrize("write", [merged, compacted, deleted_from])
def test_rows_are_found_by_their_ids(root: Root, write: Callable[[Root, str], None]) -> None:
    write(root, "images")
    found = row_groups.scan(
        root,
        "images",
        pa.array(["b", "no such"]),
        key="image_id",
        columns=["image_id", "bytes"],
        batch_size=8,
    )
    assert [one for batch in found for one in batch.to_pylist()] == [{"image_id": "b", "bytes": b"\x00x"}]


@pytest.mark.parametrize("table", list(TABLES))
def test_a_user_reads_the_table_with_pandas(root: Root, table: str) -> None:
    deleted_from(root, table)
    assert len(DeltaTable(root.table_path(table)).to_pandas()) == 3


def bytes_read() -> int:
    """Bytes this process has read from files so far."""
    counters = dict(line.split(": ") for line in Path("/proc/self/io").read_text().splitlines())
    return int(counters["rchar"])


def test_a_filter_reads_the_row_groups_with_matching_rows_only(root: Root) -> None:
    ids = [hashlib.sha256(bytes([number])).hexdigest() for number in range(200)]
    rows = [{"image_id": one, "bytes": os.urandom(200_000), "month": "2026-11"} for one in ids]
    tables.merge(root, "images", rows)
    tables.delete(root, "images", f"image_id = '{ids[0]}'")
    before = bytes_read()
    [found] = tables.read(root, "images", where=pc.field("image_id").isin(ids[:2])).to_pylist()
    assert found["bytes"] == rows[1]["bytes"]
    assert bytes_read() - before < 0.4 * 200 * 200_000
