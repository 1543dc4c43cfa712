"""Exact neighbours, and what share of them carries a label."""

from __future__ import annotations

import numpy as np
import pytest

from embedding.exact import nearest
from embedding.training.datasets import ABSENT
from embedding.training.retrieval_metrics import label_figures, mean_average_precision, precision


def unit_vectors(count: int) -> np.ndarray:
    vectors = np.random.default_rng(0).normal(size=(count, 16)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def test_the_nearest_are_exact_and_in_order() -> None:
    gallery = unit_vectors(600)
    excluded = [np.array([row, (row + 1) % 600]) for row in range(600)]
    found = nearest(gallery, gallery, 5, excluded=excluded)
    for row in (0, 17, 511, 512, 599):
        scores = gallery @ gallery[row]
        scores[excluded[row]] = -np.inf
        assert found[row].tolist() == np.argsort(-scores)[:5].tolist()
    assert (nearest(gallery[:3], gallery, 1) == [[0], [1], [2]]).all()


def test_precision_counts_only_queries_that_have_the_label() -> None:
    query_codes = np.array([1, ABSENT, 2])
    found = np.array([[1, 1, 2, ABSENT, 1], [1, 1, 1, 1, 1], [0, 0, 0, 0, 2]])
    assert precision(query_codes, found) == pytest.approx((3 / 5 + 1 / 5) / 2)
    assert np.isnan(precision(query_codes[1:2], found[1:2]))


def test_average_precision_asks_for_what_there_is() -> None:
    # Right at ranks 1 and 3 of two that are there, then of five; none there; all right.
    query_codes = np.array([1, 1, 7, 2, ABSENT])
    found = np.array([[1, 0, 1, 0], [1, 0, 1, 0], [1, 0, 1, 0], [2, 2, 2, 2], [1, 1, 1, 1]])
    relevant = np.array([2, 5, 0, 9, 3])
    of_two, of_four = (1 + 2 / 3) / 2, (1 + 2 / 3) / 4
    assert mean_average_precision(query_codes, found, relevant) == pytest.approx(
        (of_two + of_four + 0 + 1) / 4
    )


def test_hidden_photos_are_not_missed() -> None:
    query_codes, gallery = np.array([3]), np.array([3, 3, 0, 3, 0, 0, 0])
    excluded = [np.array([0, 2])]
    found = np.array([[1, 4, 5, 3, 6]])
    figures = label_figures(query_codes, gallery, found, excluded)
    assert figures.precision_at_5 == pytest.approx(2 / 5)
    assert figures.map_at_10 == pytest.approx((1 + 2 / 4) / 2)
