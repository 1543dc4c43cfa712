"""The data root: creation, versions, migration and locks."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import DeltaTable, Field

from storage import images, tables
from storage import root as root_module
from storage.errors import BusyError, InputError, LookalikeError, NewerSchemaError
from storage.root import Root
from storage.schemas import SCHEMA_VERSION, TABLES
from storage.tables import Merged

GOLDEN = Path(__file__).parent.parent / "golden"

HOLD_LOCK = """
import sys, time
from storage.root import Root
with Root.open(sys.argv[1]).lock("embed"):
    print("held", flush=True)
    time.sleep(60)
"""


# Each waits until all have been started, then makes 200 roots that the others make too.
MAKE_ROOTS = """
import sys
from storage.root import Root
sys.stdin.read()
for number in range(200):
    Root.open(f"{sys.argv[1]}/{number}", create=True)
"""


def test_a_missing_folder_is_refused_and_not_made(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist"):
        Root.open(tmp_path / "nothing")
    assert not (tmp_path / "nothing").exists()


def test_a_folder_of_other_files_is_never_taken_over(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(InputError, match="holds other files"):
        Root.open(tmp_path, create=True)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


@pytest.mark.parametrize("given", ["gs://bucket/data", "https://bucket.example", "s3://", "s3:///data"])
def test_an_address_of_another_kind_is_refused_with_a_sentence(given: str) -> None:
    with pytest.raises(InputError, match=r"Give (a local folder or )?s3://bucket"):
        Root.open(given, create=True)


def test_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")
    with pytest.raises(InputError, match="is a file"):
        Root.open(tmp_path / "data", create=True)
    with pytest.raises(InputError, match="cannot be made"):
        Root.open(tmp_path / "data" / "below", create=True)


def test_an_empty_folder_becomes_a_root_only_when_asked(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is not a Lookalike data folder"):
        Root.open(tmp_path)
    # What a process that was killed while it made the root leaves.
    (tmp_path / ".root.json-123").write_text("{")
    assert Root.open(tmp_path, create=True) == Root.open(tmp_path)


def test_processes_that_make_one_root_at_once_all_get_it(tmp_path: Path) -> None:
    command = [sys.executable, "-c", MAKE_ROOTS, str(tmp_path)]
    makers = [subprocess.Popen(command, stdin=subprocess.PIPE, text=True) for _ in range(3)]
    for maker in makers:
        assert maker.stdin is not None
        maker.stdin.close()
    assert [maker.wait(60) for maker in makers] == [0, 0, 0]


def test_a_path_may_be_relative_or_of_the_home(
    root: Root, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert Root.open("data") == Root.open("~/data") == root


def test_a_newer_root_is_refused(root: Root) -> None:
    (root.path / "root.json").write_text(json.dumps({"schema_version": SCHEMA_VERSION + 1}))
    with pytest.raises(NewerSchemaError, match="Update Lookalike"):
        Root.open(root.path)


def test_a_damaged_version_file_is_named(root: Root) -> None:
    (root.path / "root.json").write_text("{")
    with pytest.raises(LookalikeError, match=r"root\.json is damaged"):
        Root.open(root.path)


@pytest.fixture
def older(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A root of version 1, to be opened by a made-up release that has version 3."""
    shutil.copytree(GOLDEN / "root-v1", tmp_path / "older")
    monkeypatch.setattr(root_module, "SCHEMA_VERSION", 3)
    return tmp_path / "older"


def stored_version(folder: Path) -> int:
    return json.loads((folder / "root.json").read_text())["schema_version"]


def test_an_older_root_is_migrated_step_by_step(older: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def add_season(root: Root) -> None:
        DeltaTable(root.table_path("products")).alter.add_columns(Field("season", "string"))

    def fill_season(root: Root) -> None:
        DeltaTable(root.table_path("products")).update(updates={"season": "'summer'"})

    monkeypatch.setitem(root_module.MIGRATIONS, 1, add_season)
    monkeypatch.setitem(root_module.MIGRATIONS, 2, fill_season)
    root = Root.open(older)
    assert stored_version(older) == 3
    products = DeltaTable(root.table_path("products")).to_pyarrow_table().to_pylist()
    assert [(row["title"], row["season"]) for row in products] == [("Striped linen dress", "summer")]
    # Once: opened again, nothing is migrated.
    monkeypatch.setattr(root_module, "MIGRATIONS", {})
    assert Root.open(older) == root


def test_a_migration_that_fails_is_taken_up_where_it_stopped(
    older: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[int] = []
    trouble = [RuntimeError("the power went")]

    def second(root: Root) -> None:
        if trouble:
            raise trouble.pop()
        done.append(2)

    monkeypatch.setitem(root_module.MIGRATIONS, 1, lambda root: done.append(1))
    monkeypatch.setitem(root_module.MIGRATIONS, 2, second)
    with pytest.raises(RuntimeError):
        Root.open(older)
    assert stored_version(older) == 2
    Root.open(older)
    assert (stored_version(older), done) == (3, [1, 2])


def test_nothing_is_migrated_while_an_older_release_writes(
    older: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[Root] = []
    monkeypatch.setattr(root_module, "MIGRATIONS", {1: steps.append, 2: steps.append})
    with Root(older).lock("crawl-shop.example"):
        with pytest.raises(BusyError, match=r"holds 'crawl-shop\.example'"):
            Root.open(older)
        assert (stored_version(older), steps) == (1, [])
    assert steps == []
    Root.open(older)
    assert steps == [Root(older), Root(older)]


def test_a_root_too_old_to_migrate_is_refused_as_it_is(older: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steps: list[Root] = []
    monkeypatch.setattr(root_module, "MIGRATIONS", {1: steps.append})
    with pytest.raises(LookalikeError, match="schema 1, which is too old"):
        Root.open(older)
    assert (stored_version(older), steps) == (1, [])


def test_a_lock_is_free_again_after_an_error_and_cannot_be_taken_twice(root: Root) -> None:
    with root.lock("index"), pytest.raises(BusyError), root.lock("index"):
        pass
    with pytest.raises(RuntimeError), root.lock("index"):
        raise RuntimeError
    with root.lock("index"):
        pass


def test_a_root_where_nothing_may_be_locked_is_named(root: Root) -> None:
    (root.locks / "embed.lock").mkdir()
    with pytest.raises(LookalikeError, match=r"'embed' cannot be locked"), root.lock("embed"):
        pass


def test_a_lock_keeps_other_processes_out_until_its_holder_is_killed(root: Root) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD_LOCK, str(root.path)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(BusyError, match="holds 'embed'"), root.lock("embed"):
            pass
        with root.lock("index"):
            pass
        holder.send_signal(signal.SIGKILL)
        holder.wait()
        with root.lock("embed"):
            pass
    finally:
        holder.kill()
        holder.wait()


@pytest.mark.parametrize("version", range(1, SCHEMA_VERSION + 1))
def test_a_root_of_every_schema_version_opens_for_ever(version: int, tmp_path: Path) -> None:
    shutil.copytree(GOLDEN / f"root-v{version}", tmp_path / "data")
    root = Root.open(tmp_path / "data")
    assert sorted(tables.versions(root)) == sorted(TABLES)
    (product,) = tables.read(root, "products").to_pylist()
    assert (product["title"], product["price"]) == ("Striped linen dress", Decimal("49.90"))
    assert product["first_seen"] == datetime(2026, 11, 21, 2, 30, tzinfo=UTC)
    (photo,) = tables.read(root, "images").to_pylist()
    assert photo["image_id"] == product["images"][0]["image_id"] == images.image_id(photo["bytes"])
    assert images.decode(photo["bytes"]).size == (photo["width"], photo["height"])
    for table, spec in TABLES.items():
        assert tables.read(root, table).num_rows == 1
        # It can also be written to: the row that is there changes nothing, another one is stored.
        row = tables.read(root, table).to_pylist()[0]
        if spec.key:
            assert tables.merge(root, table, [row]) == Merged(0, 0)
            assert tables.merge(root, table, [row | {spec.key[-1]: "another"}]) == Merged(1, 0)
        else:
            assert tables.append(root, table, [row]) == 1
        assert tables.read(root, table).num_rows == 2


@pytest.mark.parametrize("table", list(TABLES))
def test_the_schemas_are_those_of_the_newest_golden_root(table: str, tmp_path: Path) -> None:
    """Schemas that change need a new SCHEMA_VERSION, a migration, and a golden root of their own."""
    shutil.copytree(GOLDEN / f"root-v{SCHEMA_VERSION}", tmp_path / "data")
    stored = DeltaTable(Root.open(tmp_path / "data").table_path(table))
    assert pa.schema(stored.schema().to_arrow()).equals(TABLES[table].columns)
    assert tuple(stored.metadata().partition_columns) == TABLES[table].partition_by
