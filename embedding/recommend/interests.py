"""What customers are interested in: one to three interests each, found in their purchases.

As PinnerSage does (Pal et al., "PinnerSage: Multi-Modal User Embeddings for Recommendations at Pinterest",
2020): a customer's purchases are clustered by Ward's method, each cluster is represented by its medoid, which
is a real product and not a mean that looks like none, and weighs what its purchases weigh by their age.
Customers are clustered side by side, so that a hundred thousand take seconds.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

MOST_INTERESTS = 3

MOST_PURCHASES = 64
"""Purchases of one customer that are looked at, the most recent. Clustering grows with their square."""

HALF_LIFE_DAYS = 365.0
"""After this many days a purchase weighs half."""

SPLIT_COST = 0.55
"""Least growth of the sum of squared distances to the centres at which two clusters stay two interests."""

_BLOCK_FLOATS = 2**22  # of distances held at once: 16 MB


@dataclass(frozen=True)
class Histories:
    """Purchases of customers, those of one customer side by side.

    :ivar items: int64 [n], numbers of what was bought.
    :ivar weights: float32 [n], what each purchase weighs, above 0.
    :ivar starts: int64 [customers + 1], where each customer's purchases begin, and the end of the last's.
    """

    items: np.ndarray
    weights: np.ndarray
    starts: np.ndarray

    def __len__(self) -> int:
        return len(self.starts) - 1

    @property
    def customers(self) -> np.ndarray:
        """Number of the customer of each purchase, int64 [n]."""
        return np.repeat(np.arange(len(self)), np.diff(self.starts))


@dataclass(frozen=True)
class Interests:
    """Interests of customers.

    :ivar labels: int64 [n], the interest of each purchase, numbered from 0 through all customers.
    :ivar customers: int64 [m], the customer of each interest, ascending.
    :ivar medoids: int64 [m], of each interest the purchase in its middle.
    :ivar weights: float32 [m], each interest's share of its customer's purchases; one customer's sum to 1.
    """

    labels: np.ndarray
    customers: np.ndarray
    medoids: np.ndarray
    weights: np.ndarray

    def __len__(self) -> int:
        return len(self.customers)


def decay(age_days: np.ndarray, half_life_days: float = HALF_LIFE_DAYS) -> np.ndarray:
    """What purchases weigh by their age: float32 [n]; purchases in the future count as made now."""
    weights: np.ndarray = np.exp2(-np.maximum(age_days, 0) / half_life_days).astype(np.float32)
    return weights


def find_interests(vectors: np.ndarray, histories: Histories, *, split_cost: float = SPLIT_COST) -> Interests:
    """The interests of each customer.

    :param vectors: float32 [n, dimensions], L2 norm 1, one a purchase.
    """
    local = np.zeros(len(histories.items), np.int64)
    is_medoid = np.zeros(len(histories.items), bool)
    for rows in _blocks(histories.starts):
        block = vectors[rows]
        distances = 2 - 2 * np.einsum("bid,bjd->bij", block, block)
        labels = ward(np.maximum(distances, 0), split_cost)
        local[rows] = labels
        is_medoid[rows] = _medoids(distances, labels, histories.weights[rows])
    customers = histories.customers
    keys = customers * MOST_INTERESTS + local
    known, labels = np.unique(keys, return_inverse=True)
    medoids = np.empty(len(known), np.int64)
    medoids[labels[is_medoid]] = np.flatnonzero(is_medoid)
    owners = known // MOST_INTERESTS
    weights = np.bincount(labels, histories.weights, len(known))
    totals = np.bincount(customers, histories.weights, len(histories))
    return Interests(labels, owners, medoids, (weights / totals[owners]).astype(np.float32))


def ward(distances: np.ndarray, split_cost: float) -> np.ndarray:
    """Clusters by Ward's method, of many customers side by side.

    :param distances: float32 [customers, n, n], squared Euclidean.
    :param split_cost: see `SPLIT_COST`.
    :return: int64 [customers, n], labels from 0, at most `MOST_INTERESTS` a customer, numbered in
        the order of their first purchases.
    """
    count, n, _ = distances.shape
    each = np.arange(count)
    costs = distances.astype(np.float32) / 2  # of joining two points: their squared distance to their middle
    costs[:, np.arange(n), np.arange(n)] = np.inf
    sizes = np.ones((count, n), np.float32)
    labels = np.tile(np.arange(n), (count, 1))
    for clusters in range(n, 1, -1):
        nearest = costs.reshape(count, -1).argmin(axis=1)
        one, other = np.minimum(nearest // n, nearest % n), np.maximum(nearest // n, nearest % n)
        cost = costs[each, one, other]
        joined = np.flatnonzero((cost < split_cost) | (clusters > MOST_INTERESTS))
        if not len(joined):
            break
        a, b, price = one[joined], other[joined], cost[joined]
        size_a, size_b = sizes[joined, a][:, None], sizes[joined, b][:, None]
        # The recurrence of Lance and Williams for Ward's method.
        with np.errstate(invalid="ignore"):
            updated = (
                (size_a + sizes[joined]) * costs[joined, a]
                + (size_b + sizes[joined]) * costs[joined, b]
                - sizes[joined] * price[:, None]
            ) / (size_a + size_b + sizes[joined])
        updated[~np.isfinite(updated)] = np.inf
        costs[joined, a], costs[joined, :, a] = updated, updated
        costs[joined, b], costs[joined, :, b] = np.inf, np.inf
        costs[joined, a, a] = np.inf
        sizes[joined, a] += sizes[joined, b]
        labels[joined] = np.where(labels[joined] == b[:, None], a[:, None], labels[joined])
    firsts = labels == np.arange(n)
    ranks: np.ndarray = np.cumsum(firsts, axis=1) - 1
    return np.take_along_axis(ranks, labels, axis=1)


def _medoids(distances: np.ndarray, labels: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The purchase of each cluster that is nearest to the others, by what they weigh: bool [customers, n]."""
    same = labels[:, :, None] == labels[:, None, :]
    sums = np.einsum("bij,bj->bi", np.where(same, distances, 0), weights)
    better = (sums[:, None, :] < sums[:, :, None]) | (
        (sums[:, None, :] == sums[:, :, None]) & np.tri(labels.shape[1], k=-1, dtype=bool)
    )
    medoids: np.ndarray = ~(same & better).any(axis=2)
    return medoids


def _blocks(starts: np.ndarray) -> Iterator[np.ndarray]:
    """The purchases of customers who bought equally much: int64 [customers, n] each."""
    lengths = np.diff(starts)
    for length in np.unique(lengths[lengths > 0]).tolist():
        firsts = starts[:-1][lengths == length]
        step = max(1, _BLOCK_FLOATS // length**2)
        for at in range(0, len(firsts), step):
            yield firsts[at : at + step, None] + np.arange(length)
