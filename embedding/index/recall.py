"""How many of the true nearest products a search finds, and how far Annoy has to look to find enough."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from embedding.index.search import Index
from embedding.index.vectors import widen
from storage.manifest import Recall

AT = 5
QUERIES = 2000
_SEED = 5
_SAME = 1e-3
_START = 64
_KEEP = 64  # nearest rows kept of each query: the photos of at least five products, nearly always
_BLOCK_ROWS = 4096
_TIE = 1e-6
"""Two scores nearer than this are one: float32 sums in another order differ by less."""


@dataclass(frozen=True)
class Sample:
    """Items drawn as queries, with what an exact search finds for them.

    :ivar rows: int64 [queries], the items.
    :ivar vectors: float32 [queries, dimensions], theirs.
    :ivar nearest: float32 [queries, 5], scores of the five nearest other products, best first, -inf where
        there are fewer.
    :ivar census: whether these are all items there are.
    """

    rows: np.ndarray
    vectors: np.ndarray
    nearest: np.ndarray
    census: bool


def draw(index: Index, queries: int = QUERIES) -> Sample:
    """Draws items at random, the same for the same number of items, and searches each exactly.

    An item's own product is left out, its other photos too: they are found too easily.
    """
    count = len(index.products)
    census = count <= queries
    rows = np.arange(count)
    if not census:
        rows = np.sort(np.random.default_rng(_SEED).choice(count, queries, replace=False))
    vectors = widen(index.vectors[rows])
    return Sample(rows, vectors, _nearest(index, rows, vectors), census)


def measure(index: Index, sample: Sample, search_k: int, goal: float) -> Recall:
    """Recall at 5 of searches that go through Annoy with this `search_k`."""
    found = []
    for row, vector, nearest in zip(sample.rows, sample.vectors, sample.nearest, strict=True):
        true = nearest[np.isfinite(nearest)]
        if len(true):
            hits = index.approximate(vector, AT, search_k, without=(int(index.products[row]),))
            # A product as similar as the last of the true ones counts as well: which of them is first is
            # chance.
            found.append(np.count_nonzero(hits.scores >= true[-1] - _TIE) / len(true))
    mean = float(np.mean(found)) if found else 1.0
    exact = search_k >= len(index.products)
    bound = mean if sample.census or exact else lower_bound(mean, len(found))
    return Recall(goal=goal, at_5=round(mean, 6), lower_bound=round(bound, 6), queries=len(found))


def tune(index: Index, goal: float, sample: Sample | None = None) -> tuple[int, Recall]:
    """The smallest `search_k`, by doubling, whose recall is sure to reach the goal.

    :return: it, and the recall measured; below the goal only where looking at everything does not reach it.
    """
    sample = sample or draw(index)
    search_k = _START
    while True:
        measured = measure(index, sample, search_k, goal)
        if measured.lower_bound >= goal or search_k >= len(index.products):
            return search_k, measured
        search_k *= 2


def lost(index: Index, sample: Sample, search_k: int) -> int:
    """How many of the drawn items do not come first when searched with, their equals aside."""
    firsts = (index.approximate(vector, 1, search_k).scores for vector in sample.vectors)
    return sum(
        not (len(scores) and scores[0] >= vector @ vector - _SAME)
        for scores, vector in zip(firsts, sample.vectors, strict=True)
    )


def _nearest(index: Index, rows: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    """Scores of the five nearest other products of many items at once: one matrix product a block of rows."""
    keep = min(_KEEP, len(index.products))
    best = np.full((len(rows), keep), -np.inf, np.float32)
    at = np.zeros((len(rows), keep), np.int64)
    for start in range(0, len(index.products), _BLOCK_ROWS):
        part = slice(start, start + _BLOCK_ROWS)
        scores = vectors @ widen(index.vectors[part]).T
        scores[index.products[rows][:, None] == index.products[None, part]] = -np.inf
        scores = np.concatenate([best, scores], axis=1)
        places = np.broadcast_to(
            np.arange(start, start + scores.shape[1] - keep), (len(rows), scores.shape[1] - keep)
        )
        places = np.concatenate([at, places], axis=1)
        top = np.argpartition(-scores, keep - 1, axis=1)[:, :keep]
        best, at = np.take_along_axis(scores, top, axis=1), np.take_along_axis(places, top, axis=1)
    order = np.argsort(-best, axis=1, kind="stable")
    best, at = np.take_along_axis(best, order, axis=1), np.take_along_axis(at, order, axis=1)
    nearest = np.full((len(rows), AT), -np.inf, np.float32)
    for query, (scores, places) in enumerate(zip(best, at, strict=True)):
        firsts = np.sort(np.unique(index.articles[places], return_index=True)[1])
        distinct = scores[firsts][np.isfinite(scores[firsts])][:AT]
        if len(distinct) < AT and keep < len(index.products):
            # Products with very many photos fill all the places that were kept.
            distinct = index.scan(vectors[query], AT, without=(int(index.products[rows[query]]),)).scores
        nearest[query, : len(distinct)] = distinct
    return nearest


def lower_bound(mean: float, queries: int) -> float:
    """Lower end of Wilson's 95 % interval, each query one observation.

    A query's recall lies in [0, 1], so its variance is at most that of a coin of the same mean: the bound
    errs on the safe side.
    """
    z2 = 1.959964**2
    centre = mean + z2 / (2 * queries)
    spread = math.sqrt(z2 * (mean * (1 - mean) / queries + z2 / (4 * queries**2)))
    return max(0.0, (centre - spread) / (1 + z2 / queries))
