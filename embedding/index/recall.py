"""Measures recall, and how many nodes a search has to inspect to reach a recall goal."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from embedding.exact import LargestScores
from embedding.index.search import RERANKED, Index
from embedding.index.vectors import widen
from storage.manifest import Recall

AT = 5
QUERIES = 2000

FEWER = 500
"""Queries of a quick measurement."""

LEADING = (48, 64, 96, 128, 192)
"""Leading dimensions tried for Annoy, see `leading_dimensions`."""

SHARES = (0.5, 0.2, 0.05)
"""Shares of the rows that the filters pass under which recall is measured: drawn at random."""

_SEED = 5
_SAME = 1e-3
_START = 64
_KEEP = 64  # nearest rows kept of each query: the photos of at least five products, nearly always
_BLOCK_ROWS = 4096
_TIE = 1e-6
"""Two scores nearer than this are one: float32 sums in another order differ by less."""


@dataclass(frozen=True)
class Sample:
    """Items drawn as queries, with their exact nearest neighbours.

    :ivar rows: int64 [queries], the items.
    :ivar vectors: float32 [queries, dimensions], theirs.
    :ivar nearest: float32 [queries, 5], scores of the five nearest other products, best first, -inf where
        there are fewer.
    :ivar found: int64 [queries, 5], rows of these, -1 where there are fewer.
    :ivar census: whether these are all items there are.
    :ivar mask: bool [rows], the rows that count; None counts all.
    """

    rows: np.ndarray
    vectors: np.ndarray
    nearest: np.ndarray
    found: np.ndarray
    census: bool
    mask: np.ndarray | None = None

    def fewer(self, queries: int = FEWER) -> Sample:
        """A smaller sample, evenly spaced."""
        if len(self.rows) <= queries:
            return self
        some = np.linspace(0, len(self.rows) - 1, queries).astype(int)
        return Sample(
            *(self.rows[some], self.vectors[some], self.nearest[some], self.found[some]), False, self.mask
        )


def draw_sample(
    index: Index,
    queries: int = QUERIES,
    mask: np.ndarray | None = None,
    among: np.ndarray | None = None,
) -> Sample:
    """Draws items at random, reproducibly, and searches each exactly.

    An item's own product is left out, its other photos too: they are found too easily.

    :param mask: bool [rows], the rows to find; the queries are drawn from all.
    :param among: int [n], the rows that queries are drawn from; all where None.
    """
    rows = np.arange(len(index.products)) if among is None else np.sort(among)
    census = len(rows) <= queries
    if not census:
        rows = rows[np.sort(np.random.default_rng(_SEED).choice(len(rows), queries, replace=False))]
    vectors = widen(index.vectors[rows])
    return Sample(rows, vectors, *_nearest(index, rows, vectors, mask), census, mask)


def draw_filters(index: Index) -> Iterator[tuple[float, np.ndarray]]:
    """Filters that pass a share of the rows each, see `SHARES`: bool [rows]."""
    random = np.random.default_rng(_SEED)
    for share in SHARES:
        yield share, random.random(len(index.products)) < share


def leading_dimensions(index: Index, sample: Sample, goal: float) -> int:
    """The number of leading dimensions that the candidate index needs to compare.

    The fewest that rank the true neighbours among the rows that are ranked again by all dimensions, but for
    a tenth of what the goal lets go.
    """
    dimensions = index.vectors.shape[1]
    allowed = 1 - (1 - goal) / 10
    fewer = [few for few in LEADING if few < dimensions] if index.projection.learnt else []
    return next((few for few in fewer if _kept(index, sample, few) >= allowed), dimensions)


def measure(index: Index, sample: Sample, search_k: int, goal: float) -> Recall:
    """Recall at 5 of searches through the candidate index with this `search_k`."""
    found = []
    for row, vector, nearest in zip(sample.rows, sample.vectors, sample.nearest, strict=True):
        true = nearest[np.isfinite(nearest)]
        if len(true):
            own = (int(index.products[row]),)
            hits = index.approximate(vector, AT, search_k, mask=sample.mask, without=own)
            # A product as similar as the last of the true ones counts as well: which of them is first is
            # chance.
            found.append(np.count_nonzero(hits.scores >= true[-1] - _TIE) / len(true))
    mean = float(np.mean(found)) if found else 1.0
    exact = search_k >= len(index.products)
    bound = mean if sample.census or exact else lower_bound(mean, len(found))
    return Recall(goal=goal, at_5=round(mean, 6), lower_bound=round(bound, 6), queries=len(found))


def tune(
    index: Index, goal: float, sample: Sample | None = None, most: int | None = None
) -> tuple[int, Recall]:
    """The smallest `search_k`, to a fifth, whose recall reaches the goal with 95 % confidence.

    :param most: nodes to inspect at most; all there are where None.
    :return: it, and the recall measured; below the goal only where looking at so many does not reach it.
    """
    sample = sample or draw_sample(index)
    most = len(index.products) if most is None else min(most, len(index.products))
    search_k, few = _START, sample.fewer()
    while search_k < most and measure(index, few, search_k, goal).at_5 < goal:
        search_k *= 2
    measured = measure(index, sample, search_k, goal)
    while measured.lower_bound < goal and search_k < most:
        search_k = search_k * 3 // 2
        measured = measure(index, sample, search_k, goal)
    while measured.lower_bound >= goal and search_k > _START:
        fewer = measure(index, sample, search_k * 4 // 5, goal)
        if fewer.lower_bound < goal:
            break
        search_k, measured = search_k * 4 // 5, fewer
    return search_k, measured


def count_unfound(index: Index, sample: Sample, search_k: int) -> int:
    """Counts the drawn items that do not find themselves, or an equal, first."""
    firsts = (index.approximate(vector, 1, search_k).scores for vector in sample.vectors)
    return sum(
        not (len(scores) and scores[0] >= vector @ vector - _SAME)
        for scores, vector in zip(firsts, sample.vectors, strict=True)
    )


def _nearest(
    index: Index, rows: np.ndarray, vectors: np.ndarray, mask: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """The five nearest other products of many items: scores and rows."""
    parts = [slice(start, start + FEWER) for start in range(0, len(rows), FEWER)]
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:  # NumPy lets other threads run
        found = list(pool.map(lambda part: _nearest_of_some(index, rows[part], vectors[part], mask), parts))
    if not found:
        return np.empty((0, AT), np.float32), np.empty((0, AT), np.int64)
    scores, places = zip(*found, strict=True)
    return np.concatenate(scores), np.concatenate(places)


def _nearest_of_some(
    index: Index, rows: np.ndarray, vectors: np.ndarray, mask: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """See `_nearest`. One matrix product a block."""
    nearest = np.full((len(rows), AT), -np.inf, np.float32)
    found = np.full((len(rows), AT), -1, np.int64)
    passing = np.arange(len(index.products)) if mask is None else np.flatnonzero(mask)
    if not len(passing):
        return nearest, found
    keep = min(_KEEP, len(passing))
    own = index.products[rows][:, None]
    kept = LargestScores(len(rows), keep)
    for start in range(0, len(passing), _BLOCK_ROWS):
        # Slices of the whole are read in place, other rows gathered.
        part = slice(start, start + _BLOCK_ROWS) if mask is None else passing[start : start + _BLOCK_ROWS]
        scores = vectors @ widen(index.vectors[part]).T
        scores[own == index.products[None, part]] = -np.inf
        kept.add(scores, start)
    best, at = kept.sorted()
    for query, (scores, places) in enumerate(zip(best, passing[at], strict=True)):
        firsts = np.sort(np.unique(index.groups[places], return_index=True)[1])
        firsts = firsts[np.isfinite(scores[firsts])][:AT]
        distinct, distinct_rows = scores[firsts], places[firsts]
        if len(firsts) < AT and keep < len(passing):
            # Products with very many photos fill all the places that were kept.
            hits = index.scan(vectors[query], AT, mask=mask, without=(int(index.products[rows[query]]),))
            distinct, distinct_rows = hits.scores, hits.rows
        nearest[query, : len(distinct)] = distinct
        found[query, : len(distinct)] = distinct_rows
    return nearest, found


def _kept(index: Index, sample: Sample, dimensions: int) -> float:
    """Share of the true neighbours that the leading dimensions rank among the rows that are ranked again."""
    sample = sample.fewer()
    leading = _units(sample.vectors[:, :dimensions])
    found = sample.found
    known = found >= 0
    true = np.einsum("qd,qnd->qn", leading, _units(widen(index.vectors[found, :dimensions])))
    nearer = np.zeros(found.shape, np.int64)
    for start in range(0, len(index.vectors), _BLOCK_ROWS):
        scores = leading @ _units(widen(index.vectors[start : start + _BLOCK_ROWS, :dimensions])).T
        for place in range(AT):
            nearer[:, place] += np.count_nonzero(scores > true[:, place, None] + _TIE, axis=1)
    return float(np.mean(nearer[known] < RERANKED * AT)) if known.any() else 1.0


def _units(vectors: np.ndarray) -> np.ndarray:
    units: np.ndarray = vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12)
    return units


def lower_bound(mean: float, queries: int) -> float:
    """Lower end of Wilson's 95 % interval, each query one observation.

    A query's recall lies in [0, 1], so its variance is at most that of a coin of the same mean: the bound
    errs on the safe side.
    """
    z2 = 1.959964**2
    centre = mean + z2 / (2 * queries)
    spread = math.sqrt(z2 * (mean * (1 - mean) / queries + z2 / (4 * queries**2)))
    return max(0.0, (centre - spread) / (1 + z2 / queries))
