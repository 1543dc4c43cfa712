"""faiss: a graph of float32, and inverted lists of float16."""

from __future__ import annotations

import math
from pathlib import Path

import faiss
import numpy as np


class _Faiss:
    def load(self, vectors: Path, folder: Path) -> None:
        faiss.omp_set_num_threads(1)
        self._index = faiss.read_index(str(folder / "index.faiss"), faiss.IO_FLAG_MMAP)

    def _save(self, index: faiss.Index, stored: np.ndarray, folder: Path) -> None:
        index.add(stored)
        faiss.write_index(index, str(folder / "index.faiss"))


class FaissHnsw(_Faiss):
    name = "faiss HNSW32"
    efforts = (10, 20, 40, 80, 160, 320, 640)

    def fit(self, vectors: Path, folder: Path) -> None:
        stored = np.load(vectors).astype(np.float32)
        index = faiss.IndexHNSWFlat(stored.shape[1], 32, faiss.METRIC_INNER_PRODUCT)
        index.hnsw.efConstruction = 100
        self._save(index, stored, folder)

    def query(self, vector: np.ndarray, k: int, effort: int) -> np.ndarray:
        return self._index.search(vector[None], k, params=faiss.SearchParametersHNSW(efSearch=effort))[1][0]


class FaissIvf(_Faiss):
    name = "faiss IVF, float16"
    efforts = (1, 2, 4, 8, 12, 16, 24, 32, 64, 128, 256)

    def fit(self, vectors: Path, folder: Path) -> None:
        stored = np.load(vectors).astype(np.float32)
        lists = int(4 * math.sqrt(len(stored)))
        index = faiss.index_factory(stored.shape[1], f"IVF{lists},SQfp16", faiss.METRIC_INNER_PRODUCT)
        index.train(stored)
        self._save(index, stored, folder)

    def query(self, vector: np.ndarray, k: int, effort: int) -> np.ndarray:
        return self._index.search(vector[None], k, params=faiss.SearchParametersIVF(nprobe=effort))[1][0]
