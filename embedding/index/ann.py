"""Annoy's side of a generation: built the same way every time, opened only when it is what was built.

Annoy numbers memory by the largest id, samples at random, and loads a file cut short without a word: so ids
are dense, the seed is fixed, one thread builds a file, and who opens has checked the file's hash.

It holds only the leading dimensions of the vectors, which a projection sorts by how much they tell:
candidates are ranked by all of them afterwards, and the fewer Annoy compares the less it reads. Many rows go
into several files, shards, which processes build side by side and a search asks as one. A shard is a range of
rows: they are in the order of the photos' hashes, so each holds a random part.
"""

from __future__ import annotations

import itertools
import math
import os
import shutil
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import connection, get_context, parent_process
from pathlib import Path
from threading import Thread

import numpy as np
from annoy import AnnoyIndex

from embedding.index.vectors import widen
from storage.errors import LookalikeError
from storage.manifest import WAY_OUT, GenerationError

SEED = 20_261

_SMALL_ROWS = 4096
"""Rows that are built in this process: a few MB, written in a moment."""


class Forest:
    """Annoy's shards, memory-mapped and asked as one. Any number of threads may ask.

    :ivar dimensions: leading dimensions of the vectors that it holds.
    """

    def __init__(self, shards: list[AnnoyIndex], starts: list[int], dimensions: int) -> None:
        self.dimensions = dimensions
        self._shards, self._starts = shards, starts

    @classmethod
    def load(cls, folder: Path, rows: int, dimensions: int, shards: int = 1) -> Forest:
        """Opens what `build` wrote.

        :raises GenerationError: a file is missing or does not hold as many vectors of that length.
        """
        bounds = _bounds(rows, shards)
        opened = [
            _open(file, stop - start, dimensions)
            for file, (start, stop) in zip(_files(folder, shards), bounds, strict=True)
        ]
        return cls(opened, [start for start, _ in bounds], dimensions)

    def candidates(self, query: np.ndarray, count: int, search_k: int) -> np.ndarray:
        """Rows that are likely among the nearest, by the leading dimensions.

        :param query: float32 [at least dimensions].
        :param count: how many; of several shards somewhat more are returned.
        :param search_k: nodes to inspect, in all shards together.
        :return: int64, ascending.
        """
        shards = len(self._shards)
        head = query[: self.dimensions]
        inspect = math.ceil(search_k / shards)
        # Of the nearest, a shard holds its share more or less.
        each = count if shards == 1 else min(count, 2 * math.ceil(count / shards) + 8)
        found = [
            np.array(shard.get_nns_by_vector(head, each, inspect), np.int64) + start
            for shard, start in zip(self._shards, self._starts, strict=True)
        ]
        rows = found[0] if shards == 1 else np.concatenate(found)
        rows.sort()
        return rows


def build(vectors: Path, *, dimensions: int, trees: int, shards: int = 1, workers: int | None = None) -> None:
    """Builds the forest of a file of vectors beside it, row numbers as ids.

    A file grows on the disk and not in memory: what Annoy leaves unused is then zero and equal builds give
    equal bytes, however many processes there were.

    :param vectors: a `.npy`, float16 [n, at least dimensions].
    :param dimensions: how many of the leading ones Annoy compares.
    :param shards: files, at most n.
    :param workers: processes at once; one a processor where None.
    :raises LookalikeError: the disk is too full for it.
    """
    rows = len(np.load(vectors, mmap_mode="r"))
    _check_space(vectors.parent, rows, dimensions, trees)
    parts = [
        (file, vectors, start, stop, dimensions, trees)
        for file, (start, stop) in zip(_files(vectors.parent, shards), _bounds(rows, shards), strict=True)
    ]
    workers = min(workers or len(os.sched_getaffinity(0)), shards)
    if workers == 1 and rows <= _SMALL_ROWS:
        for part in parts:
            _build_shard(*part)
        return
    # A process of its own, also for a single shard: where the disk fills up after all while Annoy writes, it
    # is killed and not this one. Not by fork, which copies locks that other threads hold.
    with ProcessPoolExecutor(workers, get_context("spawn"), _end_with_parent) as pool:
        try:
            for building in [pool.submit(_build_shard, *part) for part in parts]:
                building.result()
        except BrokenProcessPool:
            raise LookalikeError(
                "A process that built a part of the index was ended: memory or disk may be full. Free some "
                "space and try again."
            ) from None


def remove(folder: Path) -> None:
    """Removes a forest's files."""
    for file in folder.glob("vectors*.ann"):
        file.unlink()


def _end_with_parent() -> None:
    """Ends this process when the one that started it ends, killed perhaps: nobody waits for the files."""
    parent = parent_process()
    if parent is not None:
        Thread(target=lambda: (connection.wait([parent.sentinel]), os._exit(1)), daemon=True).start()


def _build_shard(file: Path, vectors: Path, start: int, stop: int, dimensions: int, trees: int) -> None:
    index = AnnoyIndex(dimensions, "angular")
    index.set_seed(SEED)
    index.on_disk_build(str(file))
    for row, vector in enumerate(_heads(np.load(vectors, mmap_mode="r")[start:stop], dimensions)):
        index.add_item(row, vector)
    index.build(trees, n_jobs=1)
    index.unload()
    file.chmod(0o644)  # Annoy makes it private; other users may read the rest of a generation


def _heads(vectors: np.ndarray, dimensions: int, block: int = 4096) -> Iterator[np.ndarray]:
    for start in range(0, len(vectors), block):
        yield from widen(vectors[start : start + block, :dimensions])


def _open(file: Path, rows: int, dimensions: int) -> AnnoyIndex:
    index = AnnoyIndex(dimensions, "angular")
    try:
        index.load(str(file), prefault=False)
    except OSError as error:
        raise GenerationError(f"{file} cannot be read ({error}). {WAY_OUT}") from None
    if index.get_n_items() != rows:
        raise GenerationError(f"{file} holds {index.get_n_items()} vectors, not {rows}. {WAY_OUT}")
    return index


def _files(folder: Path, shards: int) -> list[Path]:
    if shards == 1:
        return [folder / "vectors.ann"]
    return [folder / f"vectors-{shard:04d}.ann" for shard in range(shards)]


def _bounds(rows: int, shards: int) -> list[tuple[int, int]]:
    """The rows of each shard: from, to."""
    edges = [rows * shard // shards for shard in range(shards + 1)]
    return list(itertools.pairwise(edges))


def _check_space(folder: Path, rows: int, dimensions: int, trees: int) -> None:
    """Annoy writes through a memory map, and a memory map into a full disk kills the process."""
    node = 12 + 4 * dimensions
    # A leaf holds up to dimensions + 2 ids and is rarely less than a third full; each needs one inner node.
    # While it grows, the file is up to 1.3 times as large as it needs to be.
    nodes = rows + trees * (6 * rows // (dimensions + 2) + 2)
    needed = int(1.3 * node * nodes)
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise LookalikeError(
            f"The index needs {needed / 1e6:,.0f} MB in {folder.parent}, where {free / 1e6:,.0f} MB are "
            "free. Free some space and try again."
        )
