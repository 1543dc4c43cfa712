"""Damage on the disk: whatever byte of whatever file changes, the answer is the right one or a sentence."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

import lookalike
from embedding.index.build import build_index
from storage import encoders, generations, tables
from storage.errors import LookalikeError
from storage.manifest import GenerationError
from storage.root import Root
from storage.verification_cache import Verified, sha256_of
from tests import catalogues

PHOTO = catalogues.jpeg((200, 30, 90))
SETTLED_S = 2.0


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data root with two generations and a real, small encoder."""
    root = Root.open(tmp_path_factory.mktemp("sound") / "data", create=True)
    rows = catalogues.simple(root, 40)
    shutil.rmtree(encoders.folder(root, catalogues.MODEL))
    catalogues.write_encoder(root)
    build_index(root, catalogues.MODEL)
    tables.merge(root, "products", [rows[0] | {"title": "New", "content_hash": "1"}])
    build_index(root, catalogues.MODEL)
    shutil.rmtree(root.path / "tables")
    return root.path


@pytest.fixture
def data(sound: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(sound, tmp_path / "data"))


def answer(data: Path) -> tuple[object, ...]:
    """All that a search shows: everything that is read of a generation, its thumbnails and its encoder."""
    shop = lookalike.open(data)
    matches = shop.similar(PHOTO)
    return (
        shop.generation,
        *((match.rank, match.score, match.title, match.price, match.url, match.photo()) for match in matches),
        shop.product("a.example:p00000").title,
    )


def answer_or_none(data: Path) -> tuple[object, ...] | None:
    """The answer; None where a sentence says what is wrong."""
    try:
        return answer(data)
    except LookalikeError:
        return None


def used(data: Path) -> list[Path]:
    """Every file that the published generation needs."""
    current = generations.require_current(Root.open(data))
    return sorted(
        path
        for path in data.rglob("*")
        if path.is_file()
        and "locks" not in path.parts
        and (path.parent.parent.name != "index" or path.parent == current)
    )


def places(size: int) -> Iterator[int]:
    yield from sorted({0, size // 3, size // 2, size - 2, size - 1} & set(range(size)))


def test_a_changed_byte_in_any_file_is_never_a_wrong_answer(data: Path) -> None:
    right = answer(data)
    files = used(data)
    assert {file.name for file in files} >= {
        *("root.json", "CURRENT", "manifest.json", "items.arrow", "vectors.npy", "projection.npz"),
        *("encoder.json", "encoder.xml", "encoder.bin"),
    }
    assert any(file.parent.name == "thumbnails" for file in files)
    for file in files:
        whole = file.read_bytes()
        seen = []
        for at in places(len(whole)):
            file.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
            seen.append(answer_or_none(data))
        assert set(seen) <= {None, right}, file.name
        # Only white space at the end of a text may change, and nothing changes with it.
        assert seen.count(right) <= (2 if file.suffix in (".json", "") else 0), file.name
        file.write_bytes(whole)
    assert answer(data) == right


def test_a_missing_or_empty_file_is_a_sentence(data: Path) -> None:
    right = answer(data)
    for file in used(data):
        whole = file.read_bytes()
        file.write_bytes(b"")
        with pytest.raises(LookalikeError):
            answer(data)
        file.unlink()
        with pytest.raises(LookalikeError):
            answer(data)
        file.write_bytes(whole)
    assert answer(data) == right


def test_the_generation_before_answers_after_a_rollback(data: Path) -> None:
    root = Root.open(data)
    newest = generations.require_current(root)
    (newest / "items.arrow").write_bytes(b"")
    with pytest.raises(GenerationError, match="lookalike rollback"):
        lookalike.open(data)
    generations.rollback(root)
    assert lookalike.open(data).product("a.example:p00000").title == "Product p00000"


def test_a_manifest_of_a_later_release_is_refused(data: Path) -> None:
    manifest = generations.require_current(Root.open(data)) / "manifest.json"
    facts = json.loads(manifest.read_text())
    manifest.write_text(json.dumps(facts | {"schema_version": 99, "novel": []}))
    with pytest.raises(GenerationError, match="written by a newer release"):
        lookalike.open(data)


def test_answers_go_on_when_everything_is_deleted(data: Path) -> None:
    shop = lookalike.open(data)
    before = [match.product_id for match in shop.similar(PHOTO)]
    for folder in ("index", "thumbnails", "encoders"):
        shutil.rmtree(data / folder)
    matches = shop.similar(PHOTO)
    assert [match.product_id for match in matches] == before
    assert all(match.photo().startswith(b"\xff\xd8") for match in matches)
    with pytest.raises(LookalikeError):
        lookalike.open(data)


def test_what_was_verified_is_not_read_again_until_it_is_touched(tmp_path: Path) -> None:
    file, verified = tmp_path / "file", Verified(tmp_path / "marks")
    file.write_bytes(b"content")
    right = sha256_of(file)
    reads: list[str] = []

    def digest() -> str:
        reads.append(sha256_of(file))
        return reads[-1]

    def aged(**changed: int) -> SimpleNamespace:
        """The file's status as it would be an hour after its last change."""
        status = file.stat()
        names = ("st_dev", "st_ino", "st_size", "st_mtime_ns", "st_ctime_ns")
        facts = {name: getattr(status, name) for name in names} | changed
        facts |= {"st_mtime": status.st_mtime - 3600, "st_ctime": status.st_ctime - 3600}
        return SimpleNamespace(**facts)

    assert verified.confirm(file.stat(), right, digest)
    assert verified.confirm(file.stat(), right, digest)
    assert len(reads) == 2, "changed just now, it may change again within a tick of the clock"
    assert verified.confirm(aged(), right, digest)  # type: ignore[arg-type]
    assert len(reads) == 3
    assert verified.confirm(aged(), right, digest)  # type: ignore[arg-type]
    assert len(reads) == 3
    assert not verified.confirm(aged(), "0" * 64, digest), "it was verified to hold something else"  # type: ignore[arg-type]
    status = file.stat()
    for change in (
        {"st_ino": status.st_ino + 1},
        {"st_size": status.st_size + 1},
        {"st_mtime_ns": status.st_mtime_ns + 1},
        {"st_ctime_ns": status.st_ctime_ns + 1},
    ):
        seen = len(reads)
        assert verified.confirm(aged(**change), right, digest)  # type: ignore[arg-type]
        assert len(reads) == seen + 1, change


def test_a_byte_changed_after_it_was_verified_is_found(data: Path) -> None:
    """Also where the size and the time of the content are set back; the system keeps another time itself."""
    folder = generations.require_current(Root.open(data))
    file = folder / "vectors.npy"
    while time.time() - file.stat().st_ctime <= SETTLED_S:
        pass
    lookalike.open(data)
    marks = len(list(Root.open(data).verified._folder.iterdir()))
    lookalike.open(data)
    assert len(list(Root.open(data).verified._folder.iterdir())) == marks > 0
    status, whole = file.stat(), file.read_bytes()
    with file.open("r+b") as stream:
        stream.seek(-1, 2)
        stream.write(bytes([whole[-1] ^ 1]))
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert file.stat().st_mtime_ns == status.st_mtime_ns
    with pytest.raises(GenerationError, match=r"its vectors\.npy changed"):
        lookalike.open(data)


def test_marks_that_cannot_be_written_cost_nothing_but_time(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"content")
    assert Verified(file / "no folder").holds(file, sha256_of(file))
    assert not Verified(file / "no folder").holds(file, "0" * 64)
