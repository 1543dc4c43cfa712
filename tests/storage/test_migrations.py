"""Each migration: what it makes of an older root's rows, killed at any point or not."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from deltalake import DeltaTable, write_deltalake

from storage import delta, migrations, tables
from storage.root import Root

GOLDEN = Path(__file__).parent.parent / "golden"
NOW = datetime(2026, 11, 21, 2, 30, tzinfo=UTC)
SHARED = "http://cdn.example/shared.jpg"

Known = set[tuple[str, str, str | None]]


def known(root: Root) -> Known:
    """Store, address and photo of each row of `fetches`."""
    rows = tables.read(root, "fetches", columns=["store", "url", "image_id"]).to_pylist()
    found = {(row["store"], row["url"], row["image_id"]) for row in rows}
    assert len(found) == len(rows)
    return found


@pytest.fixture
def crawled(tmp_path: Path) -> Path:
    """A root of version 1 that two stores were crawled into; the second has the shared photo's row."""
    return Path(shutil.copytree(GOLDEN / "crawled-v1", tmp_path / "data"))


@pytest.fixture
def empty(tmp_path: Path) -> Root:
    """A root of version 1 with one row a table, but without `fetches`."""
    shutil.copytree(GOLDEN / "root-v1", tmp_path / "data")
    shutil.rmtree(tmp_path / "data" / "tables" / "fetches")
    return Root(tmp_path / "data")


def write_older_fetches(root: Root, rows: list[dict[str, object]]) -> None:
    """As version 1 stored them: in one folder, the address first."""
    data = tables.fit_to_schema("fetches", rows)
    names = ["url", "store", *[name for name in data.column_names if name not in ("url", "store")]]
    write_deltalake(str(root.table_path("fetches")), data.select(names))


def show(root: Root, store: str, *urls: str) -> None:
    """A product of a store that shows photos."""
    images = [{"url": url, "image_id": f"photo of {url}"} for url in urls]
    tables.merge(
        root, "products", [{"store": store, "product_id": "1", "content_hash": "1", "images": images}]
    )


def test_a_photo_that_two_stores_show_is_known_to_both(crawled: Path) -> None:
    before = tables.read(Root(crawled), "products")
    root = Root.open(crawled)
    photos = {(store, url) for store, url, image_id in known(root) if image_id}
    assert photos == {
        (store, url) for store in ("a.example", "b.example") for url in (f"http://{store}/own.jpg", SHARED)
    }
    rows = [row for row in tables.read(root, "fetches").to_pylist() if row["url"] == SHARED]
    assert rows[0] | {"store": ""} == rows[1] | {"store": ""}
    assert DeltaTable(root.table_path("fetches")).metadata().partition_columns == ["store"]
    assert tables.read(root, "products") == before


def test_rows_go_to_the_stores_that_need_them_and_to_no_other(empty: Root) -> None:
    for store in ("a", "b", "c"):
        show(empty, store, "shared", f"of {store}")
    fetch = {"fetched_at": NOW, "due_at": NOW + timedelta(days=30), "status": 200}
    write_older_fetches(
        empty,
        [
            fetch | {"store": "c", "url": "shared", "image_id": "x"},
            fetch | {"store": None, "url": "of a", "image_id": "y"},
            fetch | {"store": "a", "url": "of b", "image_id": None, "status": 404},
            fetch | {"store": "c", "url": "of c", "image_id": None, "status": 404},
            fetch | {"store": None, "url": "page", "image_id": None},
            fetch | {"store": "a", "url": "shown by nobody", "image_id": "z"},
        ],
    )
    root = Root.open(empty.path)
    assert known(root) == {
        ("a", "shared", "x"),
        ("b", "shared", "x"),
        ("c", "shared", "x"),
        ("a", "of a", "y"),
        ("a", "of b", None),
        ("c", "of c", None),
        ("a", "shown by nobody", "z"),
    }


def test_a_root_that_never_fetched_anything_is_migrated(empty: Root) -> None:
    root = Root.open(empty.path)
    assert tables.version(root, "fetches") is None
    tables.merge(root, "fetches", [{"store": "a", "url": "u"}])
    assert known(root) == {("a", "u", None)}


def test_crawls_get_the_column_of_their_failure_once(empty: Root) -> None:
    (before,) = tables.read(empty, "crawls", columns=["crawl_id", "store", "status"]).to_pylist()
    root = Root.open(empty.path)
    migrations.failure_of_crawls(root)  # again, as after a kill
    tables.append(root, "crawls", [before | {"crawl_id": "new", "failure": "dns"}])
    rows = {row["crawl_id"]: row for row in tables.read(root, "crawls").to_pylist()}
    assert rows[before["crawl_id"]].items() >= before.items()
    assert (rows[before["crawl_id"]]["failure"], rows["new"]["failure"]) == (None, "dns")


@pytest.mark.parametrize("moment", ["before it wrote", "after it wrote"])
def test_a_migration_that_was_killed_begins_again(
    crawled: Path, moment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def kill(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        owner, name = {
            "before it wrote": (migrations, "write_deltalake"),
            "after it wrote": (Root, "_write_version"),
        }[moment]
        patch.setattr(owner, name, kill)
        with pytest.raises(KeyboardInterrupt):
            Root.open(crawled)
    assert (crawled / "root.json").read_text() == (GOLDEN / "crawled-v1" / "root.json").read_text()
    root = Root.open(crawled)
    assert len(known(root)) == 6
    # And a third time: nothing more comes of it.
    migrations.fetches_by_store(root)
    assert len(known(root)) == 6


def test_of_several_rows_the_newest_is_copied(empty: Root) -> None:
    """Where a migration wrote and was killed before it said so, an address may have several rows."""
    show(empty, "new", "shared")
    rows = [
        {"store": store, "url": "shared", "image_id": image_id, "fetched_at": NOW + timedelta(days=age)}
        for store, image_id, age in (("a", "older", 0), ("b", "newest", 2), ("c", "old", 1))
    ]
    write_older_fetches(empty, rows)
    root = Root.open(empty.path)
    assert ("new", "shared", "newest") in known(root)


def test_the_files_of_a_migrated_table_are_laid_out_like_others(crawled: Path) -> None:
    root = Root.open(crawled)
    opened = delta.load(root, "fetches")
    assert opened is not None
    assert all(".zstd." in uri for uri in opened.file_uris())
