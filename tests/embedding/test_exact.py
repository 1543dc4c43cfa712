"""Exact neighbours: the same whether they are found at once or merged from blocks."""

from __future__ import annotations

import numpy as np
import pytest

from embedding.exact import LargestScores, largest, nearest


@pytest.fixture
def scores() -> np.ndarray:
    return np.random.default_rng(0).standard_normal((7, 300)).astype(np.float32)


def test_the_largest_come_first(scores: np.ndarray) -> None:
    assert largest(np.array([3.0, 1.0, 2.0]), 2).tolist() == [0, 2]
    assert (largest(scores, 300) == np.argsort(-scores, axis=1)).all()


def test_excluded_rows_are_not_found() -> None:
    vectors = np.eye(4, dtype=np.float32)
    assert nearest(vectors, vectors, 1)[:, 0].tolist() == [0, 1, 2, 3]
    own = [np.array([row]) for row in range(4)]
    assert all(row not in found for row, found in enumerate(nearest(vectors, vectors, 3, excluded=own)))


@pytest.mark.parametrize("block", [1, 64, 300])
def test_blocks_merge_to_what_one_sort_gives(scores: np.ndarray, block: int) -> None:
    merged = LargestScores(len(scores), 10)
    for start in range(0, scores.shape[1], block):
        merged.add(scores[:, start : start + block], start)
    best, rows = merged.sorted()
    assert (rows == largest(scores, 10)).all()
    assert (best == np.take_along_axis(scores, rows, axis=1)).all()


def test_fewer_rows_than_are_kept_leave_gaps() -> None:
    merged = LargestScores(1, 3)
    merged.add(np.array([[0.5, 0.7]], np.float32), 10)
    best, rows = merged.sorted()
    assert best.tolist() == [[np.float32(0.7), 0.5, -np.inf]]
    assert rows[0, :2].tolist() == [11, 10]
