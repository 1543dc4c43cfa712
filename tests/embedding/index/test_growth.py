"""Generations that grow from the one before, over several nights."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from embedding.index import candidate_index, growth
from embedding.index.build import BuildOutcome, build_index
from embedding.index.candidate_index import CandidateIndex
from embedding.index.engines import ENDINGS
from embedding.index.search import Index
from embedding.index.vectors import widen
from storage import generations, images, manifest, tables
from storage.export import export
from storage.manifest import GenerationError
from storage.root import Root
from tests import catalogues
from tests.catalogues import DIM, MODEL, SEEN, jpeg, product

COUNT = 700
"""Products: enough for a projection to be learnt."""

EVERY = pytest.mark.parametrize("whole", ENDINGS, indirect=True)


@pytest.fixture(scope="module")
def whole(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A root with a whole build in three shards, and its engine."""
    root = Root.open(tmp_path_factory.mktemp("whole") / "data", create=True)
    catalogues.simple(root, COUNT, stores=("a.example", "b.example"))
    name = getattr(request, "param", "annoy")
    build(root, name)
    return root.path, name


@pytest.fixture
def root(whole: tuple[Path, str], tmp_path: Path) -> Root:
    return Root.open(shutil.copytree(whole[0], tmp_path / "data"))


@pytest.fixture
def name(whole: tuple[Path, str]) -> str:
    return whole[1]


def build(root: Root, name: str, **wanted: Any) -> BuildOutcome:
    return build_index(root, MODEL, shard_rows=250, engine=name, max_loss=1.0, **wanted)


def opened(root: Root) -> tuple[Path, manifest.Manifest, Index]:
    folder, facts = generations.open_current(root)
    return folder, facts, Index.open(folder, facts)


def add(root: Root, seed: int, count: int, vectors: np.ndarray | None = None) -> list[str]:
    """Adds products with photos of their own; returns their ids."""
    ids = [images.image_id(f"new-{seed}-{at}".encode()) for at in range(count)]
    given = catalogues.clustered(count, seed=seed) if vectors is None else vectors
    catalogues.write_photos(root, {one: jpeg((at % 256, seed % 256, 200)) for at, one in enumerate(ids)})
    catalogues.write_vectors(root, dict(zip(ids, given, strict=True)))
    numbers = [f"n{seed}-{at}" for at in range(count)]
    tables.merge(
        root,
        "products",
        [product("a.example", *pair) for pair in zip(numbers, [[one] for one in ids], strict=True)],
    )
    return numbers


def change(root: Root, product_ids: Sequence[str], **fields: Any) -> None:
    rows = tables.read(root, "products").to_pylist()
    tables.merge(root, "products", [row | fields for row in rows if row["product_id"] in product_ids])


def on_sale(root: Root) -> set[str]:
    rows = tables.read(root, "products", columns=["product_id", "removed_at"]).to_pylist()
    return {row["product_id"] for row in rows if row["removed_at"] is None}


def shards(folder: Path, facts: manifest.Manifest) -> list[Path]:
    return candidate_index.files(folder, facts.search.shards, facts.search.engine)


def assert_finds_all(root: Root) -> None:
    """What is on sale is in the index, once, and each row finds itself through the shards."""
    _, facts, index = opened(root)
    assert sorted(index.items["product_id"].to_pylist()) == sorted(on_sale(root))
    assert facts.counts.items == len(index.vectors)
    for row in range(0, len(index.vectors), 7):
        assert index.approximate(widen(index.vectors[row]), 1, 300).rows[0] == row
    assert facts.recall.lower_bound >= 0.99


def test_a_changed_price_rewrites_no_forest_and_no_vectors(root: Root, name: str) -> None:
    before, facts, _ = opened(root)
    change(root, ["p00003"], title="Renamed", content_hash="1")
    assert build(root, name).grown
    folder, grown, index = opened(root)
    for file in [*shards(before, facts), before / "vectors.npy", before / "projection.npz"]:
        assert (folder / file.name).samefile(file)
    assert "Renamed" in index.items["title"].to_pylist()
    assert grown.recall == facts.recall
    assert grown.search.search_k == facts.search.search_k
    assert_finds_all(root)
    assert build(root, name).generation is None


@EVERY
def test_nights_of_changes_keep_the_shards_and_find_everything(root: Root, name: str) -> None:
    random = np.random.default_rng(4)
    before, facts, _ = opened(root)
    first = [file.read_bytes() for file in shards(before, facts)]
    gone: list[str] = []
    for night in range(3):
        add(root, night, 6)
        leaving = random.choice(sorted(on_sale(root)), 5, replace=False).tolist()
        change(root, leaving, removed_at=SEEN)
        change(root, gone[:2], removed_at=None)  # they are sold again
        gone = leaving
        assert build(root, name).grown
        folder, grown, index = opened(root)
        assert [file.read_bytes() for file in shards(folder, grown)[:3]] == first
        assert grown.search.shards == 4
        assert grown.recall.added is not None
        assert grown.recall.added >= 0.99
        assert grown.search.entries == len(np.load(folder / candidate_index.ENTRIES_FILE))
        assert_finds_all(root)
    assert not set(gone) & set(index.items["product_id"].to_pylist())
    assert len(generations.names(root)) == generations.KEEP, "the first folder is gone, its shards are not"
    exported = root.path.parent / "exported"
    export(root, exported)
    assert Index.open(*generations.open_current(Root.open(exported))).vectors.shape == index.vectors.shape
    generations.rollback(root)
    opened(root)


def test_only_removed_rows_are_marked_and_what_was_added_stays(root: Root, name: str) -> None:
    numbers = add(root, 1, 10)
    build(root, name)
    before, facts, _ = opened(root)
    change(root, [numbers[0], "p00001"], removed_at=SEEN)
    assert build(root, name).grown
    folder, grown, _ = opened(root)
    pairs = zip(shards(before, facts), shards(folder, grown), strict=True)
    assert [one.samefile(other) for one, other in pairs] == [True] * 4
    assert grown.search.added == 10
    change(root, numbers, removed_at=SEEN)
    assert build(root, name).grown
    assert opened(root)[1].search.shards == 3
    assert_finds_all(root)


@pytest.mark.parametrize("much", ["added", "removed", "unlike", "asked"])
def test_it_is_built_whole_when(much: str, root: Root, name: str) -> None:
    add(root, 1, 5)
    assert build(root, name).grown
    if much == "added":
        add(root, 2, 80)
    elif much == "removed":
        change(root, [f"p{at:05d}" for at in range(150)], removed_at=SEEN)
    elif much == "unlike":
        elsewhere = np.random.default_rng(5).standard_normal((growth._MEASURABLE, DIM)).astype(np.float32)
        small = add(root, 2, 20, elsewhere[:20])
        assert build(root, name).grown, "few photos say nothing"
        change(root, small, removed_at=SEEN)
        add(root, 3, 40, elsewhere[20:60])
        assert build(root, name).grown
        add(root, 4, 40, elsewhere[60:])
    outcome = build(root, name, full=much == "asked")
    assert outcome.generation is not None
    assert not outcome.grown
    folder, facts, _ = opened(root)
    assert (facts.search.entries, facts.search.added) == (None, 0)
    assert not (folder / candidate_index.ENTRIES_FILE).exists()
    assert_finds_all(root)


def test_a_full_build_has_no_history(root: Root, name: str, tmp_path: Path) -> None:
    add(root, 1, 5)
    build(root, name)
    assert build(root, name, full=True).generation is not None
    fresh = Root.open(shutil.copytree(root.path, tmp_path / "fresh"))
    shutil.rmtree(fresh.index)
    build(fresh, name)
    facts = [opened(one)[1] for one in (root, fresh)]
    assert facts[0].files == facts[1].files
    assert facts[0].recall == facts[1].recall


def test_equal_histories_give_equal_files(root: Root, name: str, tmp_path: Path) -> None:
    other = Root.open(shutil.copytree(root.path, tmp_path / "other"))
    for one in (root, other):
        for night in range(2):
            add(one, night, 4)
            change(one, [f"p0000{night}"], removed_at=SEEN)
            assert build(one, name).grown
    one, two = (opened(at)[1] for at in (root, other))
    assert one.files == two.files
    assert one.search == two.search


def test_it_grows_from_no_damaged_generation(root: Root, name: str) -> None:
    folder, facts, _ = opened(root)
    file = shards(folder, facts)[1]
    data = bytearray(file.read_bytes())
    data[-9] ^= 1
    file.write_bytes(data)
    add(root, 1, 5)
    assert not build(root, name).grown
    assert_finds_all(root)


def test_entries_that_do_not_fit_are_refused(root: Root, name: str) -> None:
    add(root, 1, 5)
    build(root, name)
    folder, facts, index = opened(root)
    file = folder / candidate_index.ENTRIES_FILE
    entries = np.load(file)
    twice, outside, far = entries.copy(), entries.copy(), entries.copy()
    twice[0], outside[0], far[0] = entries[1], len(index.vectors), 2**31 - 1
    kinds = (entries.astype(np.float32), entries.astype(object), entries.reshape(1, -1))
    for given in (None, entries[1:], twice, outside, far, *kinds):
        file.unlink(missing_ok=True)
        if given is not None:
            np.save(file, given, allow_pickle=True)
        with pytest.raises(GenerationError, match=r"entries\.npy"):
            Index.open(folder, facts)
    for wrong in ({"added": len(entries)}, {"shards": 1}, {"entries": None}, {"added": -1}):
        stated = json.loads((folder / manifest.FILE).read_text())
        stated["search"] |= wrong
        with pytest.raises(GenerationError, match=r"manifest\.json"):
            manifest.parse(json.dumps(stated).encode(), folder.name)


def test_removed_rows_do_not_shorten_what_a_search_proposes(tmp_path: Path) -> None:
    """However many of the nearest were removed."""
    stored = np.random.default_rng(0).standard_normal((400, 16)).astype(np.float16)
    np.save(tmp_path / "vectors.npy", stored)
    candidate_index.build(tmp_path / "vectors.npy", dimensions=16, trees=16)
    rows = np.where(np.arange(400) % 5 == 0, -1, np.cumsum(np.arange(400) % 5 != 0) - 1).astype(np.int32)
    np.save(tmp_path / candidate_index.ENTRIES_FILE, rows)
    index = CandidateIndex.load(tmp_path, 320, 16, entries=400)
    found = index.candidates(widen(stored[7]), 40, 400)
    assert len(np.unique(found)) == len(found) >= 35
    assert rows[7] in found
