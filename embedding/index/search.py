"""Searches one generation: finds candidates, ranks them, and returns each product group once.

An exact scan is used where it is as fast, or where a filter leaves the candidate index too few rows. So a
search returns `k` product groups whenever there are `k`.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from embedding.index import columns, items
from embedding.index.candidate_index import CandidateIndex
from embedding.index.projection import Projection
from embedding.index.vectors import FILE as VECTORS_FILE
from embedding.index.vectors import similarities, widen
from storage.arrays import map_array
from storage.manifest import WAY_OUT, GenerationError, Manifest
from storage.verification_cache import Unremembered, Verified

PROJECTION_FILE = "projection.npz"

EXACT_ROWS = 4096
"""Rows compared one by one sooner than through Annoy: under 1 ms at 256 dimensions."""

_BLOCK_ROWS = 1024  # of a scan: 1 MB of float32 at 256 dimensions stays in the processor's cache
_QUERIES = 16  # whose scores are held at once: 64 MB of float32 for a million rows
_MANY_ROWS = 8192  # of a product with many queries, enough for the processor's matrix units
_CANDIDATES = 8  # rows asked of Annoy for each product wanted: a product has a few photos

RERANKED = 32
"""The same where the candidate index compares only leading dimensions, and all dimensions rank again.

Measured on 100,000 photos: 0.999 of the true five are among the first 40 by 64 of 256 dimensions.
"""


@dataclass(frozen=True)
class Hits:
    """What a search found, the most similar first.

    :ivar rows: int64 [n], the row of each product group's most similar photo.
    :ivar scores: float32 [n], cosine similarity in the projected space.
    """

    rows: np.ndarray
    scores: np.ndarray

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, some: slice) -> Hits:
        return Hits(self.rows[some], self.scores[some])


class Index:
    """The index of one generation, memory-mapped and never written. Any number of threads may search it.

    :ivar items: its rows, as `embedding.index.items` describes them.
    :ivar vectors: float16 [rows, dimensions], projected, L2 norm 1.
    :ivar products: int32 [rows], the number of a row's product.
    :ivar groups: int32 [rows], the number of the row's product group, see `embedding.index.product_groups`.
    :ivar projection: what made them of the encoder's.
    :ivar search_k: nodes Annoy inspects in a search without filters.

    :param candidates: the candidate index; with None a search compares every row.
    """

    def __init__(
        self,
        table: pa.Table,
        vectors: np.ndarray,
        candidates: CandidateIndex | None,
        projection: Projection,
        *,
        search_k: int,
    ) -> None:
        self.items = table
        self.vectors = vectors
        self.products = columns.integers(table["product"])
        # In generations of earlier releases each product is a group of its own.
        folded = "article" in table.column_names
        self.groups = columns.integers(table["article"]) if folded else self.products
        self.projection = projection
        self.search_k = search_k
        self._candidate_index = candidates
        few = candidates is not None and candidates.dimensions < vectors.shape[1]
        self._candidates = RERANKED if few else _CANDIDATES

    @classmethod
    def open(cls, folder: Path, manifest: Manifest, verified: Verified | None = None) -> Index:
        """Opens a generation whose files were verified, whoever wrote them.

        :param manifest: what `storage.generations.verify` gave for the folder.
        :param verified: which files were looked at before; where None, every value of all is.
        :raises GenerationError: its files do not fit together.
        """
        rows, dimensions = manifest.counts.items, manifest.search.dimensions
        try:
            table = items.read(folder / items.FILE)
            products = manifest.counts.products
            (verified or Unremembered()).passes(
                folder / items.FILE, f"items {products}", lambda: items.check(table, products)
            )
            vectors = map_array(folder / VECTORS_FILE)
            projection = Projection.load(folder / PROJECTION_FILE)
        except (OSError, ValueError, pa.ArrowInvalid) as error:
            raise GenerationError(f"Generation {folder.name} cannot be read ({error}). {WAY_OUT}") from None
        if (
            table.num_rows != rows
            or vectors.shape != (rows, dimensions)
            or vectors.dtype != np.float16
            or projection.dimensions != dimensions
            or projection.encoded != manifest.encoder.dim
        ):
            raise GenerationError(f"Generation {folder.name} does not hold what its manifest says. {WAY_OUT}")
        searching = manifest.search
        few = searching.ann_dimensions or dimensions
        candidates = CandidateIndex.load(
            folder,
            *(rows, few, searching.shards, searching.engine, verified),
            entries=searching.entries,
            added=searching.added,
        )
        return cls(table, vectors, candidates, projection, search_k=searching.search_k)

    def search(
        self, query: np.ndarray, k: int, *, mask: np.ndarray | None = None, without: Collection[int] = ()
    ) -> Hits:
        """The `k` most similar product groups; fewer only where fewer pass.

        :param query: float32 [dimensions], projected, L2 norm 1, see `Projection.apply`.
        :param mask: bool [rows], the rows that may be returned; None allows all.
        :param without: numbers of products to leave out.
        """
        passing = len(self.products) if mask is None else int(np.count_nonzero(mask))
        if passing <= EXACT_ROWS:
            return self.scan(query, k, mask=mask, without=without)
        return self.approximate(query, k, self.search_k, mask=mask, without=without)

    def compares_all(self, search_k: int, mask: np.ndarray) -> bool:
        """Whether `approximate` compares every row that passes, so that it misses none.

        :param mask: bool [rows].
        """
        passing = int(np.count_nonzero(mask))
        return math.ceil(search_k * len(mask) / max(1, passing)) >= passing

    def approximate(
        self,
        query: np.ndarray,
        k: int,
        search_k: int,
        *,
        mask: np.ndarray | None = None,
        without: Collection[int] = (),
    ) -> Hits:
        """The same through the candidate index, widening the search until there are `k`.

        :param search_k: nodes to inspect first, were there no filter; with one, as many more as it passes
            fewer.
        """
        rows = len(self.products)
        passing = rows if mask is None else int(np.count_nonzero(mask))
        widening = rows / max(1, passing)
        inspect = math.ceil(search_k * widening)
        fetch = math.ceil(self._candidates * (k + len(without)) * widening)
        # Past this many nodes Annoy costs more than comparing what passes one by one.
        while self._candidate_index is not None and max(inspect, fetch) < passing:
            found = self._candidate_index.candidates(query, fetch, max(inspect, fetch))
            found = self._allowed(found, mask, without)
            hits = self.best(found, similarities(self.vectors[found], query), k)
            # A filter that favours what is far from the query leaves few of the inspected: look further then.
            if len(hits) == k and (mask is None or len(found) >= _CANDIDATES * k / 2):
                return hits
            inspect, fetch = 2 * inspect, 2 * fetch
        return self.scan(query, k, mask=mask, without=without)

    def scan(
        self, query: np.ndarray, k: int, *, mask: np.ndarray | None = None, without: Collection[int] = ()
    ) -> Hits:
        """The same as `search`, by comparing every row that passes."""
        rows = self.passing(mask, without)
        return self.best(rows, self.compare(rows, query), k)

    def search_many(
        self, queries: np.ndarray, k: int, *, mask: np.ndarray | None = None, without: Sequence[set[int]]
    ) -> list[Hits]:
        """The same as `scan` for many queries, whose products with all rows are one of matrices.

        :param queries: float32 [queries, dimensions].
        :param without: for each query, numbers of products to leave out.
        """
        rows = self.passing(mask)
        found = []
        for start in range(0, len(queries), _QUERIES):
            some = queries[start : start + _QUERIES]
            scores = np.empty((len(some), len(rows)), np.float32)
            for first in range(0, len(rows), _MANY_ROWS):
                block = rows[first : first + _MANY_ROWS]
                scores[:, first : first + _MANY_ROWS] = some @ widen(self.vectors[block]).T
            for of_query, products in zip(scores, without[start:], strict=False):
                if products:
                    of_query[np.isin(self.products[rows], list(products))] = -np.inf
                    kept = np.isfinite(of_query)
                    found.append(self.best(rows[kept], of_query[kept], k))
                else:
                    found.append(self.best(rows, of_query, k))
        return found

    def passing(self, mask: np.ndarray | None, without: Collection[int] = ()) -> np.ndarray:
        """The rows that may be returned, int64, ascending."""
        rows = np.arange(len(self.products)) if mask is None else np.flatnonzero(mask)
        return self._allowed(rows, None, without)

    def compare(self, rows: np.ndarray, query: np.ndarray) -> np.ndarray:
        """The inner products of a query, float32 [dimensions], with rows, int64 [n]: float32 [n]."""
        scores = np.empty(len(rows), np.float32)
        whole = np.array_equal(rows, np.arange(len(self.products)))
        for start in range(0, len(rows), _BLOCK_ROWS):
            part = slice(start, start + _BLOCK_ROWS)
            # Slices of the whole, in its own order, are read in place, other rows gathered.
            scores[part] = similarities(self.vectors[part if whole else rows[part]], query)
        return scores

    def _allowed(self, rows: np.ndarray, mask: np.ndarray | None, without: Collection[int]) -> np.ndarray:
        if mask is not None:
            rows = rows[mask[rows]]
        if without:
            rows = rows[~np.isin(self.products[rows], list(without))]
        return rows

    def best(self, rows: np.ndarray, scores: np.ndarray, k: int) -> Hits:
        """The best row of each of the `k` best product groups; of rows that tie, the first.

        :param rows: int64 [n], each once.
        :param scores: float32 [n].
        """
        best = min(len(rows), _CANDIDATES * k)
        while True:
            top = np.arange(len(rows))
            if best < len(rows):
                # All that tie with the last are kept, so that which of them is taken never depends on `best`.
                least = scores[np.argpartition(-scores, best - 1)[best - 1]]
                top = np.flatnonzero(scores >= least)
            top = top[np.argsort(-scores[top], kind="stable")]
            firsts = np.sort(np.unique(self.groups[rows[top]], return_index=True)[1])[:k]
            if len(firsts) == k or best == len(rows):
                return Hits(rows[top[firsts]], scores[top[firsts]])
            best = min(len(rows), 4 * best)
