"""Annoy: trees of random splits, memory-mapped.

Annoy allocates memory up to the largest id, samples at random, and loads a truncated file without an error.
So ids are dense, the seed is fixed, one thread builds a file, and its hash is checked before it is opened.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from annoy import AnnoyIndex

from embedding.index import annoy_nodes
from embedding.index.vectors import widen

_BLOCK_ROWS = 4096


class AnnoyFiles:
    """See `embedding.index.engines.Engine`; a size is a number of trees."""

    sizes: Sequence[int] = (16, 32, 64)
    """With twice as many trees, a search needs about half as many nodes for the same recall."""
    enough = 16_384

    def build(self, file: Path, vectors: np.ndarray, dimensions: int, size: int, seed: int) -> None:
        """See `Engine.build`.

        The file grows on the disk and not in memory: what Annoy leaves unused is then zero and equal builds
        give equal bytes.
        """
        index = AnnoyIndex(dimensions, "angular")
        index.set_seed(seed)
        index.on_disk_build(str(file))
        for row, vector in enumerate(_heads(vectors, dimensions)):
            index.add_item(row, vector)
        index.build(size, n_jobs=1)
        index.unload()
        file.chmod(0o644)  # Annoy makes it private; other users may read the rest of a generation

    def check(self, file: Path, rows: int, dimensions: int) -> None:
        """See `Engine.check`."""
        annoy_nodes.check(file, rows, dimensions)

    def open(self, file: Path, dimensions: int) -> AnnoyCandidates:
        """See `Engine.open`."""
        index = AnnoyIndex(dimensions, "angular")
        index.load(str(file), prefault=False)
        return AnnoyCandidates(index)

    def most_bytes(self, rows: int, dimensions: int, size: int) -> int:
        """See `Engine.most_bytes`."""
        node = 12 + 4 * dimensions
        # A leaf holds up to dimensions + 2 ids and is rarely less than a third full; each needs one inner
        # node. While it grows, the file is up to 1.3 times as large as it needs to be.
        nodes = rows + size * (6 * rows // (dimensions + 2) + 2)
        return int(1.3 * node * nodes)


class AnnoyCandidates:
    """See `embedding.index.engines.Candidates`."""

    def __init__(self, index: AnnoyIndex) -> None:
        self._index = index

    def __len__(self) -> int:
        return int(self._index.get_n_items())

    def nearest(self, query: np.ndarray, count: int, inspect: int) -> np.ndarray:
        """See `Candidates.nearest`."""
        return np.array(self._index.get_nns_by_vector(query, count, inspect), np.int64)


def _heads(vectors: np.ndarray, dimensions: int) -> Iterator[np.ndarray]:
    for start in range(0, len(vectors), _BLOCK_ROWS):
        yield from widen(vectors[start : start + _BLOCK_ROWS, :dimensions])
