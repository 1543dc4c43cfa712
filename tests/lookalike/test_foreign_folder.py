"""A data folder that somebody else made: whatever its files say, it is an answer or a sentence."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

import lookalike
from embedding.index import items
from storage import generations
from storage.errors import LookalikeError
from storage.export import export as write_export
from storage.manifest import GenerationError
from storage.root import Root
from tests import catalogues
from tests.foreign import COUNT, make, published, signed_again, used, with_manifest
from tests.small_disk import REPOSITORY

ARRAYS = ["vectors.npy", "entries.npy"]
PHOTO = catalogues.jpeg((200, 30, 90))
ASK = """
import sys
import lookalike
from storage.errors import LookalikeError
try:
    shop = lookalike.open(sys.argv[1])
    shop._published.index.approximate(shop._published.index.vectors[0].astype("f4"), 5, 50)
    shop.elsewhere("a.example:p00000")
    for match in shop.similar(sys.argv[2], k=5):
        match.photo()
    print("answered")
except LookalikeError as error:
    print("sentence:", error)
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("made") / "data")


@pytest.fixture
def data(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "data"))


def asked(data: Path, tmp_path: Path) -> str:
    """What a process of its own says, which a crash or a hang would end."""
    (tmp_path / "photo.jpg").write_bytes(PHOTO)
    seen = subprocess.run(
        [sys.executable, "-c", ASK, str(data), str(tmp_path / "photo.jpg")],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert seen.returncode == 0, (seen.returncode, seen.stderr[-2000:])
    return seen.stdout


def test_a_folder_signed_again_with_nothing_changed_answers(data: Path, tmp_path: Path) -> None:
    signed_again(data)
    assert asked(data, tmp_path) == "answered\n"


NAMES = ("../../victim", "..", "", "/etc", "a/b", "a\0b", ".hidden", "x" * 200, "a\nb")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("where", ["model", "thumbnail", "file"])
def test_a_name_that_leads_elsewhere_is_refused(data: Path, name: str, where: str) -> None:
    facts = json.loads((published(data) / "manifest.json").read_text())
    if where == "model":
        facts["encoder"]["model"] = name
    elif where == "thumbnail":
        facts["thumbnails"] = {name: 1}
    else:
        facts["files"][name] = {"size_bytes": 0, "sha256": "0" * 64}
    with_manifest(data, facts)
    with pytest.raises(GenerationError, match=r"is damaged \(its manifest\.json\)"):
        lookalike.open(data)


@pytest.mark.parametrize("where", ["model", "thumbnail"])
def test_no_folder_is_deleted_with_a_generation_that_names_it(data: Path, where: str) -> None:
    victim = data.parent / "victim.arrow"
    victim.mkdir()
    (victim / "letter").write_text("dear")
    facts = json.loads((published(data) / "manifest.json").read_text())
    if where == "model":
        facts["encoder"]["model"] = "../../victim.arrow"
    else:
        facts["thumbnails"] = {"../../victim": 1}
    folder = with_manifest(data, facts)
    for day in range(4):  # older than what is kept
        shutil.copytree(folder, folder.with_name(f"2020010{day + 1}T000000Z-000000000000"))
    generations.prune(Root.open(data))
    assert (victim / "letter").read_text() == "dear"


@pytest.mark.parametrize(
    "facts",
    [
        {"counts": {"items": 2**40}},
        {"counts": {"items": -1}},
        {"search": {"shards": 10**9}},
        {"search": {"dimensions": 0}},
        {"encoder": {"size": 10**6}},
        {"content": "x" * 10**6},
        {"files": {"vectors.npy": {"size_bytes": 0, "sha256": ""}}},
    ],
    ids=repr,
)
def test_numbers_beyond_reason_are_refused(data: Path, facts: dict[str, Any]) -> None:
    stored = json.loads((published(data) / "manifest.json").read_text())
    for name, change in facts.items():
        stored[name] = stored[name] | change if isinstance(change, dict) else change
    with_manifest(data, stored)
    with pytest.raises(GenerationError, match=r"is damaged \(its manifest\.json\)"):
        lookalike.open(data)


def test_a_manifest_too_large_to_be_one_is_not_read(data: Path) -> None:
    with (published(data) / "manifest.json").open("ab") as file:
        file.truncate(10**10)  # takes no room on the disk
    with pytest.raises(GenerationError, match="it holds more than"):
        lookalike.open(data)


def replaced(file: Path, how: str) -> None:
    whole = file.read_bytes()
    file.unlink()
    if how == "pipe":
        os.mkfifo(file)
    elif how == "device":
        file.symlink_to("/dev/zero")
    elif how == "folder":
        file.mkdir()
    else:
        target = file.parents[3] / "elsewhere"
        target.write_bytes(whole)
        file.symlink_to(target)


@pytest.mark.parametrize("how", ["pipe", "device", "folder", "link"])
def test_what_is_no_regular_file_is_neither_opened_nor_exported(data: Path, tmp_path: Path, how: str) -> None:
    for file in used(data):
        copy = Path(shutil.copytree(data, tmp_path / "copy"))
        replaced(copy / file.relative_to(data), how)
        with pytest.raises(LookalikeError):
            lookalike.open(copy).similar(PHOTO, k=COUNT)
        with pytest.raises(LookalikeError):
            write_export(Root.open(copy), tmp_path / "export")
        assert not (tmp_path / "export").exists()
        shutil.rmtree(copy)


@pytest.mark.parametrize("how", ["pipe", "link"])
@pytest.mark.parametrize(
    "name", ["items.arrow", "vectors.npy", "vectors.ann", "projection.npz", "entries.npy"]
)
def test_what_a_manifest_leaves_out_is_opened_as_little(data: Path, name: str, how: str) -> None:
    if name == "entries.npy":
        np.save(published(data) / name, np.arange(COUNT, dtype=np.int32))
        signed_again(data, search={"entries": COUNT})
    facts = json.loads((published(data) / "manifest.json").read_text())
    facts["files"].pop(name, None)
    replaced(with_manifest(data, facts) / name, how)
    with pytest.raises(LookalikeError, match=r"it is no regular file|it is a symbolic link"):
        lookalike.open(data)


@pytest.mark.parametrize("name", ["index", "encoders", "thumbnails", "generation", "model"])
def test_a_folder_that_is_a_link_is_not_followed(data: Path, tmp_path: Path, name: str) -> None:
    folder = {
        "generation": published(data),
        "model": data / "encoders" / catalogues.MODEL,
    }.get(name, data / name)
    folder.rename(tmp_path / "elsewhere")
    folder.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(LookalikeError, match="is a symbolic link"):
        lookalike.open(data).similar(PHOTO)


def with_nodes(data: Path, change: Callable[[np.ndarray, int], None]) -> None:
    file = published(data) / "vectors.ann"
    facts = json.loads((published(data) / "manifest.json").read_text())
    width = 3 + (facts["search"]["ann_dimensions"] or facts["search"]["dimensions"])
    nodes = np.fromfile(file, "<i4").reshape(-1, width)
    change(nodes, facts["counts"]["items"])
    nodes.tofile(file)
    signed_again(data)


def out_of_range(nodes: np.ndarray, rows: int) -> None:
    nodes[rows:, 1:3] = 2**30


def negative(nodes: np.ndarray, rows: int) -> None:
    nodes[rows:, 1] = -5


def negative_count(nodes: np.ndarray, rows: int) -> None:
    nodes[rows:-20, 0] = -1


def empty_leaf(nodes: np.ndarray, rows: int) -> None:
    nodes[rows:, 0] = np.where(nodes[rows:, 0] == rows, rows, 0)
    nodes[rows, 0] = 0


def item_that_is_none(nodes: np.ndarray, rows: int) -> None:
    nodes[3, 0] = 10**6
    nodes[3, 1:3] = 2**30


@pytest.mark.parametrize("change", [out_of_range, negative, negative_count, empty_leaf, item_that_is_none])
def test_nodes_that_would_crash_annoy_are_a_sentence(
    data: Path, tmp_path: Path, change: Callable[[np.ndarray, int], None]
) -> None:
    with_nodes(data, change)
    assert "vectors.ann cannot be read" in asked(data, tmp_path)


def with_columns(data: Path, table: pa.Table, compression: str | None = None) -> None:
    file = published(data) / "items.arrow"
    options = pa.ipc.IpcWriteOptions(compression=compression)
    written = file.with_suffix(".new")  # the table is a map of the file itself
    with (
        pa.OSFile(str(written), "wb") as sink,
        pa.ipc.new_file(sink, table.schema, options=options) as writer,
    ):
        writer.write_table(table)
    written.replace(file)


def test_text_beyond_its_buffer_is_a_sentence(data: Path, tmp_path: Path) -> None:
    file = published(data) / "items.arrow"
    table = items.read(file)
    offsets = table["title"].chunk(0).buffers()[1].to_pybytes()
    whole = file.read_bytes()
    bad = np.frombuffer(offsets, np.int32).copy()
    bad[1:] = 2**31 - 1
    assert whole.count(offsets) >= 1
    del table
    file.write_bytes(whole.replace(offsets, bad.tobytes()))
    signed_again(data)
    assert asked(data, tmp_path).startswith("sentence:")


def test_rows_that_are_compressed_are_a_sentence(data: Path, tmp_path: Path) -> None:
    with_columns(data, items.read(published(data) / "items.arrow").combine_chunks(), "zstd")
    signed_again(data)
    assert "it is compressed" in asked(data, tmp_path)


@pytest.mark.parametrize("column", [field.name for field in items.SCHEMA])
def test_a_column_of_another_type_is_a_sentence(data: Path, column: str) -> None:
    table = items.read(published(data) / "items.arrow").combine_chunks()
    at = table.schema.get_field_index(column)
    with_columns(data, table.set_column(at, column, pa.array([None] * COUNT, pa.list_(pa.int8()))))
    signed_again(data)
    with pytest.raises(GenerationError, match="cannot be read"):
        lookalike.open(data)


@pytest.mark.parametrize(
    ("column", "says"),
    [
        ("thumbnail_row", "There is no thumbnail"),
        ("product", "it is not of 60 products"),
        ("article", "an article is no product"),
    ],
)
def test_a_number_out_of_range_is_a_sentence(data: Path, tmp_path: Path, column: str, says: str) -> None:
    table = items.read(published(data) / "items.arrow").combine_chunks()
    at = table.schema.get_field_index(column)
    with_columns(data, table.set_column(at, column, pa.array([10**9] * COUNT, pa.int32())))
    signed_again(data)
    assert says in asked(data, tmp_path)


def with_shard(data: Path, change: Callable[[bytes], bytes]) -> None:
    [file] = (data / "thumbnails").glob("*.arrow")
    whole = change(file.read_bytes())
    name = hashlib.sha256(whole).hexdigest()[:20]
    file.unlink()
    file.with_name(f"{name}.arrow").write_bytes(whole)
    facts = json.loads((published(data) / "manifest.json").read_text())
    facts["thumbnails"] = {name: len(whole)}
    with_manifest(data, facts)
    table = items.read(published(data) / "items.arrow").combine_chunks()
    at = table.schema.get_field_index("thumbnail_shard")
    coded = pa.DictionaryArray.from_arrays(pa.array([0] * COUNT, pa.int32()), [name])
    with_columns(data, table.set_column(at, "thumbnail_shard", coded))
    signed_again(data)


def test_thumbnails_beyond_their_buffer_are_a_sentence(data: Path, tmp_path: Path) -> None:
    def beyond(whole: bytes) -> bytes:
        table = pa.ipc.open_file(pa.py_buffer(whole)).read_all()
        offsets = table["jpeg"].chunk(0).buffers()[1].to_pybytes()
        bad = np.frombuffer(offsets, np.int32).copy()
        bad[1:] = 2**31 - 1
        return whole.replace(offsets, bad.tobytes())

    with_shard(data, lambda whole: whole)
    assert asked(data, tmp_path) == "answered\n"
    with_shard(data, beyond)
    assert "are damaged" in asked(data, tmp_path)


def test_arrays_that_take_more_than_they_may_are_a_sentence(data: Path) -> None:
    np.savez_compressed(published(data) / "projection.npz", mean=np.zeros(2 * 10**8, np.float32))
    signed_again(data)
    with pytest.raises(GenerationError, match="its arrays take more than"):
        lookalike.open(data)


def test_a_projection_of_another_encoder_is_a_sentence(data: Path) -> None:
    with (published(data) / "projection.npz").open("wb") as file:
        np.savez(file, mean=np.zeros(7, np.float32), matrix=np.ones((7, catalogues.DIM), np.float32))
    signed_again(data)
    with pytest.raises(GenerationError, match="does not hold what its manifest says"):
        lookalike.open(data)
