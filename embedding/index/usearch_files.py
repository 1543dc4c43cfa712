"""usearch: a graph of near neighbours (HNSW), memory-mapped.

One thread adds the rows, in their order, so that equal builds give equal bytes.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from usearch.index import Index

from embedding.index import usearch_nodes
from embedding.index.vectors import widen

_BLOCK_ROWS = 65_536
_WHILE_ADDED = 128
"""Candidates that each row's links are chosen from."""


class UsearchFiles:
    """See `embedding.index.engines.Engine`; a size is a number of links of each row."""

    sizes: Sequence[int] = (16, 32)
    enough = 2048

    def build(self, file: Path, vectors: np.ndarray, dimensions: int, size: int, seed: int) -> None:
        """See `Engine.build`. It draws the same way in every build; the seed is Annoy's."""
        index = _index(dimensions, size)
        for start in range(0, len(vectors), _BLOCK_ROWS):
            heads = widen(vectors[start : start + _BLOCK_ROWS, :dimensions])
            index.add(np.arange(start, start + len(heads)), heads, threads=1)
        file.write_bytes(index.save() or b"")

    def check(self, file: Path, rows: int, dimensions: int) -> None:
        """See `Engine.check`."""
        usearch_nodes.check(file, rows, dimensions)

    def open(self, file: Path, dimensions: int) -> UsearchCandidates:
        """See `Engine.open`."""
        index = _index(dimensions)
        with file.open("rb"):  # usearch has no class of its own for a file that is missing
            index.view(str(file))
        return UsearchCandidates(index)

    def most_bytes(self, rows: int, dimensions: int, size: int) -> int:
        """See `Engine.most_bytes`."""
        # Key, level and vector of a row, its links below, and those of the one in `size` that is above.
        return rows * (16 + 2 * dimensions + 4 * (2 * size + 1) + 8) + 4096


class UsearchCandidates:
    """See `embedding.index.engines.Candidates`."""

    def __init__(self, index: Index) -> None:
        self._index = index
        self._asking = threading.Lock()  # what a search remembers of where it was belongs to the index

    def __len__(self) -> int:
        return len(self._index)

    def nearest(self, query: np.ndarray, count: int, inspect: int) -> np.ndarray:
        """See `Candidates.nearest`."""
        with self._asking:
            found = self._index.search(query, min(max(count, inspect), len(self._index)), threads=1)
            return np.array(found.keys[:count], np.int64)


def _index(dimensions: int, links: int | None = None) -> Index:
    return Index(
        ndim=dimensions,
        metric="cos",
        dtype="f16",
        connectivity=links,
        expansion_add=_WHILE_ADDED,
        enable_key_lookups=False,
    )
