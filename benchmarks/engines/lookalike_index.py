"""Engines as Lookalike uses them: on the leading dimensions, re-ranked by all dimensions, tuned."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa

from embedding.index import tune
from embedding.index.candidate_index import CandidateIndex
from embedding.index.projection import Projection
from embedding.index.search import Index
from storage.manifest import Search


class LookalikeAnnoy:
    name = "Annoy, Lookalike's"
    engine = "annoy"
    efforts = (0,)

    def fit(self, vectors: Path, folder: Path) -> None:
        (folder / "vectors.npy").write_bytes(vectors.read_bytes())
        table, projection = _around(folder)
        searching, _ = tune.build_tuned(folder / "vectors.npy", table, projection, 0.99, name=self.engine)
        (folder / "search.json").write_text(searching.model_dump_json())

    def load(self, vectors: Path, folder: Path) -> None:
        searching = Search.model_validate_json((folder / "search.json").read_text())
        stored = np.load(folder / "vectors.npy", mmap_mode="r")
        candidates = CandidateIndex.load(
            folder, len(stored), searching.ann_dimensions, searching.shards, searching.engine
        )
        self._index = Index(_around(folder)[0], stored, candidates, None, search_k=searching.search_k)

    def query(self, vector: np.ndarray, k: int, effort: int) -> np.ndarray:
        return self._index.search(vector, k).rows


class LookalikeUsearch(LookalikeAnnoy):
    name = "usearch, Lookalike's"
    engine = "usearch"


def _around(folder: Path) -> tuple[pa.Table, Projection]:
    """Each vector as a product, and a projection that made them."""
    rows, dimensions = np.load(folder / "vectors.npy", mmap_mode="r").shape
    some = np.zeros(dimensions, np.float32)
    table = pa.table({"product": pa.array(np.arange(rows, dtype=np.int32))})
    return table, Projection(some, np.eye(dimensions, dtype=np.float32))
