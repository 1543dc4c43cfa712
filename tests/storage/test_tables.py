"""Rows in and out of the Delta tables: merges by each rule, appends, reads, deletes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from storage import tables
from storage.errors import LookalikeError
from storage.root import Root
from storage.schemas import EMBEDDING_DIM, TABLES
from storage.tables import Merged

NOW = datetime(2026, 11, 21, 2, 0, tzinfo=UTC)
LATER = NOW + timedelta(days=1)

PHOTO = {"image_id": "i", "bytes": b"one", "first_seen": NOW, "month": "2026-11"}


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


def only(root: Root, table: str) -> dict[str, object]:
    rows = tables.read(root, table).to_pylist()
    assert len(rows) == 1
    return rows[0]


def sample(kind: pa.DataType) -> object:
    """Some value of an Arrow type."""
    if pa.types.is_map(kind):
        return [("title", 0.5)]
    if pa.types.is_list(kind):
        return [sample(kind.value_type)]
    if pa.types.is_struct(kind):
        return {field.name: sample(field.type) for field in kind}
    if pa.types.is_decimal(kind):
        return Decimal("1.2345")
    samples: dict[object, object] = {pa.string(): "x", pa.binary(): b"\x00x"}
    return samples.get(kind) or (NOW if pa.types.is_timestamp(kind) else 1)


@pytest.mark.parametrize("table", list(TABLES))
def test_every_table_reads_back_what_was_written(root: Root, table: str) -> None:
    spec = TABLES[table]
    row = {field.name: sample(field.type) for field in spec.columns}
    assert tables.read(root, table).schema == spec.columns
    assert list(tables.scan(root, table)) == []
    assert tables.version(root, table) is None
    write = tables.merge if spec.key else tables.append
    write(root, table, [row])
    stored = tables.read(root, table)
    assert stored.schema == spec.columns
    assert stored.to_pylist() == pa.Table.from_pylist([row], schema=spec.columns).to_pylist()
    batch = next(tables.scan(root, table))
    assert batch.schema == spec.columns


@pytest.mark.parametrize("table", [table for table, spec in TABLES.items() if spec.key])
def test_merging_the_same_again_makes_no_commit(root: Root, table: str) -> None:
    row = {field.name: sample(field.type) for field in TABLES[table].columns}
    assert tables.merge(root, table, [row]) == Merged(1, 0)
    before = tables.versions(root)
    assert tables.merge(root, table, [row]) == Merged(0, 0)
    assert tables.merge(root, table, []) == Merged(0, 0)
    assert tables.versions(root) == before


def test_appending_nothing_makes_no_table(root: Root) -> None:
    assert tables.append(root, "offers", []) == 0
    assert tables.versions(root) == {}


def test_a_changed_product_is_replaced_and_keeps_when_it_was_first_seen(root: Root) -> None:
    tables.merge(root, "products", [product()])
    changed = product(title="New", content_hash="b", first_seen=LATER, changed_at=LATER, images=[])
    assert tables.merge(root, "products", [changed]) == Merged(0, 1)
    assert only(root, "products").items() >= (changed | {"first_seen": NOW}).items()


def test_a_product_whose_content_hash_is_the_same_stays_as_it_is(root: Root) -> None:
    tables.merge(root, "products", [product()])
    assert tables.merge(root, "products", [product(title="New", crawl_id="c2")]) == Merged(0, 0)
    assert only(root, "products")["title"] == "Dress"


def test_a_product_that_had_no_content_hash_gets_one(root: Root) -> None:
    tables.merge(root, "products", [product(content_hash=None)])
    assert tables.merge(root, "products", [product(content_hash=None)]) == Merged(0, 0)
    assert tables.merge(root, "products", [product()]) == Merged(0, 1)


def test_a_product_is_removed_once_and_comes_back(root: Root) -> None:
    tables.merge(root, "products", [product()])
    assert tables.merge(root, "products", [product(removed_at=NOW)]) == Merged(0, 1)
    assert tables.merge(root, "products", [product(removed_at=LATER)]) == Merged(0, 0)
    assert only(root, "products")["removed_at"] == NOW
    assert tables.merge(root, "products", [product(first_seen=LATER)]) == Merged(0, 1)
    back = only(root, "products")
    assert (back["removed_at"], back["first_seen"]) == (None, NOW)


def test_a_fetch_is_replaced_by_any_difference(root: Root) -> None:
    fetch = {"store": "s", "url": "u", "etag": "1", "status": 200, "fetched_at": NOW, "due_at": LATER}
    tables.merge(root, "fetches", [fetch])
    assert tables.merge(root, "fetches", [fetch | {"etag": None}]) == Merged(0, 1)
    assert tables.merge(root, "fetches", [fetch | {"etag": None}]) == Merged(0, 0)
    assert tables.merge(root, "fetches", [fetch | {"etag": "2"}, fetch | {"url": "v"}]) == Merged(1, 1)


def test_what_stores_know_of_one_address_stays_apart(root: Root) -> None:
    fetch = {"store": "a", "url": "u", "etag": "1"}
    assert tables.merge(root, "fetches", [fetch, fetch | {"store": "b"}]) == Merged(2, 0)
    assert tables.merge(root, "fetches", [fetch | {"store": "b", "etag": "2"}]) == Merged(0, 1)
    known = {row["store"]: row["etag"] for row in tables.read(root, "fetches").to_pylist()}
    assert known == {"a": "1", "b": "2"}


def test_photos_are_never_changed(root: Root) -> None:
    tables.merge(root, "images", [PHOTO])
    again = PHOTO | {"bytes": b"two", "month": "2026-12"}
    assert tables.merge(root, "images", [again, again | {"image_id": "j"}]) == Merged(1, 0)
    photo = pc.field("image_id") == "i"
    assert tables.read(root, "images", where=photo).to_pylist()[0]["bytes"] == b"one"


def test_vectors_of_two_models_live_side_by_side(root: Root) -> None:
    vectors = np.random.default_rng(0).standard_normal((3, EMBEDDING_DIM)).astype(np.float32)
    for model in ("fashion", "imagenet"):
        rows = [{"image_id": str(n), "model": model, "vector": vector} for n, vector in enumerate(vectors)]
        assert tables.merge(root, "embeddings", rows) == Merged(3, 0)
    column = tables.read(root, "embeddings", where=pc.field("model") == "fashion").sort_by("image_id")[
        "vector"
    ]
    back = column.combine_chunks().flatten().to_numpy().reshape(-1, EMBEDDING_DIM)
    np.testing.assert_array_equal(back, vectors)


def test_of_two_rows_with_one_key_the_last_wins(root: Root) -> None:
    assert tables.merge(root, "products", [product(title="first"), product(title="last")]) == Merged(1, 0)
    assert only(root, "products")["title"] == "last"
    assert tables.merge(root, "images", [PHOTO, PHOTO | {"bytes": b"last"}]) == Merged(1, 0)
    assert only(root, "images")["bytes"] == b"last"


def test_an_arrow_table_is_cast_to_the_columns(root: Root) -> None:
    rows = pa.Table.from_pylist([dict.fromkeys(TABLES["offers"].columns.names) | {"store": "s"}])
    assert tables.append(root, "offers", rows) == 1
    assert tables.read(root, "offers").schema == TABLES["offers"].columns


@pytest.mark.parametrize(
    ("row", "why"),
    [
        (product(price="nine ninety"), "'price' that does not fit"),
        (product(price=Decimal("9.99999")), "'price' that does not fit .*Rescaling"),
        (product(title="half a \ud83d"), "'title' that does not fit"),
        (product(titel="Dress"), "no column 'titel'"),
        (product(product_id=None), "no 'product_id', which is part of its key"),
    ],
)
def test_a_row_that_does_not_fit_is_an_error_and_changes_nothing(
    root: Root, row: dict[str, object], why: str
) -> None:
    tables.merge(root, "products", [product()])
    before = tables.versions(root)
    with pytest.raises(ValueError, match=why):
        tables.merge(root, "products", [product(product_id="2"), row])
    assert tables.versions(root) == before


def test_a_table_without_a_key_cannot_be_merged(root: Root) -> None:
    with pytest.raises(ValueError, match="append to it"):
        tables.merge(root, "offers", [{"store": "s"}])


def test_delete_removes_matching_rows_only(root: Root) -> None:
    tables.merge(root, "products", [product(), product(store="other")])
    assert tables.delete(root, "products", "store = 'other'") == 1
    assert only(root, "products")["store"] == "shop.example"
    assert tables.delete(root, "products", "store = 'other'") == 0
    assert tables.delete(root, "offers", "store = 'other'") == 0


def test_a_scan_goes_on_reading_what_it_began_with(root: Root) -> None:
    for store in "abc":
        tables.append(root, "offers", [{"store": store}] * 10)
    batches = tables.scan(root, "offers", batch_size=5)
    seen = next(batches).num_rows
    tables.compact(root)
    tables.delete(root, "offers", "store = 'c'")
    assert seen + sum(batch.num_rows for batch in batches) == 30
    assert tables.read(root, "offers").num_rows == 20


def test_a_lost_file_and_a_damaged_log_are_named(root: Root) -> None:
    tables.merge(root, "products", [product()])
    folder = root.table_path("products")
    next(folder.glob("store=*/*.parquet")).unlink()
    for use in (lambda: tables.read(root, "products"), lambda: list(tables.scan(root, "products"))):
        with pytest.raises(LookalikeError, match=r"'products' in .* cannot be read or written"):
            use()
    next((folder / "_delta_log").glob("*1.json")).write_text("{")
    for use in (
        lambda: tables.version(root, "products"),
        lambda: tables.merge(root, "products", [product()]),
    ):
        with pytest.raises(LookalikeError, match=r"'products' in .* cannot be read or written"):
            use()
