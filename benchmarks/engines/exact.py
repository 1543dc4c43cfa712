"""Exact search: compares every vector with NumPy."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from embedding.exact import largest


class Exact:
    name = "exact, NumPy float32"
    efforts = (0,)

    def fit(self, vectors: Path, folder: Path) -> None:
        np.save(folder / "vectors.npy", np.load(vectors).astype(np.float32))

    def load(self, vectors: Path, folder: Path) -> None:
        self._vectors = np.load(folder / "vectors.npy", mmap_mode="r")

    def query(self, vector: np.ndarray, k: int, effort: int) -> np.ndarray:
        return largest(self._vectors @ vector, k)
