"""Candidates of recommendations."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np

from embedding.recommend.interests import Histories
from embedding.recommend.products import Products
from embedding.recommend.recommender import Learnt, Recommender, exact_nearest

KINDS, EACH = 4, 50


def products() -> Products:
    """Products of four kinds, each kind in a direction of its own."""
    random = np.random.default_rng(3)
    points = np.repeat(np.eye(KINDS, 8), EACH, axis=0) + 0.02 * random.normal(size=(KINDS * EACH, 8))
    vectors = (points / np.linalg.norm(points, axis=1, keepdims=True)).astype(np.float16)
    numbers = np.arange(KINDS * EACH)
    kinds = np.repeat(np.arange(KINDS), EACH).astype(np.int32)
    return Products(numbers, numbers.astype(np.int32), kinds, SimpleNamespace(vectors=vectors))  # type: ignore[arg-type]


def test_a_bestseller_of_another_kind_is_a_candidate() -> None:
    some = products()
    bestseller = 3 * EACH + 7
    popularity = np.ones(len(some), np.float32)
    popularity[bestseller] = 10_000
    learnt = replace(Learnt.nothing(some), popularity=popularity)
    recommender = Recommender(some, learnt, lambda numbers: exact_nearest(some, numbers, 20))
    histories = Histories(np.array([0, 1, EACH]), np.ones(3, np.float32), np.array([0, 2, 3]))
    found = recommender.recommend(histories, 12)
    assert (found.products == bestseller).any(axis=1).all()
