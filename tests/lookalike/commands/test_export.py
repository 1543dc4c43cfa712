"""`lookalike export`: a folder that answers without what it came from."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from embedding.index.build import build_index
from lookalike.cli import main
from storage import encoders, generations
from storage.root import Root
from tests import catalogues
from tests.small_disk import REPOSITORY, mounted

ASK = """
import sys
import lookalike
shop = lookalike.open(sys.argv[1])
matches = shop.similar(sys.argv[2], k=3)
assert all(match.photo().startswith(b"\\xff\\xd8") for match in matches)
print(shop.generation, len(matches), shop.product("a.example:p00003").title)
"""


@pytest.fixture
def root(root: Root) -> Root:
    """A data root with a published generation and a real, small encoder."""
    catalogues.simple(root, 30)
    shutil.rmtree(encoders.folder(root, catalogues.MODEL))
    catalogues.write_encoder(root)
    build_index(root, catalogues.MODEL)
    return root


def test_an_export_answers_in_a_fresh_process_when_its_origin_is_gone(
    root: Root, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = generations.current_name(root)
    assert main(["export", str(tmp_path / "copy"), "--json", "--data", str(root)]) == 0
    said = json.loads(capsys.readouterr().out)
    copy = (tmp_path / "copy").rename(tmp_path / "copied away")
    size_bytes = sum(
        file.stat().st_size for file in copy.rglob("*") if file.parent.name != copy.name and file.is_file()
    )
    assert said["generation"] == name
    assert (said["folder"], said["products"], said["items"]) == (str(tmp_path / "copy"), 30, 30)
    assert size_bytes - 100 < said["size_bytes"] <= size_bytes
    shutil.rmtree(root.path)
    photo = tmp_path / "photo.jpg"
    photo.write_bytes(catalogues.jpeg((120, 40, 90)))
    seen = subprocess.run(
        [sys.executable, "-c", ASK, str(copy), str(photo)], cwd=REPOSITORY, capture_output=True, text=True
    )
    assert seen.returncode == 0, seen.stderr
    assert seen.stdout == f"{name} 3 Product p00003\n"


def test_in_words(root: Root, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", str(tmp_path / "copy"), "--data", str(root)]) == 0
    assert capsys.readouterr().out.startswith(
        f"Generation {generations.current_name(root)} (30 products, 30 photos, "
    )


@pytest.mark.parametrize(
    ("target", "code", "says"),
    [
        ("data", 2, "is not an empty folder. Give a new folder to export to."),
        ("photo.jpg", 2, "is not an empty folder"),
        ("photo.jpg/below", 2, "(Not a directory). Give a folder you may write to."),
    ],
)
def test_where_nothing_can_be_written_is_one_sentence(
    root: Root, tmp_path: Path, capsys: pytest.CaptureFixture[str], target: str, code: int, says: str
) -> None:
    (tmp_path / "photo.jpg").write_bytes(b"photo")
    before = sorted(path for path in root.path.rglob("*") if path.parent.name != "locks")
    assert main(["export", str(tmp_path / target), "--data", str(root)]) == code
    (sentence,) = capsys.readouterr().err.splitlines()
    assert sentence.startswith("lookalike: ")
    assert says in sentence
    assert sorted(path for path in root.path.rglob("*") if path.parent.name != "locks") == before
    assert (tmp_path / "photo.jpg").read_bytes() == b"photo"


def test_a_full_disk_is_one_sentence_and_nothing_is_left(
    root: Root, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with mounted(tmp_path / "stick", 1_000_000) as small:
        if not small:
            return  # only a disk of its own may be filled
        assert main(["export", str(tmp_path / "stick" / "copy"), "--data", str(root)]) == 1
        assert "failed (No space left on device: " in capsys.readouterr().err
        assert list((tmp_path / "stick").iterdir()) == []


def test_nothing_published_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Root.open(tmp_path / "empty", create=True)
    assert main(["export", str(tmp_path / "copy"), "--data", str(tmp_path / "empty")]) == 2
    assert "holds no published index yet" in capsys.readouterr().err
    assert not (tmp_path / "copy").exists()
