"""The data root: creation, versions, migration and locks."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from storage import root as root_module
from storage import tables
from storage.errors import BusyError, InputError, LookalikeError, NewerSchemaError
from storage.root import Root
from storage.schemas import SCHEMA_VERSION

GOLDEN = Path(__file__).parent.parent / "golden"

HOLD_LOCK = """
import sys, time
from storage.root import Root
with Root.open(sys.argv[1]).lock("embed"):
    print("held", flush=True)
    time.sleep(60)
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


@pytest.mark.parametrize("given", ["s3://bucket/data", "gs://bucket"])
def test_a_bucket_is_refused_with_a_sentence(given: str) -> None:
    with pytest.raises(InputError, match="Give a local folder"):
        Root.open(given, create=True)


def test_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")
    with pytest.raises(InputError, match="is a file"):
        Root.open(tmp_path / "data", create=True)


def test_a_newer_root_is_refused(root: Root) -> None:
    (root.path / "root.json").write_text(json.dumps({"schema_version": SCHEMA_VERSION + 1}))
    with pytest.raises(NewerSchemaError, match="Update Lookalike"):
        Root.open(root.path)


def test_a_damaged_version_file_is_named(root: Root) -> None:
    (root.path / "root.json").write_text("{")
    with pytest.raises(LookalikeError, match=r"root\.json is damaged"):
        Root.open(root.path)


def test_an_older_root_is_migrated_step_by_step(root: Root, monkeypatch: pytest.MonkeyPatch) -> None:
    (root.path / "root.json").write_text(json.dumps({"schema_version": SCHEMA_VERSION - 1}))

    def rename(path: Path) -> None:
        (path / "old-name").rename(path / "new-name")

    monkeypatch.setitem(root_module.MIGRATIONS, SCHEMA_VERSION - 1, rename)
    (root.path / "old-name").mkdir()
    Root.open(root.path)
    assert (root.path / "new-name").is_dir()
    assert json.loads((root.path / "root.json").read_text()) == {"schema_version": SCHEMA_VERSION}


def test_a_root_too_old_to_migrate_is_refused(root: Root) -> None:
    (root.path / "root.json").write_text(json.dumps({"schema_version": -3}))
    with pytest.raises(LookalikeError, match="too old"):
        Root.open(root.path)


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


def test_the_root_of_schema_version_1_opens_for_ever(tmp_path: Path) -> None:
    shutil.copytree(GOLDEN / "root-v1", tmp_path / "data")
    root = Root.open(tmp_path / "data")
    product = tables.read(root, "products").to_pylist()[0]
    assert product["title"] == "Striped linen dress"
    assert str(product["price"]) == "49.9000"
    assert product["images"][0]["image_id"] == tables.read(root, "images").to_pylist()[0]["image_id"]
