"""The nearest products of purchases, of one customer or of many."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from embedding.recommend.products import Products

NEAREST = 100
"""Candidates of each interest, and of the mean of all purchases."""

_PRODUCTS = 2**13  # compared at once with
_QUERIES = 256


class Nearest(Protocol):
    """Finds the nearest products, int64 [m, n], -1 where there are fewer."""

    def of_products(self, numbers: np.ndarray) -> np.ndarray:
        """Those of products, int64 [m]."""

    def of_vectors(self, vectors: np.ndarray) -> np.ndarray:
        """Those of vectors, float32 [m, dimensions], L2 norm 1."""


class Neighbours:
    """The nearest products by comparing all; those of a product are kept for the next customer's interest."""

    def __init__(self, products: Products) -> None:
        self._products = products
        self._count = min(NEAREST, len(products))
        self._known = np.zeros(len(products), bool)
        self._nearest = np.zeros((len(products), self._count), np.int32)

    def of_products(self, numbers: np.ndarray) -> np.ndarray:
        """See `Nearest`."""
        new = np.unique(numbers[~self._known[numbers]])
        if len(new):
            self._nearest[new] = exact_nearest(self._products, self._products.vectors(new), self._count)
            self._known[new] = True
        return self._nearest[numbers].astype(np.int64)

    def of_vectors(self, vectors: np.ndarray) -> np.ndarray:
        """See `Nearest`."""
        return exact_nearest(self._products, vectors, self._count)


def exact_nearest(products: Products, queries: np.ndarray, count: int) -> np.ndarray:
    """The nearest products of vectors, by comparing all: int64 [n, count], -1 where there are fewer.

    Blocks of products against blocks of queries, so that memory does not grow with the products, and each
    product's vector is widened once.
    """
    count_found = min(count, len(products))
    best = np.empty((len(queries), 0), np.float32)
    which = np.empty((len(queries), 0), np.int64)
    for start in range(0, len(products), _PRODUCTS):
        block = np.arange(start, min(start + _PRODUCTS, len(products)))
        vectors = products.vectors(block).T
        rows = range(0, len(queries), _QUERIES)
        found = [_best_of(queries[at : at + _QUERIES] @ vectors, count_found) for at in rows]
        best = np.concatenate([best, np.concatenate([scores for scores, _ in found])], axis=1)
        which = np.concatenate([which, block[np.concatenate([places for _, places in found])]], axis=1)
        best, places = _best_of(best, count_found)
        which = np.take_along_axis(which, places, axis=1)
    out = np.full((len(queries), count), -1, np.int64)
    order = np.argsort(-best, axis=1, kind="stable")
    out[:, :count_found] = np.take_along_axis(which, order, axis=1)
    return out


def _best_of(scores: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """The highest scores of each row, and their places, in no order; all where there are no more."""
    if scores.shape[1] <= count:
        return scores, np.broadcast_to(np.arange(scores.shape[1]), scores.shape)
    places = np.argpartition(scores, scores.shape[1] - count, axis=1)[:, -count:]
    return np.take_along_axis(scores, places, axis=1), places
