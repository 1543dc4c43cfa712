"""Annoy as its README shows it: ten trees and the default number of nodes inspected."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from annoy import AnnoyIndex


class AnnoyDefaults:
    name = "Annoy, defaults"
    efforts = (-1,)

    def fit(self, vectors: Path, folder: Path) -> None:
        stored = np.load(vectors).astype(np.float32)
        index = AnnoyIndex(stored.shape[1], "angular")
        for row, vector in enumerate(stored):
            index.add_item(row, vector)
        index.build(10)
        index.save(str(folder / "index.ann"))

    def load(self, vectors: Path, folder: Path) -> None:
        self._index = AnnoyIndex(np.load(vectors, mmap_mode="r").shape[1], "angular")
        self._index.load(str(folder / "index.ann"))

    def query(self, vector: np.ndarray, k: int, effort: int) -> np.ndarray:
        return np.array(self._index.get_nns_by_vector(vector, k, effort))
