"""Candidates of recommendations."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np

from embedding.recommend.interests import Histories
from embedding.recommend.nearest import Neighbours
from embedding.recommend.products import Products
from embedding.recommend.recommender import Learnt, Recommender

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
    recommender = Recommender(some, learnt, Neighbours(some))
    histories = Histories(np.array([0, 1, EACH]), np.ones(3, np.float32), np.array([0, 2, 3]))
    found = recommender.recommend(histories, 12)
    assert (found.products == bestseller).any(axis=1).all()


def test_what_lies_between_the_purchases_is_a_candidate() -> None:
    """Far from each purchase and near to their mean: the medoids' neighbours alone would miss it."""
    random = np.random.default_rng(4)
    bought = np.eye(3, 8)
    crowds = np.repeat(bought, 150, axis=0) + 0.05 * random.normal(size=(450, 8))
    between = bought.sum(axis=0, keepdims=True)
    vectors = np.concatenate([bought, crowds, between])
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float16)
    numbers = np.arange(len(vectors))
    some = Products(
        numbers,
        numbers.astype(np.int32),
        np.zeros(len(numbers), np.int32),
        SimpleNamespace(vectors=vectors),  # type: ignore[arg-type]
    )
    histories = Histories(np.arange(3), np.ones(3, np.float32), np.array([0, 3]))
    found = Recommender(some, Learnt.nothing(some), Neighbours(some)).recommend(histories, 12)
    assert numbers[-1] in found.products
