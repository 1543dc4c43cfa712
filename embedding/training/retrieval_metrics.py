"""How good a ranking is: exact neighbours, and what share of them carries the query's label."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from embedding.training.datasets import ABSENT

PRECISION_AT = 5
MAP_AT = 10

_QUERY_BLOCK = 512

Hidden = Sequence[np.ndarray]
"""For each query, int64 rows of the gallery that it may not find: itself, or other photos of its product."""


@dataclass(frozen=True)
class LabelFigures:
    """How well neighbours carry one label.

    :param precision_at_5: mean share of the five nearest that carry the query's value.
    :param map_at_10: mean average precision of the ten nearest.
    """

    precision_at_5: float
    map_at_10: float


def nearest(
    queries: np.ndarray, gallery: np.ndarray, count: int, *, hidden: Hidden | None = None
) -> np.ndarray:
    """Rows of the gallery's nearest by inner product, exactly, nearest first.

    :param queries: float32 [q, dim].
    :param gallery: float32 [n, dim]; n is at least `count` more than any query's hidden rows.
    :param hidden: rows that are not to be found.
    :return: int64 [q, count].
    """
    blocks = []
    for first in range(0, len(queries), _QUERY_BLOCK):
        scores = queries[first : first + _QUERY_BLOCK] @ gallery.T
        for row, rows in enumerate(hidden[first : first + _QUERY_BLOCK] if hidden else ()):
            scores[row, rows] = -np.inf
        best = np.argpartition(-scores, count - 1, axis=1)[:, :count]
        order = np.argsort(-np.take_along_axis(scores, best, axis=1), axis=1, kind="stable")
        blocks.append(np.take_along_axis(best, order, axis=1))
    return np.concatenate(blocks)


def label_figures(
    asked: np.ndarray, gallery: np.ndarray, found: np.ndarray, hidden: Hidden | None = None
) -> LabelFigures:
    """The figures of one label, over the queries that have it.

    :param asked: int32 [q], the queries' codes, see `embedding.training.datasets.LabelledPhotos`.
    :param gallery: int32 [n], the gallery's.
    :param found: int64 [q, k], rows of the gallery, nearest first; of more than `MAP_AT` the rest is ignored.
    :param hidden: as for `nearest`.
    """
    there = np.array([np.count_nonzero(gallery == code) for code in asked])
    if hidden is not None:
        there -= [np.count_nonzero(gallery[rows] == code) for code, rows in zip(asked, hidden, strict=True)]
    return LabelFigures(
        precision(asked, gallery[found[:, :PRECISION_AT]]),
        mean_average_precision(asked, gallery[found[:, :MAP_AT]], there),
    )


def precision(asked: np.ndarray, found: np.ndarray) -> float:
    """Mean share of found codes that equal the asked one, over the rows that have a code.

    :param asked: int32 [q].
    :param found: int32 [q, k].
    :return: 0…1, NaN where no row has a code.
    """
    known = asked != ABSENT
    return float((found[known] == asked[known, None]).mean()) if known.any() else float("nan")


def mean_average_precision(asked: np.ndarray, found: np.ndarray, there: np.ndarray) -> float:
    """Mean over the rows that have a code of the average precision of what was found.

    A row's average precision is the mean, over the right ones among k results at best, of the share that is
    right down to each; 0 where nothing right could be found.

    :param asked: int32 [q].
    :param found: int32 [q, k], nearest first.
    :param there: int64 [q], how many right ones could be found.
    :return: 0…1, NaN where no row has a code.
    """
    known = asked != ABSENT
    if not known.any():
        return float("nan")
    right = found[known] == asked[known, None]
    ranks = np.arange(1, right.shape[1] + 1)
    sums = (right * np.cumsum(right, axis=1) / ranks).sum(axis=1)
    return float((sums / np.clip(there[known], 1, right.shape[1])).mean())
