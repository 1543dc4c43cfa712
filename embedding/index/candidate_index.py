"""A generation's candidate index: built reproducibly, and checked before it is opened.

It holds only the leading dimensions of the vectors, which a projection sorts by variance: candidates are
ranked by all of them afterwards, and the fewer an engine compares the less it reads. Many rows are split into
files, shards, which processes build in parallel and a search queries together. In a whole build a shard is a
range of rows: they are in the order of the photos' hashes, so each holds a random part.

An index that has grown (`embedding.index.growth`) keeps its shards. `entries.npy` then says which row each of
their entries is now, and one more shard holds the rows that were added.
"""

from __future__ import annotations

import itertools
import math
import os
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from threading import Thread

import numpy as np
from loky import ProcessPoolExecutor

from embedding.index.engines import ENDINGS, Candidates, engine
from storage.arrays import map_array
from storage.errors import LookalikeError
from storage.manifest import WAY_OUT, GenerationError
from storage.verification_cache import Unremembered, Verified

SEED = 20_261

ENTRIES_FILE = "entries.npy"
"""int32 [entries], of all shards one after another: the row of each entry, -1 where it was removed."""

_SMALL_ROWS = 4096
"""Rows that are built in this process: a few MB, written in a moment."""


Part = tuple[str, Path, Path, int, int, int, int]
"""The arguments of `build_shard`."""

Elsewhere = Callable[[Sequence[Part]], bool]
"""Builds shards by other processes; False if it could not build all."""

_elsewhere: ContextVar[Elsewhere | None] = ContextVar("elsewhere", default=None)


@contextmanager
def built_elsewhere(elsewhere: Elsewhere | None) -> Iterator[None]:
    """Inside the block, several shards are built elsewhere; here only if that fails."""
    token = _elsewhere.set(elsewhere)
    try:
        yield
    finally:
        _elsewhere.reset(token)


class CandidateIndex:
    """An engine's shards, memory-mapped and searched as one. Thread-safe.

    :ivar dimensions: leading dimensions of the vectors that it holds.
    """

    def __init__(
        self,
        shards: list[Candidates],
        bounds: list[tuple[int, int]],
        dimensions: int,
        entries: np.ndarray | None = None,
        added: int = 0,
    ) -> None:
        self.dimensions = dimensions
        self._shards, self._starts = shards, [start for start, _ in bounds]
        self._entries = entries
        # How much a search has to inspect grows slower than the rows: for the same recall 2,457 nodes of
        # 35,576 rows, and 6,553 of 500,000.
        roots = np.sqrt([stop - start for start, stop in bounds])
        self._efforts = (roots / roots.sum()).tolist()
        self._random, self._added = len(shards) - bool(added), added
        present = 1 if entries is None else int(np.count_nonzero(entries >= 0))
        self._widening = 1.0 if entries is None else len(entries) / max(1, present)

    @classmethod
    def load(
        cls,
        folder: Path,
        rows: int,
        dimensions: int,
        shards: int = 1,
        name: str = "annoy",
        verified: Verified | None = None,
        *,
        entries: int | None = None,
        added: int = 0,
    ) -> CandidateIndex:
        """Opens what `build` or `embedding.index.growth` wrote, here or elsewhere.

        :param name: of the engine.
        :param entries: of all shards, if `ENTRIES_FILE` says which rows they are; None where they are all
            rows in their order.
        :param added: entries of the last shard, if that holds what was added to a whole build, else 0.
        :param verified: which files were looked at before; where None, all are.
        :raises GenerationError: a file is missing or does not hold as many vectors of that length.
        :raises InputError: the engine is not installed.
        """
        bounds = shard_bounds(rows if entries is None else entries, shards, added)
        opened = [
            _open(name, file, stop - start, dimensions, verified or Unremembered())
            for file, (start, stop) in zip(files(folder, shards, name), bounds, strict=True)
        ]
        return cls(opened, bounds, dimensions, _read_entries(folder, rows, entries), added)

    def candidates(self, query: np.ndarray, count: int, search_k: int) -> np.ndarray:
        """Rows that are likely among the nearest, by the leading dimensions.

        :param query: float32 [at least dimensions].
        :param count: how many; of several shards somewhat more are returned.
        :param search_k: how many to inspect, in all shards together.
        :return: int64, ascending.
        """
        count, shards = math.ceil(count * self._widening), self._random
        head = query[: self.dimensions]
        # Of the nearest, a shard of a whole build holds its share more or less; what was added may be alike.
        share = count if shards == 1 else min(count, 2 * math.ceil(count / shards) + 8)
        found = [
            shard.nearest(head, share if at < shards else count, math.ceil(search_k * effort)) + start
            for at, (shard, start, effort) in enumerate(
                zip(self._shards, self._starts, self._efforts, strict=True)
            )
        ]
        rows = found[0] if len(found) == 1 else np.concatenate(found)
        if self._entries is not None:
            rows = self._entries[rows].astype(np.int64)
            rows = rows[rows >= 0]
        rows.sort()
        return rows

    def rows_of_added(self) -> np.ndarray:
        """The rows in the shard of what was added, int32."""
        last = (
            np.empty(0, np.int32)
            if self._entries is None
            else self._entries[len(self._entries) - self._added :]
        )
        return np.asarray(last[last >= 0])


def build(
    vectors: Path,
    *,
    dimensions: int,
    trees: int,
    shards: int = 1,
    workers: int | None = None,
    name: str = "annoy",
) -> None:
    """Builds the candidate index of a file of vectors, beside it, with row numbers as ids.

    Equal vectors give equal files, however many processes work.

    :param vectors: a `.npy`, float16 [n, at least dimensions].
    :param dimensions: how many of the leading ones the engine compares.
    :param trees: how much is built, see `Engine.sizes`.
    :param shards: files, at most n.
    :param name: of the engine.
    :param workers: processes at once; one a processor where None.
    :raises LookalikeError: the disk is too full for it.
    """
    rows = len(np.load(vectors, mmap_mode="r"))
    _check_space(vectors.parent, engine(name).most_bytes(rows, dimensions, trees))
    parts = [
        (name, file, vectors, start, stop, dimensions, trees)
        for file, (start, stop) in zip(
            files(vectors.parent, shards, name), shard_bounds(rows, shards), strict=True
        )
    ]
    _run(parts, rows, workers)


def build_apart(file: Path, vectors: Path, dimensions: int, trees: int, name: str) -> None:
    """Builds one shard of all rows of a file of vectors; see `build`."""
    rows = len(np.load(vectors, mmap_mode="r"))
    _check_space(file.parent, engine(name).most_bytes(rows, dimensions, trees))
    _run([(name, file, vectors, 0, rows, dimensions, trees)], rows)


def _run(parts: list[Part], rows: int, workers: int | None = None) -> None:
    """Calls `build_shard` for each part.

    :param rows: of all parts together.
    """
    if (elsewhere := _elsewhere.get()) and len(parts) > 1 and elsewhere(parts):
        return
    workers = min(workers or len(os.sched_getaffinity(0)), len(parts))
    if workers == 1 and rows <= _SMALL_ROWS:
        for part in parts:
            build_shard(*part)
        return
    # A process of its own, also for a single shard: where the disk fills up after all while Annoy writes, it
    # is killed and not this one. Not by fork, which copies locks that other threads hold; not by spawn, which
    # runs the caller's script again where that has no `if __name__ == "__main__"`.
    with ProcessPoolExecutor(workers, initializer=_end_with, initargs=(os.getpid(),)) as pool:
        try:
            for building in [pool.submit(build_shard, *part) for part in parts]:
                building.result()
        except BrokenProcessPool:
            raise LookalikeError(
                "A process that built a part of the index was ended: memory or disk may be full. Free some "
                "space and try again."
            ) from None


def build_shard(
    name: str, file: Path, vectors: Path, start: int, stop: int, dimensions: int, trees: int
) -> None:
    """Builds one shard, of the rows from `start` to `stop` of a file of vectors; see `build`."""
    part = np.load(vectors, mmap_mode="r")[start:stop]
    engine(name).build(file, part, dimensions, trees, SEED)


def files(folder: Path, shards: int, name: str) -> list[Path]:
    """The files of a candidate index, of this engine."""
    if shards == 1:
        return [folder / f"vectors.{ENDINGS[name]}"]
    return [folder / f"vectors-{shard:04d}.{ENDINGS[name]}" for shard in range(shards)]


def shard_bounds(entries: int, shards: int, added: int = 0) -> list[tuple[int, int]]:
    """The entries of each shard: from, to.

    :param added: entries of the last shard, if that holds what was added to a whole build, else 0.
    """
    whole, equal = entries - added, shards - bool(added)
    edges = [whole * shard // equal for shard in range(equal + 1)]
    return list(itertools.pairwise(edges + [entries] * bool(added)))


def remove(folder: Path) -> None:
    """Removes the files of a candidate index."""
    for ending in ENDINGS.values():
        for file in folder.glob(f"vectors*.{ending}"):
            file.unlink()


def _end_with(parent: int) -> None:
    """Ends this process when its parent ends, even if that was killed; loky gives nothing to wait for."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(1)

    Thread(target=watch, daemon=True).start()


def _open(name: str, file: Path, rows: int, dimensions: int, verified: Verified) -> Candidates:
    opener = engine(name)
    try:
        verified.passes(file, f"{name} {rows} {dimensions}", lambda: opener.check(file, rows, dimensions))
        opened = opener.open(file, dimensions)
    except (OSError, RuntimeError, ValueError) as error:
        raise GenerationError(f"{file} cannot be read ({error}). {WAY_OUT}") from None
    if len(opened) != rows:
        raise GenerationError(f"{file} holds {len(opened)} vectors, not {rows}. {WAY_OUT}")
    return opened


def _read_entries(folder: Path, rows: int, count: int | None) -> np.ndarray | None:
    if count is None:
        return None
    file = folder / ENTRIES_FILE
    try:
        entries = map_array(file)
    except (OSError, ValueError) as error:
        raise GenerationError(f"{file} cannot be read ({error}). {WAY_OUT}") from None
    if entries.dtype != np.int32 or entries.shape != (count,) or not _name_each_once(entries, rows):
        raise GenerationError(f"{file} does not say where the {rows} rows are. {WAY_OUT}")
    return entries


def _name_each_once(entries: np.ndarray, rows: int) -> bool:
    """Whether each row has one entry: to be found at all, and not to be counted twice.

    The memory it takes depends on the rows and not on what a file from elsewhere says.
    """
    present = entries[entries >= 0]
    if len(present) != rows or (rows and present.max() >= rows):
        return False
    named = np.zeros(rows, bool)
    named[present] = True
    return bool(named.all())


def _check_space(folder: Path, needed: int) -> None:
    """Requires free disk space: a memory-mapped write to a full disk would kill the process."""
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise LookalikeError(
            f"The index needs {needed / 1e6:,.0f} MB in {folder.parent}, where {free / 1e6:,.0f} MB are "
            "free. Free some space and try again."
        )
