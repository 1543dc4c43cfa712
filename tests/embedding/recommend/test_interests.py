from __future__ import annotations

import numpy as np
import pytest
from scipy.cluster.hierarchy import fcluster, linkage

from embedding.recommend import blend
from embedding.recommend.interests import MOST_INTERESTS, Histories, decay, find_interests, ward


def unit(points: np.ndarray) -> np.ndarray:
    return (points / np.linalg.norm(points, axis=-1, keepdims=True)).astype(np.float32)


@pytest.mark.parametrize("count", [1, 2, 3, 4, 9, 30])
def test_clusters_are_those_of_scipy_for_many_customers_side_by_side(count: int) -> None:
    points = unit(np.random.default_rng(count).normal(size=(20, count, 6)))
    found = ward(((points[:, :, None] - points[:, None]) ** 2).sum(axis=-1), 0.0)
    for labels, own in zip(found, points, strict=True):
        most = min(count, MOST_INTERESTS)
        expected = fcluster(linkage(own, "ward"), most, "maxclust") if count > 1 else np.ones(1)
        assert ((labels[:, None] == labels) == (expected[:, None] == expected)).all()


def test_each_customer_has_one_to_three_interests_by_the_data() -> None:
    axes = np.eye(8, dtype=np.float32)
    tastes = [[0, 0, 0, 0], [0, 1, 0, 1], [0, 1, 2, 1, 0, 2], [0, 1, 2, 3, 4, 5], [7]]
    vectors = unit(axes[np.concatenate(tastes)] + 0.01)
    starts = np.cumsum([0, *map(len, tastes)])
    histories = Histories(np.arange(len(vectors)), np.ones(len(vectors), np.float32), starts)
    found = find_interests(vectors, histories)
    assert np.bincount(found.customers).tolist() == [1, 2, 3, 3, 1]
    assert np.bincount(found.customers, found.weights) == pytest.approx(1)
    assert (found.labels[found.medoids] == np.arange(len(found))).all()


def test_the_medoid_is_in_the_middle_and_later_purchases_weigh_more() -> None:
    angles = np.array([0.0, 0.1, 0.2, 0.2])
    vectors = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    alike = Histories(np.arange(3), np.ones(3, np.float32), np.array([0, 3]))
    assert find_interests(vectors[:3], alike).medoids.tolist() == [1]
    recent = Histories(np.arange(3), np.array([5, 1, 1], np.float32), np.array([0, 3]))
    assert find_interests(vectors[:3], recent).medoids.tolist() == [0]
    assert decay(np.array([0, 365, -30])).tolist() == [1, 0.5, 1]


def test_weights_of_planted_choices_are_found_again() -> None:
    random = np.random.default_rng(0)
    signals = random.normal(size=(2000, 50, 3)).astype(np.float32)
    planted = np.array([2.0, 0.0, 0.7])
    bought = (signals @ planted + random.gumbel(size=(2000, 50))).argmax(axis=1)
    signals[np.arange(2000), bought], signals[:, 0] = signals[:, 0].copy(), signals[np.arange(2000), bought]
    assert blend.fit(signals) == pytest.approx(planted, abs=0.12)


def test_a_signal_that_points_the_wrong_way_counts_nothing_and_few_choices_fit_nothing() -> None:
    random = np.random.default_rng(1)
    signals = random.normal(size=(500, 20, 2)).astype(np.float32)
    bought = (signals @ [1.5, -1.0] + random.gumbel(size=(500, 20))).argmax(axis=1)
    signals[np.arange(500), bought], signals[:, 0] = signals[:, 0].copy(), signals[np.arange(500), bought]
    weights = blend.fit(signals)
    assert weights[0] > 1
    assert weights[1] == 0
    assert (blend.fit(signals[:5]) == blend.DEFAULTS).all()
