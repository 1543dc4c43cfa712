"""voyager, its defaults: float32, twelve links a vector."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from voyager import Index, Space


class Voyager:
    name = "voyager"
    efforts = (10, 20, 40, 80, 160, 320, 640)

    def fit(self, vectors: Path, folder: Path) -> None:
        stored = np.load(vectors).astype(np.float32)
        index = Index(Space.Cosine, stored.shape[1])
        index.add_items(stored)
        index.save(str(folder / "index.voy"))

    def load(self, vectors: Path, folder: Path) -> None:
        self._index = Index.load(str(folder / "index.voy"))

    def query(self, vector: np.ndarray, k: int, effort: int) -> np.ndarray:
        return self._index.query(vector, k, num_threads=1, query_ef=effort)[0].astype(np.int64)
