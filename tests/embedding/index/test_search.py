from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from embedding.index import candidate_index, recall
from embedding.index.candidate_index import CandidateIndex
from embedding.index.projection import Projection
from embedding.index.search import EXACT_ROWS, Hits, Index
from embedding.index.vectors import FILE, widen, write_projected

DIMENSIONS = 48


def vectors(count: int, seed: int = 0, clusters: int = 40) -> np.ndarray:
    """float16 [count, DIMENSIONS] unit vectors in clusters."""
    random = np.random.default_rng(seed)
    points = random.standard_normal((clusters, DIMENSIONS))[random.integers(clusters, size=count)]
    points = points + 0.8 * random.standard_normal((count, DIMENSIONS))
    return (points / np.linalg.norm(points, axis=1, keepdims=True)).astype(np.float16)


def make(folder: Path, stored: np.ndarray, products: np.ndarray | None = None, search_k: int = 2000) -> Index:
    products = np.arange(len(stored)) if products is None else products
    np.save(folder / FILE, stored)
    candidate_index.build(folder / FILE, dimensions=DIMENSIONS, trees=32)
    return Index(
        pa.table({"product": pa.array(products, pa.int32())}),
        stored,
        CandidateIndex.load(folder, *stored.shape),
        Projection(np.zeros(DIMENSIONS, np.float32), None),
        search_k=search_k,
    )


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Index:
    """12,000 rows of 6,000 products: enough to go through Annoy."""
    stored = vectors(12_000)
    return make(tmp_path_factory.mktemp("large"), stored, np.random.default_rng(1).permutation(12_000) // 2)


def brute(
    index: Index, query: np.ndarray, k: int, mask: np.ndarray | None = None, without: tuple[int, ...] = ()
) -> Hits:
    """The answer, the plainest way there is."""
    scores = index.vectors.astype(np.float32) @ query
    rows: list[int] = []
    taken = set(without)
    for row in np.argsort(-scores, kind="stable"):
        if (mask is None or mask[row]) and int(index.products[row]) not in taken:
            taken.add(int(index.products[row]))
            rows.append(int(row))
        if len(rows) == k:
            break
    return Hits(np.array(rows, int), scores[rows])


def assert_same(found: Hits, expected: Hits) -> None:
    np.testing.assert_allclose(found.scores, expected.scores, atol=1e-5)
    np.testing.assert_array_equal(found.rows, expected.rows)


@pytest.mark.parametrize("k", [1, 5, 100, 6000])
def test_a_scan_is_exact_and_counts_products_once(large: Index, k: int) -> None:
    for row in (0, 17, 11_999):
        query = widen(large.vectors[row])
        assert_same(large.scan(query, k), brute(large, query, k))


def test_a_scan_leaves_out_what_it_is_told(large: Index) -> None:
    query = widen(large.vectors[5])
    mask = np.random.default_rng(0).random(12_000) < 0.1
    without = (int(large.products[5]), 7)
    assert_same(large.scan(query, 20, mask=mask, without=without), brute(large, query, 20, mask, without))


def test_a_search_finds_what_a_scan_finds(large: Index) -> None:
    shares = [
        recall_of(large.search(widen(large.vectors[row]), 5), large.scan(widen(large.vectors[row]), 5))
        for row in range(0, 12_000, 60)
    ]
    assert np.mean(shares) > 0.97


@pytest.mark.parametrize("share", [0.9, 0.5, 0.1, 0.01, 0.0001])
def test_a_filter_costs_no_recall(large: Index, share: float) -> None:
    mask = np.random.default_rng(2).random(12_000) < share
    shares = []
    for row in range(0, 12_000, 120):
        query = widen(large.vectors[row])
        found = large.search(query, 5, mask=mask)
        assert mask[found.rows].all()
        shares.append(recall_of(found, large.scan(query, 5, mask=mask)))
    assert np.mean(shares) > 0.97


def test_a_filter_for_what_is_far_away_costs_no_recall(large: Index) -> None:
    """The half of the rows that is least like the query."""
    shares = []
    for row in range(0, 12_000, 240):
        query = widen(large.vectors[row])
        scores = widen(large.vectors) @ query
        mask = scores < np.median(scores)
        found = large.search(query, 5, mask=mask)
        assert len(found) == 5
        shares.append(recall_of(found, large.scan(query, 5, mask=mask)))
    assert np.mean(shares) > 0.97


@pytest.mark.parametrize("k", [1, 5, 50, 3000, 6000, 9000])
def test_as_many_products_as_asked_for_or_as_there_are(large: Index, k: int) -> None:
    found = large.search(widen(large.vectors[0]), k)
    assert len(found) == min(k, 6000)
    assert len(set(large.products[found.rows].tolist())) == len(found)
    assert (np.diff(found.scores) <= 0).all()


def test_a_product_of_a_thousand_like_photos_leaves_room_for_others(tmp_path: Path) -> None:
    stored = vectors(EXACT_ROWS + 2000)
    stored[:1000] = stored[0]
    products = np.concatenate([np.zeros(1000, int), np.arange(1, len(stored) - 999)])
    index = make(tmp_path, stored, products, search_k=64)
    found = index.search(widen(stored[0]), 5)
    assert len(found) == 5
    assert found.rows[0] < 1000
    assert_same(index.scan(widen(stored[0]), 5), brute(index, widen(stored[0]), 5))


def test_nothing_passes_and_nothing_is_found(large: Index) -> None:
    found = large.search(widen(large.vectors[0]), 5, mask=np.zeros(12_000, bool))
    assert len(found) == 0
    assert found.rows.dtype == np.int64


@pytest.mark.parametrize("count", [1, 2, 4])
def test_a_catalogue_of_a_few(tmp_path: Path, count: int) -> None:
    index = make(tmp_path, vectors(count))
    assert sorted(index.search(widen(index.vectors[0]), 5).rows.tolist()) == list(range(count))
    assert len(index.approximate(widen(index.vectors[0]), 5, 64, without=(0,))) == count - 1
    search_k, measured = recall.tune(index, 0.99)
    assert measured.at_5 == 1.0
    assert measured.queries == (count if count > 1 else 0)
    assert search_k >= 1


def test_tuning_reaches_the_goal_and_an_independent_check_agrees(large: Index) -> None:
    sample = recall.draw_sample(large, 600)
    search_k, measured = recall.tune(large, 0.99, sample)
    assert measured.lower_bound >= 0.99
    assert measured.queries == 600
    shares = []
    for row in range(0, 12_000, 80):
        query, own = widen(large.vectors[row]), (int(large.products[row]),)
        found = large.approximate(query, 5, search_k, without=own)
        shares.append(recall_of(found, brute(large, query, 5, without=own)))
    assert np.mean(shares) >= 0.985
    assert recall.measure(large, sample, 8, 0.99).at_5 < measured.at_5


def test_the_nearest_of_many_at_once_are_those_of_a_scan(tmp_path: Path) -> None:
    stored = vectors(500)
    stored[:200] = stored[0]  # more photos of one product than are kept a query
    products = np.concatenate([np.zeros(200, int), np.arange(1, 301)])
    index = make(tmp_path, stored, products)
    sample = recall.draw_sample(index)
    assert sample.census
    for row in (0, 3, 250, 499):
        exact = brute(index, widen(stored[row]), 5, without=(int(products[row]),))
        np.testing.assert_allclose(sample.nearest[row], exact.scores, atol=1e-5)


def test_items_that_do_not_find_themselves_are_counted(tmp_path: Path) -> None:
    index = make(tmp_path, vectors(300))
    sample = recall.draw_sample(index)
    assert recall.count_unfound(index, sample, 64) == 0
    other = Index(
        index.items, vectors(300, seed=9), index._candidate_index, index.projection, search_k=64
    )  # Annoy of other vectors than those stored
    assert recall.count_unfound(other, sample, 8) > 250


def test_the_lower_bound_is_wilsons() -> None:
    # Newcombe (1998), table I: 81 of 263.
    assert recall.lower_bound(81 / 263, 263) == pytest.approx(0.2553, abs=5e-5)
    assert recall.lower_bound(1.0, 2000) == pytest.approx(0.99808, abs=1e-5)


def test_halves_are_widened_bit_for_bit(tmp_path: Path) -> None:
    finite = np.arange(2**16, dtype=np.uint16).view(np.float16)
    finite = finite[np.isfinite(finite)]
    np.testing.assert_array_equal(widen(finite).view(np.uint32), finite.astype(np.float32).view(np.uint32))
    file = tmp_path / "vectors.npy"
    write_projected(file, iter([finite[:60].reshape(6, 10), finite[60:100].reshape(4, 10)]), 10, 10)
    np.testing.assert_array_equal(np.load(file), finite[:100].reshape(10, 10))


def recall_of(found: Hits, exact: Hits) -> float:
    return float(np.mean(np.isin(exact.rows, found.rows))) if len(exact) else 1.0
