"""Several processes write the same tables at once; some are killed."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from deltalake import DeltaTable

from storage import tables
from storage.delta import ATTEMPTS
from storage.errors import BusyError
from storage.root import Root
from storage.schemas import TABLES
from storage.tables import Merged

NOW = datetime(2026, 11, 21, 2, 0, tzinfo=UTC)

# Every writer merges the same keys, so that each round is a race for who inserts them.
WRITER = """
import json, sys, time
from pathlib import Path
from storage import tables
from storage.root import Root
root, writer, rounds = Root.open(sys.argv[1]), sys.argv[2], int(sys.argv[3])
inserted = {"products": 0, "images": 0, "fetches": 0}
(root.path.parent / f"ready-{writer}").touch()
while not (root.path.parent / "go").exists():
    time.sleep(0.005)
for number in range(rounds):
    ids = [f"{number}-{i}" for i in range(4)]
    rows = {
        "products": [{"store": "s", "product_id": id, "content_hash": writer, "title": writer} for id in ids],
        "images": [{"image_id": id, "bytes": writer.encode(), "month": "2026-11"} for id in ids],
        "fetches": [{"store": "s", "url": id, "etag": writer} for id in ids],
    }
    for table, batch in rows.items():
        inserted[table] += tables.merge(root, table, batch).inserted
    tables.append(root, "offers", [{"store": writer, "product_id": id} for id in ids])
print(json.dumps(inserted))
"""

COMPACTOR = """
import sys, time
from storage import tables
from storage.root import Root
root = Root.open(sys.argv[1])
(root.path.parent / f"ready-{sys.argv[2]}").touch()
while not (root.path.parent / "go").exists():
    time.sleep(0.005)
for _ in range(int(sys.argv[3])):
    tables.compact(root)
"""

# Rows by the hundred, so that a batch that is there in part would be seen.
ENDLESS = """
import sys
from storage import tables
from storage.root import Root
root = Root.open(sys.argv[1])
with root.lock("crawl-s"):
    print("writing", flush=True)
    for batch in range(1_000_000):
        ids = [f"{sys.argv[2]}-{batch}-{i}" for i in range(100)]
        rows = [{"image_id": id, "bytes": bytes(20_000), "month": "m"} for id in ids]
        tables.merge(root, "images", rows)
"""


def start(script: str, root: Root, name: str, rounds: int = 0) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", script, str(root.path), name, str(rounds)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def test_processes_that_merge_the_same_keys_at_once_insert_each_once(root: Root) -> None:
    writers = [start(WRITER, root, name, rounds=5) for name in ("a", "b")]
    compactor = start(COMPACTOR, root, "c", rounds=3)
    while len(list(root.path.parent.glob("ready-*"))) < 3:
        assert all(process.poll() is None for process in (*writers, compactor))
        time.sleep(0.01)
    (root.path.parent / "go").touch()
    counts = [json.loads(writer.communicate(timeout=120)[0]) for writer in writers]
    assert compactor.wait(120) == 0
    for table, key in (("products", "product_id"), ("images", "image_id"), ("fetches", "url")):
        stored = tables.read(root, table)[key].to_pylist()
        assert sorted(stored) == sorted(f"{number}-{i}" for number in range(5) for i in range(4))
        assert sum(count[table] for count in counts) == 20
    assert tables.read(root, "offers").num_rows == 2 * 20


def photo(image_id: str, data: bytes) -> dict[str, object]:
    return {"image_id": image_id, "bytes": data, "month": "2026-11"}


def competing(monkeypatch: pytest.MonkeyPatch, compete: Callable[[int], object], times: int) -> None:
    """Lets another writer commit between a merge's reading and its commit, the first few times."""
    done = 0
    absent = tables.without_stored

    def race(*arguments: object) -> object:
        nonlocal done
        found = absent(*arguments)
        if done < times:
            done += 1
            compete(done)
        return found

    monkeypatch.setattr(tables, "without_stored", race)


def test_a_photo_stored_by_another_while_it_is_merged_is_not_stored_twice(
    root: Root, monkeypatch: pytest.MonkeyPatch
) -> None:
    tables.merge(root, "images", [photo("0", b"")])
    competing(monkeypatch, lambda _: tables.merge(root, "images", [photo("1", b"theirs")]), times=1)
    assert tables.merge(root, "images", [photo("1", b"ours"), photo("2", b"ours")]) == Merged(1, 0)
    stored = tables.read(root, "images", columns=["image_id", "bytes"]).sort_by("image_id").to_pylist()
    assert [tuple(row.values()) for row in stored] == [("0", b""), ("1", b"theirs"), ("2", b"ours")]


def test_a_writer_that_always_loses_gives_up_with_a_sentence(
    root: Root, monkeypatch: pytest.MonkeyPatch
) -> None:
    tables.merge(root, "images", [photo("0", b"")])
    competing(monkeypatch, lambda turn: _delete_and_insert(root, turn), times=ATTEMPTS)
    monkeypatch.setattr(tables._insert.retry, "sleep", lambda _seconds: None)
    with pytest.raises(BusyError, match=r"'images' in .* too many processes at once"):
        tables.merge(root, "images", [photo("ours", b"ours")])
    assert "ours" not in tables.read(root, "images")["image_id"].to_pylist()


def _delete_and_insert(root: Root, turn: int) -> None:
    tables.delete(root, "images", f"image_id = '{turn - 1}'")
    tables.append(root, "images", [photo(str(turn), b"theirs")])


def test_a_killed_writer_leaves_whole_batches_no_lock_and_orphans_that_vacuum_takes(root: Root) -> None:
    for name, seconds in (("a", 0.15), ("b", 0.4)):
        writer = start(ENDLESS, root, name)
        assert writer.stdout is not None
        assert writer.stdout.readline() == "writing\n"
        with pytest.raises(BusyError), root.lock("crawl-s"):
            pass
        time.sleep(seconds)
        writer.send_signal(signal.SIGKILL)
        writer.communicate()
        with root.lock("crawl-s"):
            ids = tables.read(root, "images", columns=["image_id"])["image_id"].to_pylist()
            assert len(ids) % 100 == 0
            assert len(set(ids)) == len(ids)
    # What a kill left need not be the same in every run; this is what one in the middle of a file leaves.
    orphan = root.table_path("images") / "month=m" / "part-00000-cut-short.zstd.parquet"
    orphan.parent.mkdir(parents=True, exist_ok=True)
    orphan.write_bytes(b"PAR1 cut short")
    assert tables.merge(root, "images", [photo("last", b"x")]) == Merged(1, 0)
    assert tables.vacuum(root, keep=timedelta(0))["images"] >= 1
    assert parquet_files(root, "images") == known_files(root, "images")
    assert tables.read(root, "images").num_rows == len(ids) + 1


def test_a_table_whose_creator_was_killed_is_made_by_the_next_writer(root: Root) -> None:
    for table in TABLES:
        (root.table_path(table) / "_delta_log").mkdir(parents=True)
    assert tables.versions(root) == {}
    assert tables.read(root, "images").num_rows == 0
    assert tables.merge(root, "images", [photo("1", b"x")]) == Merged(1, 0)


def parquet_files(root: Root, table: str) -> set[Path]:
    return set(root.table_path(table).rglob("*.parquet"))


def known_files(root: Root, table: str) -> set[Path]:

    return {Path(uri) for uri in DeltaTable(root.table_path(table)).file_uris()}
