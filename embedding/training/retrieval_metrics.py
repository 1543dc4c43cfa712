"""Retrieval metrics of labels: precision@k and mean average precision."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from embedding.exact import Excluded
from embedding.training.datasets import ABSENT

PRECISION_AT = 5
MAP_AT = 10


@dataclass(frozen=True)
class LabelFigures:
    """Retrieval figures of one label.

    :param precision_at_5: mean share of the five nearest that carry the query's value.
    :param map_at_10: mean average precision of the ten nearest.
    """

    precision_at_5: float
    map_at_10: float


def label_figures(
    query_codes: np.ndarray, gallery: np.ndarray, found: np.ndarray, excluded: Excluded | None = None
) -> LabelFigures:
    """Measures one label, over the queries that have it.

    :param query_codes: int32 [q], see `embedding.training.datasets.LabelledPhotos`.
    :param gallery: int32 [n], the gallery's.
    :param found: int64 [q, k], rows of the gallery, nearest first; of more than `MAP_AT` the rest is ignored.
    :param excluded: as for `embedding.exact.nearest`.
    """
    relevant = np.array([np.count_nonzero(gallery == code) for code in query_codes])
    if excluded is not None:
        relevant -= [
            np.count_nonzero(gallery[rows] == code) for code, rows in zip(query_codes, excluded, strict=True)
        ]
    return LabelFigures(
        precision(query_codes, gallery[found[:, :PRECISION_AT]]),
        mean_average_precision(query_codes, gallery[found[:, :MAP_AT]], relevant),
    )


def precision(query_codes: np.ndarray, found: np.ndarray) -> float:
    """Mean share of found codes that equal the query's, over the queries that have a code.

    :param query_codes: int32 [q].
    :param found: int32 [q, k].
    :return: 0…1, NaN where no row has a code.
    """
    known = query_codes != ABSENT
    return float((found[known] == query_codes[known, None]).mean()) if known.any() else float("nan")


def mean_average_precision(query_codes: np.ndarray, found: np.ndarray, relevant: np.ndarray) -> float:
    """Mean average precision, over the queries that have a code.

    A query's average precision is the mean of the precision at the rank of each relevant result, over at most
    k relevant ones; 0 where nothing relevant could be found.

    :param query_codes: int32 [q].
    :param found: int32 [q, k], nearest first.
    :param relevant: int64 [q], how many relevant photos the gallery has.
    :return: 0…1, NaN where no row has a code.
    """
    known = query_codes != ABSENT
    if not known.any():
        return float("nan")
    right = found[known] == query_codes[known, None]
    ranks = np.arange(1, right.shape[1] + 1)
    sums = (right * np.cumsum(right, axis=1) / ranks).sum(axis=1)
    return float((sums / np.clip(relevant[known], 1, right.shape[1])).mean())
