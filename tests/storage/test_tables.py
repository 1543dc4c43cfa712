"""Delta tables: merges, appends, writers at once, killed writers, upkeep."""

from __future__ import annotations

import subprocess
import sys
import tracemalloc
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from storage import tables
from storage.root import Root
from storage.schemas import TABLES
from storage.tables import Merged

NOW = datetime(2026, 11, 21, 2, 0, tzinfo=UTC)

WRITE_PRODUCTS = """
import sys
from storage import tables
from storage.root import Root
root = Root.open(sys.argv[1])
for batch in range(8):
    tables.merge(root, "products", [
        {"store": sys.argv[2], "product_id": f"{batch}-{i}", "content_hash": "h"} for i in range(5)
    ])
    tables.append(root, "offers", [{"store": sys.argv[2], "product_id": str(batch)}])
"""


def product(**fields: object) -> dict[str, object]:
    return {
        "store": "shop.example",
        "product_id": "1",
        "title": "Dress",
        "price": Decimal("9.90"),
        "images": [{"url": "u", "image_id": "i", "position": 0, "colour": None}],
        "first_seen": NOW,
        "content_hash": "a",
    } | fields


def only_product(root: Root) -> dict[str, object]:
    rows = tables.read(root, "products").to_pylist()
    assert len(rows) == 1
    return rows[0]


@pytest.mark.parametrize("table", list(TABLES))
def test_every_table_reads_back_what_was_written(root: Root, table: str) -> None:
    spec = TABLES[table]
    sample = {name: _sample(spec.columns.field(name).type) for name in spec.columns.names}
    assert tables.read(root, table).schema == spec.columns
    write = tables.merge if spec.key else tables.append
    write(root, table, [sample])
    stored = tables.read(root, table)
    assert stored.schema == spec.columns
    assert stored.to_pylist() == pa.Table.from_pylist([sample], schema=spec.columns).to_pylist()


def _sample(kind: pa.DataType) -> object:
    if pa.types.is_map(kind):
        return [("title", 0.5)]
    if pa.types.is_list(kind):
        return [_sample(kind.value_type)]
    if pa.types.is_struct(kind):
        return {field.name: _sample(field.type) for field in kind}
    samples: dict[object, object] = {
        pa.string(): "x",
        pa.binary(): b"\x00x",
        TABLES["offers"].columns.field("price").type: Decimal("1.2345"),
    }
    if kind in samples:
        return samples[kind]
    return NOW if pa.types.is_timestamp(kind) else 1


def test_merging_the_same_again_makes_no_commit(root: Root) -> None:
    assert tables.merge(root, "products", [product()]) == Merged(1, 0)
    before = tables.versions(root)
    assert tables.merge(root, "products", [product()]) == Merged(0, 0)
    assert tables.merge(root, "products", []) == Merged(0, 0)
    assert tables.append(root, "offers", []) == 0
    assert tables.versions(root) == before


def test_a_changed_product_is_replaced_and_keeps_when_it_was_first_seen(root: Root) -> None:
    tables.merge(root, "products", [product()])
    later = NOW + timedelta(days=1)
    merged = tables.merge(
        root, "products", [product(title="New", content_hash="b", first_seen=later, changed_at=later)]
    )
    assert merged == Merged(0, 1)
    stored = only_product(root)
    assert (stored["title"], stored["first_seen"], stored["changed_at"]) == ("New", NOW, later)


def test_a_product_is_removed_and_comes_back(root: Root) -> None:
    tables.merge(root, "products", [product()])
    assert tables.merge(root, "products", [product(removed_at=NOW)]).updated == 1
    assert only_product(root)["removed_at"] == NOW
    assert tables.merge(root, "products", [product()]).updated == 1
    assert only_product(root)["removed_at"] is None


def test_images_are_never_changed(root: Root) -> None:
    row = {"image_id": "i", "bytes": b"one", "first_seen": NOW, "month": "2026-11"}
    tables.merge(root, "images", [row])
    assert tables.merge(root, "images", [row | {"bytes": b"two", "month": "2026-12"}]) == Merged(0, 0)
    assert tables.read(root, "images")["bytes"].to_pylist() == [b"one"]


def test_of_two_rows_with_one_key_the_last_wins(root: Root) -> None:
    assert tables.merge(root, "products", [product(title="first"), product(title="last")]) == Merged(1, 0)
    assert only_product(root)["title"] == "last"


def test_a_row_with_an_unknown_column_or_type_is_an_error_and_changes_nothing(root: Root) -> None:
    tables.merge(root, "products", [product()])
    with pytest.raises((pa.ArrowInvalid, pa.ArrowTypeError)):
        tables.merge(root, "products", [product(price="nine ninety")])
    assert tables.version(root, "products") == 1


def test_two_processes_write_the_same_tables_at_once(root: Root) -> None:
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITE_PRODUCTS, str(root.path), store]) for store in "ab"
    ]
    assert [writer.wait(120) for writer in writers] == [0, 0]
    stored = tables.read(root, "products", columns=["store", "product_id"]).to_pylist()
    assert len({tuple(row.values()) for row in stored}) == len(stored) == 2 * 8 * 5
    assert tables.read(root, "offers").num_rows == 16


def test_what_a_killed_writer_left_is_invisible_and_goes_with_vacuum(root: Root) -> None:
    tables.merge(root, "products", [product()])
    orphan = root.table_path("products") / "store=shop.example" / "part-00000-orphan.snappy.parquet"
    orphan.write_bytes(b"PAR1 cut short")
    assert only_product(root)["title"] == "Dress"
    assert tables.vacuum(root, keep=timedelta(0))["products"] >= 1
    assert not orphan.exists()
    assert only_product(root)["title"] == "Dress"


def test_compaction_joins_files_and_keeps_rows(root: Root) -> None:
    for number in range(6):
        tables.append(root, "offers", [{"store": "a", "product_id": str(number)}])
    assert tables.compact(root) == {"offers": 6}
    assert sorted(tables.read(root, "offers")["product_id"].to_pylist()) == list("012345")


def test_delete_removes_matching_rows_only(root: Root) -> None:
    tables.merge(root, "products", [product(), product(store="other")])
    assert tables.delete(root, "products", "store = 'other'") == 1
    assert only_product(root)["store"] == "shop.example"
    assert tables.delete(root, "offers", "store = 'other'") == 0


def test_a_filter_on_a_partition_opens_its_files_only(root: Root) -> None:
    tables.merge(root, "products", [product(), product(store="other")])
    for file in (root.table_path("products") / "store=other").glob("*.parquet"):
        file.write_bytes(b"not parquet")
    kept = tables.read(root, "products", where=pc.field("store") == "shop.example")
    assert kept.num_rows == 1


def test_a_scan_holds_a_few_batches_at_a_time(root: Root) -> None:
    photo = bytes(100_000)
    for month in ("2026-10", "2026-11"):
        rows = [
            {"image_id": f"{month}-{i}", "bytes": photo, "first_seen": NOW, "month": month}
            for i in range(200)
        ]
        tables.merge(root, "images", rows)
    tracemalloc.start()
    seen = sum(batch.num_rows for batch in tables.scan(root, "images", columns=["bytes"], batch_size=16))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert seen == 400
    assert peak < 10_000_000


def test_a_filter_finds_long_identifiers(root: Root) -> None:
    ids = [f"{number:064x}" for number in range(20)]
    rows = [{"image_id": image_id, "first_seen": NOW, "month": "2026-11"} for image_id in ids]
    tables.merge(root, "images", rows)
    found = tables.read(
        root, "images", columns=["image_id"], where=pc.field("image_id").isin(pa.array(ids[3:5]))
    )
    assert sorted(found["image_id"].to_pylist()) == ids[3:5]
