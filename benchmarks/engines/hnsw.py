"""hnswlib with the parameters of its README."""

from __future__ import annotations

from pathlib import Path

import hnswlib
import numpy as np


class Hnswlib:
    name = "hnswlib"
    efforts = (10, 20, 40, 80, 160, 320, 640)

    def fit(self, vectors: Path, folder: Path) -> None:
        stored = np.load(vectors).astype(np.float32)
        index = hnswlib.Index("ip", stored.shape[1])
        index.init_index(len(stored), M=16, ef_construction=200, random_seed=1)
        index.add_items(stored)
        index.save_index(str(folder / "index.hnsw"))

    def load(self, vectors: Path, folder: Path) -> None:
        self._index = hnswlib.Index("ip", np.load(vectors, mmap_mode="r").shape[1])
        self._index.load_index(str(folder / "index.hnsw"))

    def query(self, vector: np.ndarray, k: int, effort: int) -> np.ndarray:
        self._index.set_ef(effort)
        return self._index.knn_query(vector, k, num_threads=1)[0][0]
