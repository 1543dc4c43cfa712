from __future__ import annotations

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from embedding.index import candidate_index
from embedding.index.candidate_index import CandidateIndex
from embedding.index.engines import ENDINGS, engine
from embedding.index.vectors import FILE, widen
from storage.errors import InputError, LookalikeError
from storage.manifest import GenerationError
from tests.embedding.index.test_search import DIMENSIONS, vectors

REPOSITORY = Path(__file__).parents[3]
EVERY = pytest.mark.parametrize("name", ENDINGS)


def saved(folder: Path, stored: np.ndarray) -> Path:
    folder.mkdir(exist_ok=True)
    np.save(folder / FILE, stored)
    return folder / FILE


def forest_files(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in sorted(folder.iterdir()) if file.name != FILE}


@EVERY
def test_equal_vectors_give_an_equal_forest_whoever_builds_it(name: str, tmp_path: Path) -> None:
    """With one process after the other or two at once."""
    for place, workers in (("a", 1), ("b", 2)):
        file = saved(tmp_path / place, vectors(3000))
        candidate_index.build(file, dimensions=16, trees=8, shards=3, workers=workers, name=name)
    files = forest_files(tmp_path / "a")
    assert list(files) == [f"vectors-000{shard}.{ENDINGS[name]}" for shard in range(3)]
    assert files == forest_files(tmp_path / "b")


@EVERY
def test_one_shard_has_no_number(name: str, tmp_path: Path) -> None:
    candidate_index.build(saved(tmp_path, vectors(50)), dimensions=16, trees=8, name=name)
    assert list(forest_files(tmp_path)) == [f"vectors.{ENDINGS[name]}"]
    assert (tmp_path / f"vectors.{ENDINGS[name]}").stat().st_mode & 0o777 == 0o644
    candidate_index.remove(tmp_path)
    assert forest_files(tmp_path) == {}
    assert (tmp_path / FILE).exists()


@EVERY
@pytest.mark.parametrize("shards", [1, 3])
def test_shards_are_asked_as_one(name: str, tmp_path: Path, shards: int) -> None:
    stored = vectors(3000)
    candidate_index.build(saved(tmp_path, stored), dimensions=DIMENSIONS, trees=16, shards=shards, name=name)
    forest = CandidateIndex.load(tmp_path, 3000, DIMENSIONS, shards, name)
    found = []
    for row in range(0, 3000, 30):
        query = widen(stored[row])
        rows = forest.candidates(query, 40, 3000)
        assert (np.diff(rows) > 0).all()
        assert row in rows
        found.append(np.isin(np.argsort(-(widen(stored) @ query))[:5], rows).mean())
    assert np.mean(found) > 0.99


@EVERY
def test_threads_are_answered_alike(name: str, tmp_path: Path) -> None:
    stored = vectors(3000)
    candidate_index.build(saved(tmp_path, stored), dimensions=DIMENSIONS, trees=16, name=name)
    forest = CandidateIndex.load(tmp_path, 3000, DIMENSIONS, name=name)

    def ask(row: int) -> list[int]:
        return forest.candidates(widen(stored[row]), 20, 200).tolist()

    rows = list(range(0, 3000, 5))
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(ask, rows)) == [ask(row) for row in rows]


@EVERY
def test_a_forest_needs_no_more_room_than_was_asked_for(name: str, tmp_path: Path) -> None:
    for rows, dimensions in ((50, 16), (3000, 16), (3000, 64)):
        for size in engine(name).sizes:
            candidate_index.build(
                saved(tmp_path, vectors(rows)), dimensions=min(dimensions, DIMENSIONS), trees=size, name=name
            )
            (file,) = forest_files(tmp_path).values()
            assert len(file) <= engine(name).most_bytes(rows, min(dimensions, DIMENSIONS), size)


def test_an_engine_that_is_not_there_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match=r"no index engine 'faiss'\. Choose annoy or usearch"):
        engine("faiss")
    monkeypatch.delitem(sys.modules, "embedding.index.usearch_files", raising=False)
    monkeypatch.setitem(sys.modules, "usearch.index", None)
    with pytest.raises(InputError, match=r"pip install 'lookalike\[usearch\]'"):
        engine("usearch")


@EVERY
def test_the_leading_dimensions_are_what_is_compared(name: str, tmp_path: Path) -> None:
    stored = vectors(500)
    noisy = stored.copy()
    noisy[:, 8:] = vectors(500, seed=4)[:, 8:]
    for place, given in (("a", stored), ("b", noisy)):
        candidate_index.build(saved(tmp_path / place, given), dimensions=8, trees=4, name=name)
    assert forest_files(tmp_path / "a") == forest_files(tmp_path / "b")


def test_a_forest_larger_than_the_disk_is_not_begun(tmp_path: Path) -> None:
    file = saved(tmp_path, vectors(100))
    with pytest.raises(LookalikeError, match=r"The index needs [\d,]+ MB .* Free some space"):
        candidate_index.build(file, dimensions=16, trees=10**9, shards=2)
    assert forest_files(tmp_path) == {}


@EVERY
def test_a_forest_of_another_size_is_refused(name: str, tmp_path: Path) -> None:
    candidate_index.build(saved(tmp_path, vectors(100)), dimensions=16, trees=4, shards=2, name=name)
    with pytest.raises(GenerationError, match=r"it does not hold 49 (items|rows)"):
        CandidateIndex.load(tmp_path, 99, 16, 2, name)
    last = tmp_path / f"vectors-0001.{ENDINGS[name]}"
    last.unlink()
    with pytest.raises(GenerationError, match=rf"{last.name} cannot be read"):
        CandidateIndex.load(tmp_path, 100, 16, 2, name)


BUILD = """
import sys
from pathlib import Path
from embedding.index import candidate_index

if __name__ == "__main__":
    print("ready", flush=True)
    candidate_index.build(Path(sys.argv[1]), dimensions=40, trees=10_000, shards=2)
"""


def test_builders_end_with_the_process_that_started_them(tmp_path: Path) -> None:
    """Killed, it cannot end them itself; they would work on for nobody."""
    script = tmp_path / "build.py"
    script.write_text(BUILD)
    file = saved(tmp_path / "index", vectors(3000))
    with subprocess.Popen([sys.executable, script, file], cwd=REPOSITORY, stdout=subprocess.PIPE) as parent:
        while len(builders := children(parent.pid)) < 2:
            assert parent.poll() is None
        parent.kill()
    deadline = time.monotonic() + 60
    while any(Path(f"/proc/{builder}").exists() for builder in builders):
        assert time.monotonic() < deadline


UNGUARDED = """
import sys
from pathlib import Path
from embedding.index import candidate_index

print("runs")
candidate_index.build(Path(sys.argv[1]), dimensions=16, trees=4, shards=2, workers=2)
"""
"""As an analyst writes it, without `if __name__ == "__main__"`."""

ODD_MAIN = """
import sys
from pathlib import Path
from types import ModuleType
from embedding.index import candidate_index

print("runs")
other = ModuleType("__main__")
other.__file__ = "/nowhere/page.py"
sys.modules["__main__"] = other
candidate_index.build(Path(sys.argv[1]), dimensions=16, trees=4, shards=2, workers=2)
"""
"""As Streamlit does it with the script of a page."""


@pytest.mark.parametrize("script", [UNGUARDED, ODD_MAIN], ids=["unguarded", "odd main"])
def test_builders_do_not_run_their_callers_script(script: str, tmp_path: Path) -> None:
    (tmp_path / "build.py").write_text(script)
    file = saved(tmp_path / "index", vectors(3000))
    command = [sys.executable, tmp_path / "build.py", file]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "runs\n"), done.stderr
    assert len(forest_files(file.parent)) == 2


def children(pid: int) -> list[int]:
    """The builders that a process started."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            if parent == pid and b"popen_loky" in (folder / "cmdline").read_bytes():
                found.append(int(folder.name))
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found
