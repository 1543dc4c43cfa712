"""A disk that fills up while something is written: a sentence, and what was stored before is as it was."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import lookalike
from embedding.index.build import build_index
from storage import encoders, generations, tables
from storage.root import Root
from tests import catalogues
from tests.small_disk import copied, fill, mounted, run, start

PRODUCTS = 300

BUILD = """
import sys
from embedding.index.build import build_index
from storage.errors import LookalikeError
from storage.root import Root
from tests import catalogues
try:
    print("built", build_index(Root.open(sys.argv[1]), catalogues.MODEL).generation)
except LookalikeError as error:
    print("said", error)
"""

WRITE = """
import sys
from storage import tables
from storage.errors import LookalikeError
from storage.root import Root
from tests import catalogues
from storage import images
import os
root = Root.open(sys.argv[1])
data = {images.image_id(bytes([at])): os.urandom(40_000) for at in range(50)}
try:
    catalogues.write_photos(root, data)
    more = [catalogues.product("b.example", f"q{at}", list(data)) for at in range(3000)]
    tables.merge(root, "products", more)
    print("written")
except LookalikeError as error:
    print("said", error)
"""

POINT = """
import sys
from storage import generations
from storage.errors import LookalikeError
from storage.root import Root
try:
    print("at", generations.rollback(Root.open(sys.argv[1])))
except LookalikeError as error:
    print("said", error)
"""

CONVERT = """
import sys
from storage.errors import LookalikeError
from storage.root import Root
from tests import catalogues
try:
    catalogues.write_encoder(Root.open(sys.argv[1]), "big", size=64)
    print("written")
except LookalikeError as error:
    print("said", error)
"""


@pytest.fixture(scope="module")
def waiting(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data root with a published generation, where the next build has thumbnails and an index to make."""
    root = Root.open(tmp_path_factory.mktemp("waiting") / "data", create=True)
    rows = catalogues.simple(root, PRODUCTS)
    encoders.folder(root, catalogues.MODEL).joinpath("encoder.json").unlink()
    encoders.folder(root, catalogues.MODEL).rmdir()
    catalogues.write_encoder(root)
    tables.merge(root, "products", [row | {"removed_at": catalogues.SEEN} for row in rows[:50]])
    build_index(root, catalogues.MODEL)
    tables.merge(root, "products", [row | {"content_hash": "1"} for row in rows[:50]])
    return root.path


def looks(folder: Path) -> list[tuple[str, float]]:
    """What an open shop answers, thumbnails read."""
    matches = lookalike.open(folder).similar("a.example:p00100")
    assert all(match.photo() for match in matches)
    return [(match.product_id, round(match.score, 4)) for match in matches]


def build_on_a_disk_with(free_bytes: int, waiting: Path, tmp_path: Path) -> str:
    """What a build says that has this much space."""
    with copied(waiting, tmp_path / "disk", free_bytes) as limits:
        root = Root.open(tmp_path / "disk" / "data")
        before = generations.current_name(root), tables.versions(root), looks(root.path)
        seen = run(BUILD, root.path, **limits)
        assert seen.returncode == 0, f"{free_bytes} bytes: {seen.returncode} {seen.stderr}"
        said = seen.stdout.strip()
        if said.startswith("said"):
            assert (generations.current_name(root), tables.versions(root), looks(root.path)) == before
            assert [path.name for path in root.index.iterdir() if path.name.startswith(".")] == []
        else:
            assert looks(root.path)
            assert generations.current_name(root) != before[0]
        return said


def test_a_build_without_space_leaves_the_published_generation(waiting: Path, tmp_path: Path) -> None:
    for free_bytes in (0, 2_600_000):
        assert build_on_a_disk_with(free_bytes, waiting, tmp_path).startswith("said The index")


@pytest.mark.slow
def test_at_every_moment_of_a_build(waiting: Path, tmp_path: Path) -> None:
    """From nothing free to enough, in steps finer than what is written at once."""
    said = [build_on_a_disk_with(free, waiting, tmp_path) for free in steps()]
    assert said[0].startswith("said")
    assert said[-1].startswith("built")
    # Once there is enough, there is enough.
    assert [one.split()[0] for one in said] == sorted((one.split()[0] for one in said), reverse=True)


def steps() -> Iterator[int]:
    yield from (0, 4096, 65_536, 1_000_000)
    yield from range(2_300_000, 5_000_000, 300_000)
    yield 20_000_000


def test_a_table_that_cannot_be_written_is_as_it_was(waiting: Path, tmp_path: Path) -> None:
    for free_bytes in (0, 2_050_000):
        with copied(waiting, tmp_path / "disk", free_bytes) as limits:
            root = Root.open(tmp_path / "disk" / "data")
            before = tables.versions(root)
            seen = run(WRITE, root.path, **limits)
            assert seen.returncode == 0, seen.stderr
            assert seen.stdout.startswith("said The disk is full: the table '"), seen.stdout
            assert tables.read(root, "products").num_rows == PRODUCTS
            assert tables.versions(root)["products"] == before["products"]
            photos = tables.read(root, "images")
            assert photos.num_rows in (PRODUCTS, PRODUCTS + 50)
            (tmp_path / "disk" / "filler").unlink(missing_ok=True)
            roomy = shutil.copytree(root.path, tmp_path / f"roomy-{free_bytes}")
        assert run(WRITE, roomy).stdout == "written\n", "with space again it goes on"
        assert tables.read(Root.open(roomy), "images").num_rows == PRODUCTS + 50


def test_current_is_never_half_written(waiting: Path, tmp_path: Path) -> None:
    both = shutil.copytree(waiting, tmp_path / "data")
    first = generations.current_name(Root.open(both))
    assert build_index(Root.open(both), catalogues.MODEL).generation
    second = generations.current_name(Root.open(both))
    with copied(both, tmp_path / "disk", 0) as limits:
        root = Root.open(tmp_path / "disk" / "data")
        seen = run(POINT, root.path, **limits)
        assert seen.returncode == 0, seen.stderr
        if limits:
            assert generations.current_name(root) in (first, second)
            return
        assert "CURRENT cannot be written (No space left on device)" in seen.stdout
        assert generations.current_name(root) == second
        assert sorted(path.name for path in root.index.iterdir()) == sorted(
            ["CURRENT", str(first), str(second)]
        )


def test_an_encoder_that_does_not_fit_is_not_there(waiting: Path, tmp_path: Path) -> None:
    with copied(waiting, tmp_path / "disk", 3_000_000) as limits:
        root = Root.open(tmp_path / "disk" / "data")
        seen = run(CONVERT, root.path, **limits)
        if not limits:
            assert seen.returncode == 0, seen.stderr
            assert "said The encoder does not fit" in seen.stdout
        assert encoders.available(root) == [catalogues.MODEL]


FOREST = """
import sys
from pathlib import Path
from embedding.index import candidate_index
from storage.errors import LookalikeError
if __name__ == "__main__":
    try:
        candidate_index.build(Path(sys.argv[1]), dimensions=64, trees=300)
        print("built")
    except LookalikeError as error:
        print("said", error)
"""


def test_a_disk_that_another_process_fills_while_annoy_writes(tmp_path: Path) -> None:
    """A write through a memory map is the one that no check before can make safe."""
    with mounted(tmp_path / "disk", 120_000_000) as small:
        if not small:
            return  # only a disk of its own may be filled
        vectors = tmp_path / "disk" / "vectors.npy"
        np.save(vectors, np.random.default_rng(1).standard_normal((6000, 64)).astype(np.float16))
        builder = start(FOREST, vectors)
        while builder.poll() is None and not vectors.with_name("vectors.ann").exists():
            pass
        fill(tmp_path / "disk", 0)
        said, trouble = builder.communicate(timeout=120)
        assert builder.returncode == 0, trouble
        assert said.startswith("said A process that built a part of the index was ended")
