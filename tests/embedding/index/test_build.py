from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from embedding.bands import Band, CutOffs
from embedding.encoder.heads import Head
from embedding.encoder.predictions import adopt_heads, predict_missing
from embedding.index import items
from embedding.index.build import build_index
from embedding.index.engines import ENDINGS
from embedding.index.projection import MIN_IMAGES
from embedding.index.search import Index
from embedding.index.tune import RecallError
from embedding.index.vectors import widen
from storage import generations, manifest, tables, thumbnails
from storage.errors import BusyError, LookalikeError
from storage.manifest import GenerationError
from storage.root import Root
from storage.thumbnails import Thumbnails
from tests import catalogues
from tests.catalogues import DIM, MODEL, jpeg, product

REPOSITORY = Path(__file__).parents[3]
SCHEMA_AND_FILES = {"items.arrow", "projection.npz", "vectors.ann", "vectors.npy", "manifest.json"}

EVERY = pytest.mark.parametrize("name", ENDINGS)


def opened(root: Root) -> Index:
    folder = generations.require_current(root)
    return Index.open(folder, generations.verify(folder))


def test_a_generation_holds_everything_a_result_shows(root: Root) -> None:
    catalogues.simple(root, 40, photos_each=2, stores=("a.example", "b.example"))
    steps: list[tuple[int, int | None]] = []
    outcome = build_index(root, MODEL, on_progress=lambda done, total: steps.append((done, total)))
    assert (outcome.items, outcome.products, outcome.dimensions) == (80, 40, DIM)
    assert outcome.recall == 1.0
    folder = generations.require_current(root)
    assert outcome.generation == folder.name
    assert {path.name for path in folder.iterdir()} == SCHEMA_AND_FILES
    facts = generations.verify(folder)
    assert facts.counts.stores == {"a.example": 20, "b.example": 20}
    assert (facts.counts.images, facts.counts.currencies) == (80, ["EUR"])
    assert facts.encoder.model == MODEL
    assert set(facts.tables) == {"products", "images", "embeddings", "crawls"}
    assert facts.recall.queries == 80
    rows = items.read(folder / items.FILE)
    assert rows.schema.names == items.SCHEMA.names
    assert rows["image_id"].to_pylist() == sorted(rows["image_id"].to_pylist())
    photos = Thumbnails(root, facts.thumbnails)
    first = rows.slice(0, 1).to_pylist()[0]
    assert photos.read(first["thumbnail_shard"], first["thumbnail_row"])[:2] == b"\xff\xd8"
    assert steps[0] == (0, 320)
    assert steps[-1] == (320, 320)
    assert [done for done, _ in steps] == sorted(done for done, _ in steps)


def test_the_progress_counts_every_photo_once_at_each_stage(root: Root) -> None:
    catalogues.simple(root, 30, stores=("a.example",))
    catalogues.simple(root, 50, seed=1, stores=("b.example",))  # a second file of each table
    done: list[int] = []
    build_index(root, MODEL, on_progress=lambda so_far, _total: done.append(so_far))
    read, placed, learnt, projected = 80, 160, 240, 320
    assert {read, placed, learnt, projected} <= set(done)
    assert max(done) == projected


def test_what_the_heads_recognise_is_searched_with_and_new_heads_need_a_new_index(root: Root) -> None:
    catalogues.simple(root, MIN_IMAGES + 20)
    adopt_heads(root, MODEL, {"colour": recognising(0)})
    first = build_index(root, MODEL)
    index = opened(root)
    assert list(index.projection.heads) == ["colour"]
    stored = tables.read(root, "embeddings", columns=["image_id", "vector"])
    by_id = dict(zip(stored["image_id"].to_pylist(), stored["vector"].to_pylist(), strict=True))
    encoded = np.array([by_id[image_id] for image_id in index.items["image_id"].to_pylist()], np.float32)
    np.testing.assert_allclose(widen(index.vectors[:]), index.projection.apply(encoded), atol=1e-3)
    assert build_index(root, MODEL).generation is None
    adopt_heads(root, MODEL, {"colour": recognising(0), "season": recognising(2)})
    assert build_index(root, MODEL).generation is None, "what is not compared changes no index"
    adopt_heads(root, MODEL, {"colour": recognising(1)})
    second = build_index(root, MODEL)
    assert second.generation not in (None, first.generation)


def test_other_cut_offs_need_a_new_index_and_no_new_predictions(root: Root) -> None:
    catalogues.simple(root, 20)
    heads = {"colour": recognising(0)}
    adopt_heads(root, MODEL, heads, CutOffs((0.9, 0.8, 0.7), (0.6, 0.5, 0.4)))
    predict_missing(root, MODEL)
    before = tables.version(root, "predictions")
    first = build_index(root, MODEL)
    assert opened(root).projection.band(0.75) is Band.ALIKE
    adopt_heads(root, MODEL, heads, CutOffs((0.9, 0.7, 0.6), (0.6, 0.5, 0.4)))
    second = build_index(root, MODEL)
    assert second.generation not in (None, first.generation)
    assert opened(root).projection.band(0.75) is Band.VERY_ALIKE
    adopt_heads(root, MODEL, heads, CutOffs((0.9, 0.7, 0.6), (0.6, 0.5, 0.4)))
    assert build_index(root, MODEL).generation is None
    assert tables.version(root, "predictions") == before


def recognising(seed: int) -> Head:
    kernel = np.random.default_rng(seed).normal(0, 9, (DIM, 3)).astype(np.float32)
    return Head("colour", ("navy", "red", "sand"), kernel, np.zeros(3, np.float32))


def test_vectors_are_in_the_order_of_the_rows(root: Root) -> None:
    catalogues.simple(root, 30)
    build_index(root, MODEL)
    index = opened(root)
    stored = tables.read(root, "embeddings", columns=["image_id", "vector"])
    by_id = dict(zip(stored["image_id"].to_pylist(), stored["vector"].to_pylist(), strict=True))
    for row, image_id in enumerate(index.items["image_id"].to_pylist()):
        np.testing.assert_allclose(widen(index.vectors[row]), by_id[image_id], atol=1e-3)


@EVERY
def test_an_index_in_shards_is_published_and_checked_whole(name: str, root: Root) -> None:
    catalogues.simple(root, 40, photos_each=2)
    build_index(root, MODEL, shard_rows=30, engine=name)
    folder = generations.require_current(root)
    shards = [f"vectors-{shard:04d}.{ENDINGS[name]}" for shard in range(3)]
    assert {path.name for path in folder.iterdir()} == SCHEMA_AND_FILES - {"vectors.ann"} | {*shards}
    facts = generations.verify(folder)
    searching = facts.search
    assert (searching.engine, searching.shards, searching.ann_dimensions) == (name, 3, DIM)
    index = opened(root)
    for row in range(80):
        assert index.approximate(widen(index.vectors[row]), 1, 60).rows[0] == row
    assert build_index(root, MODEL, shard_rows=30, engine=name).generation is None
    whole = (folder / shards[1]).read_bytes()
    (folder / shards[1]).write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    with pytest.raises(GenerationError, match=f"its {shards[1]} changed"):
        generations.verify(folder)
    (folder / shards[1]).unlink()
    with pytest.raises(GenerationError, match=shards[1]):
        generations.verify(folder)


def test_another_engine_makes_another_generation(root: Root) -> None:
    catalogues.simple(root, 20)
    first = build_index(root, MODEL).generation
    assert build_index(root, MODEL, engine="usearch").generation not in (None, first)
    index = opened(root)
    assert index.approximate(widen(index.vectors[3]), 1, 60).rows[0] == 3


def test_a_generation_of_before_there_were_shards_opens(root: Root) -> None:
    catalogues.simple(root, 20)
    build_index(root, MODEL)
    folder = generations.require_current(root)
    facts = json.loads((folder / manifest.FILE).read_text())
    del facts["search"]["ann_dimensions"], facts["search"]["shards"], facts["recall"]["filtered"]
    del facts["search"]["engine"]
    (folder / manifest.FILE).write_text(json.dumps(facts))
    index = Index.open(folder, manifest.read(folder))
    assert index.approximate(widen(index.vectors[3]), 1, 60).rows[0] == 3


def test_nothing_changed_needs_no_new_generation(root: Root) -> None:
    catalogues.simple(root, 20)
    name = build_index(root, MODEL).generation
    again = build_index(root, MODEL)
    assert again.generation is None
    assert (again.items, again.products, again.recall) == (20, 20, 1.0)
    assert generations.names(root) == [name]


def test_whatever_changes_a_result_needs_a_new_generation(root: Root) -> None:
    rows = catalogues.simple(root, 20)
    names = [build_index(root, MODEL).generation]
    tables.merge(root, "products", [rows[0] | {"title": "New", "content_hash": "1"}])
    names.append(build_index(root, MODEL).generation)
    tables.merge(root, "products", [rows[1] | {"removed_at": catalogues.SEEN}])
    outcome = build_index(root, MODEL)
    names.append(outcome.generation)
    assert outcome.products == 19
    names.append(build_index(root, MODEL, recall_goal=0.95).generation)
    assert None not in names
    assert len(set(names)) == 4
    assert opened(root).products.max() == 18


def test_only_new_photos_get_a_thumbnail(root: Root) -> None:
    catalogues.simple(root, 20)
    build_index(root, MODEL)
    before = set(thumbnails.locate(root)["thumbnail_shard"].to_pylist())
    catalogues.write_photos(root, {"new": jpeg((9, 9, 9))})
    catalogues.write_vectors(root, {"new": catalogues.clustered(1, seed=5)[0]})
    tables.merge(root, "products", [product("a.example", "new", ["new"])])
    assert build_index(root, MODEL).items == 21
    places = thumbnails.locate(root)
    added = set(places["thumbnail_shard"].to_pylist()) - before
    assert len(added) == 1
    assert places["thumbnail_shard"].to_pylist().count(added.pop()) == 1


def test_photos_without_a_sound_vector_or_bytes_stay_out(root: Root) -> None:
    catalogues.simple(root, 20)
    odd = {
        "zero": np.zeros(DIM),
        "nan": np.full(DIM, np.nan),
        "infinite": np.r_[np.inf, np.ones(DIM - 1)],
        "short": np.ones(DIM - 1),
        "no bytes": np.ones(DIM),
        "no image": np.ones(DIM),
    }
    catalogues.write_vectors(root, odd)
    catalogues.write_photos(root, {name: jpeg((1, 2, 3)) for name in odd if not name.startswith("no ")})
    catalogues.write_photos(root, {"no image": b"<!DOCTYPE html>"})
    tables.merge(root, "products", [product("a.example", name, [name]) for name in odd])
    outcome = build_index(root, MODEL)
    assert (outcome.items, outcome.products) == (20, 20)
    index = opened(root)
    assert np.isfinite(index.vectors).all()
    assert index.products.max() == 19


def test_vectors_of_another_model_do_not_mix_in(root: Root) -> None:
    catalogues.simple(root, 20)
    catalogues.write_spec(root, "other")
    ids = tables.read(root, "images", columns=["image_id"])["image_id"].to_pylist()
    catalogues.write_vectors(
        root, dict(zip(ids, catalogues.clustered(20, seed=7)[:, ::-1], strict=True)), "other"
    )
    build_index(root, MODEL)
    mine = opened(root).vectors.copy()
    outcome = build_index(root, "other")
    assert outcome.generation is not None
    assert generations.verify(generations.require_current(root)).encoder.model == "other"
    assert not np.array_equal(mine, opened(root).vectors)


def test_nothing_to_index_is_a_sentence_and_changes_nothing(root: Root) -> None:
    catalogues.write_spec(root)
    with pytest.raises(
        LookalikeError, match="no product with an embedded photo, so there is nothing to index"
    ):
        build_index(root, MODEL)
    assert generations.current(root) is None
    with pytest.raises(LookalikeError, match="no encoder"):
        build_index(root, "unknown")


def test_a_second_builder_is_refused(root: Root) -> None:
    catalogues.simple(root, 5)
    with root.lock("index"), pytest.raises(BusyError, match="Another process holds 'index'"):
        build_index(root, MODEL)


def test_a_goal_that_is_not_reached_leaves_the_old_generation(root: Root) -> None:
    rows = catalogues.simple(root, 20)
    name = build_index(root, MODEL).generation
    tables.merge(root, "products", [rows[0] | {"title": "New", "content_hash": "1"}])
    with pytest.raises(RecallError, match=r"below the goal of 101\.00%; the old one stays"):
        build_index(root, MODEL, recall_goal=1.01)
    assert generations.current_name(root) == name
    assert sorted(path.name for path in root.index.iterdir()) == sorted(["CURRENT", name])


def test_a_damaged_generation_is_built_anew(root: Root) -> None:
    catalogues.simple(root, 20)
    name = build_index(root, MODEL).generation
    file = root.index / str(name) / "vectors.npy"
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(data)
    assert build_index(root, MODEL).generation not in (None, name)
    opened(root)
    for shard in root.thumbnails.glob("*.arrow"):
        shard.unlink()
    assert build_index(root, MODEL).generation is not None


@pytest.mark.parametrize("file", ["items.arrow", "vectors.npy", "vectors.ann", "projection.npz"])
def test_files_that_do_not_fit_together_are_refused(root: Root, file: str) -> None:
    """Even where their hashes are right."""
    catalogues.simple(root, 20)
    build_index(root, MODEL)
    folder = generations.require_current(root)
    facts = generations.verify(folder)
    other = Root.open(root.path.parent / "other", create=True)
    catalogues.simple(other, 600, seed=1)
    build_index(other, MODEL)
    (folder / file).write_bytes((generations.require_current(other) / file).read_bytes())
    with pytest.raises(GenerationError):
        Index.open(folder, facts)
    (folder / file).write_bytes(b"nothing of the kind")
    with pytest.raises(GenerationError):
        Index.open(folder, facts)


BUILD = """
import sys
from embedding.index.build import build_index
from storage.root import Root
from tests import catalogues
root = Root.open(sys.argv[1], create=True)
catalogues.simple(root, 300, photos_each=2)
build_index(root, catalogues.MODEL)
"""


def test_equal_tables_give_equal_bytes(tmp_path: Path) -> None:
    """In processes of their own, whose memory is laid out differently."""
    folders = []
    for name in ("a", "b"):
        subprocess.run([sys.executable, "-c", BUILD, tmp_path / name], check=True, cwd=REPOSITORY)
        folders.append(generations.require_current(Root.open(tmp_path / name)))
    for file in SCHEMA_AND_FILES - {"manifest.json"}:
        assert (folders[0] / file).read_bytes() == (folders[1] / file).read_bytes(), file
    facts = [json.loads((folder / "manifest.json").read_text()) for folder in folders]
    for one in facts:
        assert list(one)[-2:] == ["built_at", "build_seconds"]
        del one["built_at"], one["build_seconds"]
    assert facts[0] == facts[1]
    assert manifest.read(folders[0]).search.dimensions == 256, (
        "these are enough photos for a learnt projection"
    )


FULL = """
import resource, sys
from embedding.index.build import build_index
from storage.errors import LookalikeError
from storage.root import Root
from tests import catalogues
root = Root.open(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]),) * 2)
try:
    build_index(root, catalogues.MODEL)
except LookalikeError as error:
    print(error)
"""


@pytest.mark.parametrize("most_bytes", [1_000, 50_000, 400_000])
def test_what_does_not_fit_on_the_disk_leaves_the_old_generation(root: Root, most_bytes: int) -> None:
    """The system's limit on the size of a file stands for a full disk: the write fails in the same way."""
    rows = catalogues.simple(root, 40, photos_each=2)
    name = build_index(root, MODEL).generation
    tables.merge(root, "products", [rows[0] | {"title": "New", "content_hash": "1"}])
    command = [sys.executable, "-c", FULL, str(root.path), str(most_bytes)]
    said = subprocess.run(command, check=True, cwd=REPOSITORY, capture_output=True, text=True).stdout
    assert said.startswith(f"The index does not fit in {root.path} (File too large). The published one stays")
    assert sorted(path.name for path in root.index.iterdir()) == sorted(["CURRENT", str(name)])
    opened(root)


@EVERY
@pytest.mark.slow
def test_a_build_of_more_than_is_compared_one_by_one(name: str, root: Root) -> None:
    """Through the engine, with its recall held to the goal by an exact search written anew here."""
    catalogues.simple(root, 2500, photos_each=2, stores=("a.example", "b.example", "c.example"))
    outcome = build_index(root, MODEL, engine=name)
    assert outcome.recall >= 0.99
    index = opened(root)
    facts = generations.verify(generations.require_current(root))
    assert facts.recall.lower_bound >= 0.99
    assert facts.recall.queries == 2000
    assert min(facts.recall.filtered.values()) >= 0.99
    everything = index.vectors.astype(np.float32)
    found = 0
    for row in range(0, 5000, 50):
        scores = everything @ everything[row]
        scores[index.products == index.products[row]] = -1
        best = {int(index.products[at]): scores[at] for at in np.argsort(scores)}  # the best photo comes last
        expected = sorted(best.values(), reverse=True)[:5]
        hits = index.search(everything[row], 5, without=(int(index.products[row]),))
        found += int(np.sum(hits.scores >= expected[-1] - 1e-5))
    assert found / 500 >= 0.985
    mask = np.asarray(
        pa.compute.equal(index.items["store"].combine_chunks().dictionary_decode(), "b.example")
    )
    assert len(index.search(everything[0], 5, mask=mask)) == 5
