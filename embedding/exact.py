"""Exact nearest neighbours with NumPy: for evaluation, for measuring recall, and for benchmarks."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

_QUERY_BLOCK = 512

Excluded = Sequence[np.ndarray]
"""For each query, int64 rows of the gallery to exclude: itself, or other photos of its product."""


def largest(scores: np.ndarray, count: int) -> np.ndarray:
    """Places of the largest scores along the last axis, largest first.

    :param scores: float [..., n].
    :param count: at most n.
    :return: int64 [..., count].
    """
    best = np.argpartition(-scores, count - 1, axis=-1)[..., :count]
    order = np.argsort(-np.take_along_axis(scores, best, axis=-1), axis=-1, kind="stable")
    return np.take_along_axis(best, order, axis=-1)


def nearest(
    queries: np.ndarray, gallery: np.ndarray, count: int, *, excluded: Excluded | None = None
) -> np.ndarray:
    """Rows of the gallery's nearest by inner product, nearest first.

    :param queries: float32 [q, dim].
    :param gallery: float32 [n, dim]; n is at least `count` more than any query's excluded rows.
    :param excluded: rows that are not to be found.
    :return: int64 [q, count].
    """
    blocks = []
    for first in range(0, len(queries), _QUERY_BLOCK):
        scores = queries[first : first + _QUERY_BLOCK] @ gallery.T
        for row, rows in enumerate(excluded[first : first + _QUERY_BLOCK] if excluded else ()):
            scores[row, rows] = -np.inf
        blocks.append(largest(scores, count))
    return np.concatenate(blocks)


class LargestScores:
    """The largest scores of many queries, merged from blocks of rows, in memory that does not grow with them.

    :param queries: number of queries.
    :param keep: number of scores to keep of each; -inf where there are fewer.
    """

    def __init__(self, queries: int, keep: int) -> None:
        self._scores = np.full((queries, keep), -np.inf, np.float32)
        self._rows = np.zeros((queries, keep), np.int64)

    def add(self, scores: np.ndarray, first_row: int) -> None:
        """Merges a block.

        After the first blocks few scores exceed the least that is kept, so only these are compared.

        :param scores: float32 [queries, rows of the block].
        """
        better = scores > self._scores.min(axis=1)[:, None]
        keep = self._scores.shape[1]
        for query in np.flatnonzero(better.any(axis=1)):
            new = np.flatnonzero(better[query])
            values = np.concatenate([self._scores[query], scores[query, new]])
            rows = np.concatenate([self._rows[query], first_row + new])
            top = np.argpartition(-values, keep - 1)[:keep]
            self._scores[query], self._rows[query] = values[top], rows[top]

    def sorted(self) -> tuple[np.ndarray, np.ndarray]:
        """Scores, float32 [queries, keep], and rows, int64 likewise; largest first."""
        order = np.argsort(-self._scores, axis=1, kind="stable")
        return np.take_along_axis(self._scores, order, axis=1), np.take_along_axis(self._rows, order, axis=1)
