"""The files behind the tables: what a filter, a merge and a scan read of them; upkeep."""

from __future__ import annotations

import hashlib
import os
import time
from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable

from storage import tables
from storage.root import Root
from storage.tables import Merged

PHOTO_BYTES = 50_000
PHOTOS = 800


def photos(number: int, month: str = "2026-11") -> list[dict[str, object]]:
    ids = [hashlib.sha256(f"{month}-{n}".encode()).hexdigest() for n in range(number)]
    return [{"image_id": name, "bytes": os.urandom(PHOTO_BYTES), "month": month} for name in ids]


@pytest.fixture
def filled(root: Root) -> Root:
    """A root with 40 MB of photos of one month in two files."""
    rows = photos(PHOTOS)
    tables.merge(root, "images", rows[: PHOTOS // 2])
    tables.merge(root, "images", rows[PHOTOS // 2 :])
    return root


def bytes_read() -> int:
    """Bytes this process has read from files so far."""
    counters = dict(line.split(": ") for line in Path("/proc/self/io").read_text().splitlines())
    return int(counters["rchar"])


def test_a_filter_on_a_partition_opens_its_files_only(root: Root) -> None:
    tables.merge(root, "products", [{"store": store, "product_id": "1"} for store in ("a", "b.c-d")])
    for file in (root.table_path("products") / "store=a").glob("*.parquet"):
        file.write_bytes(b"not parquet")
    where = pc.field("store") == "b.c-d"
    assert tables.read(root, "products", where=where)["product_id"].to_pylist() == ["1"]
    assert sum(batch.num_rows for batch in tables.scan(root, "products", where=where)) == 1


def test_a_filter_on_ids_reads_the_row_groups_that_may_hold_them(filled: Root) -> None:
    wanted = sorted(tables.read(filled, "images", columns=["image_id"])["image_id"].to_pylist())[10:14]
    before = bytes_read()
    found = tables.read(filled, "images", where=pc.field("image_id").isin(wanted))
    assert sorted(found["image_id"].to_pylist()) == wanted
    assert bytes_read() - before < 0.6 * PHOTOS * PHOTO_BYTES


def test_merging_photos_that_are_there_reads_none_of_them(filled: Root) -> None:
    rows = photos(PHOTOS)[:50]
    before = bytes_read()
    assert tables.merge(filled, "images", rows) == Merged(0, 0)
    assert bytes_read() - before < 0.02 * PHOTOS * PHOTO_BYTES


def test_photos_are_not_repeated_in_the_statistics_of_their_files(filled: Root) -> None:
    for file in filled.table_path("images").rglob("*.parquet"):
        metadata = pq.ParquetFile(file).metadata
        names = [metadata.schema.column(n).name for n in range(metadata.num_columns)]
        assert metadata.row_group(0).column(names.index("bytes")).statistics is None
        assert metadata.row_group(0).column(names.index("image_id")).statistics.has_min_max
        assert file.stat().st_size < 1.02 * PHOTOS / 2 * PHOTO_BYTES


def test_a_scan_holds_a_part_of_a_file_at_a_time(filled: Root) -> None:
    tables.merge(filled, "images", photos(2 * PHOTOS)[PHOTOS:])
    tables.compact(filled)
    pool = pa.default_memory_pool()
    before, peak, seen = pool.bytes_allocated(), 0, 0
    for batch in tables.scan(filled, "images", columns=["bytes"], batch_size=16):
        assert batch.num_rows <= 16
        seen += batch.num_rows
        peak = max(peak, pool.bytes_allocated() - before)
    assert seen == 2 * PHOTOS
    # 26 MB at most, for 40 MB of photos and for 270 MB.
    assert peak < PHOTOS * PHOTO_BYTES


def test_compaction_joins_files_keeps_rows_and_row_groups_and_is_done_once(root: Root) -> None:
    for number in range(4):
        tables.merge(root, "images", photos(50 * (number + 1)))
        tables.append(root, "offers", [{"store": "a", "product_id": str(number)}])
    assert tables.compact(root) == {"images": 4, "offers": 4}
    after = tables.versions(root)
    assert tables.compact(root) == {}
    assert tables.versions(root) == after
    assert sorted(tables.read(root, "offers")["product_id"].to_pylist()) == list("0123")
    ids = tables.read(root, "images", columns=["image_id"])["image_id"].to_pylist()
    assert len(set(ids)) == len(ids) == 200
    (joined,) = DeltaTable(root.table_path("images")).file_uris()
    assert pq.ParquetFile(joined).metadata.num_row_groups > 1


def test_deleting_photos_keeps_how_the_rest_is_laid_out(filled: Root) -> None:
    gone = photos(PHOTOS)[0]["image_id"]
    assert tables.delete(filled, "images", f"image_id = '{gone}'") == 1
    for uri in DeltaTable(filled.table_path("images")).file_uris():
        metadata = pq.ParquetFile(uri).metadata
        assert metadata.num_row_groups > 1
        assert Path(uri).stat().st_size < 1.02 * PHOTOS / 2 * PHOTO_BYTES


def test_a_long_history_is_not_read_again_each_time(root: Root) -> None:
    for number in range(105):
        tables.append(root, "offers", [{"store": "a", "product_id": str(number)}])
    assert list((root.table_path("offers") / "_delta_log").glob("*.checkpoint.parquet"))
    assert tables.read(root, "offers").num_rows == 105


def test_vacuum_keeps_what_a_running_writer_may_still_commit(root: Root) -> None:
    tables.append(root, "offers", [{"store": "a"}])
    fresh, old = (root.table_path("offers") / f"part-{age}.parquet" for age in ("fresh", "old"))
    for file in (fresh, old):
        file.write_bytes(b"PAR1")
    eight_days_ago = time.time() - timedelta(days=8).total_seconds()
    os.utime(old, (eight_days_ago, eight_days_ago))
    assert tables.vacuum(root) == {"offers": 1}
    assert (fresh.exists(), old.exists()) == (True, False)
    after = tables.versions(root)
    assert tables.vacuum(root, keep=timedelta(minutes=30)) == {}
    assert tables.versions(root) == after
    assert tables.vacuum(root, keep=timedelta(0)) == {"offers": 1}
    assert tables.read(root, "offers").num_rows == 1
    with pytest.raises(ValueError, match="zero or more"):
        tables.vacuum(root, keep=timedelta(days=-1))


def test_replaced_rows_leave_the_disk_with_vacuum(root: Root) -> None:
    product = {"store": "a", "product_id": "1", "content_hash": "1"}
    tables.merge(root, "products", [product])
    tables.merge(root, "products", [product | {"content_hash": "2"}])
    assert tables.vacuum(root, keep=timedelta(0)) == {"products": 1}
    assert tables.read(root, "products")["content_hash"].to_pylist() == ["2"]
