"""usearch with its defaults, but float16 and memory-mapped."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from usearch.index import Index


class Usearch:
    name = "usearch, float16"
    efforts = (16, 32, 64, 128, 256, 512, 1024)

    def fit(self, vectors: Path, folder: Path) -> None:
        stored = np.load(vectors)
        index = Index(ndim=stored.shape[1], metric="ip", dtype="f16")
        index.add(np.arange(len(stored)), stored)
        index.save(str(folder / "index.usearch"))

    def load(self, vectors: Path, folder: Path) -> None:
        self._index = Index.restore(str(folder / "index.usearch"), view=True)

    def query(self, vector: np.ndarray, k: int, effort: int) -> np.ndarray:
        self._index.expansion_search = effort
        return self._index.search(vector, k).keys.astype(np.int64)
