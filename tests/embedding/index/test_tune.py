from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from embedding.index import candidate_index, recall, tune
from embedding.index.candidate_index import CandidateIndex
from embedding.index.engines import ENDINGS, engine
from embedding.index.projection import Projection
from embedding.index.search import Index
from embedding.index.vectors import FILE, widen

DIMENSIONS = 96
LEARNT = Projection(np.zeros(DIMENSIONS, np.float32), np.eye(DIMENSIONS, dtype=np.float32))


def vectors(count: int, decay: float, clusters: int = 30) -> np.ndarray:
    """float16 [count, DIMENSIONS] unit vectors, each dimension varying less than the one before it."""
    random = np.random.default_rng(0)
    points = random.standard_normal((clusters, DIMENSIONS))[random.integers(clusters, size=count)]
    points = (points + 0.7 * random.standard_normal((count, DIMENSIONS))) * decay ** np.arange(DIMENSIONS)
    return (points / np.linalg.norm(points, axis=1, keepdims=True)).astype(np.float16)


def table(count: int) -> pa.Table:
    return pa.table({"product": pa.array(np.arange(count, dtype=np.int32))})


def saved(folder: Path, stored: np.ndarray) -> Path:
    folder.mkdir(exist_ok=True)
    np.save(folder / FILE, stored)
    return folder / FILE


EVERY = pytest.mark.parametrize("name", ENDINGS)


@pytest.fixture(scope="module")
def grown(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, np.ndarray]:
    stored = vectors(1500, 0.93)
    return saved(tmp_path_factory.mktemp("grown"), stored), stored


@EVERY
def test_a_forest_in_shards_finds_what_an_exact_search_finds(
    name: str, grown: tuple[Path, np.ndarray]
) -> None:
    file, stored = grown
    searching, measured = tune.build_tuned(file, table(1500), LEARNT, 0.99, shard_rows=600, name=name)
    assert searching.engine == name
    assert (searching.shards, searching.dimensions, searching.ann_dimensions) == (3, DIMENSIONS, 48)
    files = sorted(path.name for path in file.parent.iterdir())
    assert files == sorted([FILE, *(f"vectors-000{at}.{ENDINGS[name]}" for at in range(3))])
    assert measured.lower_bound >= 0.99
    assert list(measured.filtered) == ["0.5", "0.2", "0.05"]
    assert min(measured.filtered.values()) >= 0.99
    forest = CandidateIndex.load(file.parent, 1500, 48, 3, name)
    index = Index(table(1500), stored, forest, LEARNT, search_k=searching.search_k)
    found = []
    for row in range(0, 1500, 10):
        query = widen(stored[row])
        scores = stored.astype(np.float32) @ query
        scores[row] = -1
        hits = index.approximate(query, 5, searching.search_k, without=(row,))
        found.append(np.isin(np.argsort(-scores)[:5], hits.rows).mean())
    assert np.mean(found) >= 0.985


@EVERY
def test_equal_vectors_grow_an_equal_forest(
    name: str, grown: tuple[Path, np.ndarray], tmp_path: Path
) -> None:
    file, stored = grown
    first = tune.build_tuned(file, table(1500), LEARNT, 0.99, name=name)
    again = saved(tmp_path / "again", stored)
    assert tune.build_tuned(again, table(1500), LEARNT, 0.99, name=name) == first
    forest = f"vectors.{ENDINGS[name]}"
    assert (again.parent / forest).read_bytes() == (file.parent / forest).read_bytes()


def test_more_trees_grow_where_few_need_too_many_nodes(
    grown: tuple[Path, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    file, _ = grown
    few, _ = tune.build_tuned(file, table(1500), LEARNT, 0.99)
    monkeypatch.setattr(type(engine("annoy")), "enough", few.search_k // 2)
    more, measured = tune.build_tuned(file, table(1500), LEARNT, 0.99)
    assert few.trees == engine("annoy").sizes[0] < more.trees
    assert more.search_k < few.search_k
    assert measured.lower_bound >= 0.99


def test_as_few_dimensions_as_rank_the_true_neighbours() -> None:
    def chosen(projection: Projection, decay: float, clusters: int) -> int:
        index = Index(table(4000), vectors(4000, decay, clusters), None, projection, search_k=0)
        return recall.leading_dimensions(index, recall.draw_sample(index, 300), 0.99)

    assert chosen(LEARNT, 0.93, 30) == 48
    assert chosen(LEARNT, 1.0, 1) == DIMENSIONS  # all tell the same: none can be spared
    in_no_order = Projection(np.zeros(DIMENSIONS, np.float32), None)
    assert chosen(in_no_order, 0.93, 30) == DIMENSIONS


def test_a_filtered_sample_counts_only_what_passes() -> None:
    index = Index(table(3000), vectors(3000, 0.93), None, LEARNT, search_k=0)
    for share, mask in recall.draw_filters(index):
        sample = recall.draw_sample(index, recall.FEWER, mask)
        assert sample.mask is not None
        assert sample.mask.mean() == pytest.approx(share, abs=0.04)
        assert sample.mask[sample.found].all()
        scores = widen(index.vectors) @ sample.vectors[7]
        scores[sample.rows[7]] = -1
        np.testing.assert_allclose(np.sort(scores[sample.mask])[:-6:-1], sample.nearest[7], atol=1e-5)


def test_a_search_that_compares_all_that_passes_misses_none(grown: tuple[Path, np.ndarray]) -> None:
    file, stored = grown
    searching, _ = tune.build_tuned(file, table(1500), LEARNT, 0.99)
    forest = CandidateIndex.load(file.parent, 1500, searching.ann_dimensions or DIMENSIONS)
    index = Index(table(1500), stored, forest, LEARNT, search_k=searching.search_k)
    for share, mask in recall.draw_filters(index):
        sample = recall.draw_sample(index, 50, mask)
        found = recall.measure(index, sample, searching.search_k, 0.99).at_5
        assert found == 1.0 or not index.compares_all(searching.search_k, mask), share
    assert index.compares_all(searching.search_k, np.arange(1500) < 20)
    assert not index.compares_all(10, np.ones(1500, bool))


def test_an_index_that_would_inspect_too_much_is_not_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was added is unlike the rest: only queries from it ask for more."""
    alike, unlike = vectors(1500, 0.8), vectors(40, 1.0, clusters=40)
    file = saved(tmp_path, alike)
    before, _ = tune.build_tuned(file, table(1500), LEARNT, 0.9)
    saved(tmp_path, np.concatenate([alike, unlike]))
    whole, added = candidate_index.files(tmp_path, 2, "annoy")
    (tmp_path / "vectors.ann").rename(whole)
    part, few = tmp_path / "part.npy", before.ann_dimensions or DIMENSIONS
    np.save(part, unlike[:, :few])
    candidate_index.build_apart(added, part, few, before.trees, "annoy")
    np.save(tmp_path / candidate_index.ENTRIES_FILE, np.arange(1540, dtype=np.int32))
    grown = before.model_copy(update={"shards": 2, "entries": 1540, "added": 40})
    kept = tune.tune_grown(file, table(1540), LEARNT, 0.9, grown)
    assert kept is not None
    assert kept[0].search_k > 2 * before.search_k
    monkeypatch.setattr(type(engine("annoy")), "enough", 1)
    assert tune.tune_grown(file, table(1540), LEARNT, 0.9, grown) is None
