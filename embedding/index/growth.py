"""Grows a generation from the one before: what did not change is not built again.

One per cent of the photos, changed at random, lie in all shards, so shards are not rebuilt one by one. As in
a log-structured merge tree, the shards of the last whole build stay as they are: a row that is gone is marked
as removed, and all rows that came since are in one more shard, the only one that is built anew. When that, or
the share of removed rows, is too large, everything is built again and nothing is left of the history.

Files that stay are hard links where the file system has them, else copies, so that each generation is a
folder of its own.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from embedding.index import candidate_index, items, vectors
from embedding.index.embedding_matrix import BLOCK_ROWS, EmbeddingMatrix
from embedding.index.projection import Projection
from embedding.index.search import PROJECTION_FILE
from storage.arrays import map_array
from storage.manifest import Manifest, Origin, Search

MOST_ADDED = 0.1
"""Share of the rows that may be outside of the shards of the whole build. They are built again each time."""

MOST_REMOVED = 0.2
"""Share of the whole build's rows that may be removed. Searches inspect them in vain."""

MOST_DRIFT = 0.05
"""How much less of the variance of added photos the projection may keep than of those it was learnt from.

The measurements that chose it are in benchmarks/docs/index.md.
"""

_MEASURABLE = 100
"""Added photos from which their variance says something."""

_KEY = ("image_id", "store", "product_id")


@dataclass(frozen=True)
class Before:
    """A published generation, verified, from which another can grow.

    :ivar items: its rows.
    :ivar vectors: float16 [rows, dimensions].
    :ivar learnt_explained: of its projection.
    """

    folder: Path
    manifest: Manifest
    origin: Origin
    items: pa.Table
    vectors: np.ndarray
    projection: Projection
    learnt_explained: float

    @property
    def entries(self) -> np.ndarray:
        """See `candidate_index.ENTRIES_FILE`: int32 [entries]."""
        if self.manifest.search.entries is None:
            return np.arange(len(self.vectors), dtype=np.int32)
        return map_array(self.folder / candidate_index.ENTRIES_FILE)

    def unknown(self, image_ids: pa.Array) -> pa.Array:
        """Those of these photos that it has no vector of."""
        known = pc.is_in(image_ids, value_set=items.whole(self.items["image_id"]))
        return image_ids.filter(pc.invert(known))


@dataclass(frozen=True)
class Entries:
    """Where the rows of a grown generation are in its shards.

    :ivar rows: int32 [entries], the row of each entry, -1 where it was removed.
    :ivar added: entries of the last shard, which holds what was added; 0 where there is none.
    :ivar kept: whether the last shard is that of the generation before.
    """

    rows: np.ndarray
    added: int
    kept: bool


def load(folder: Path, manifest: Manifest, basis: str) -> Before | None:
    """Opens a verified generation to grow another from it; None where that has to be built whole.

    :param basis: of the other generation, see `storage.manifest.Origin`.
    """
    if manifest.origin is None or manifest.origin.basis != basis:
        return None
    projection = Projection.load(folder / PROJECTION_FILE)
    if projection.learnt_explained is None:
        return None
    stored = map_array(folder / vectors.FILE)
    rows = items.read(folder / items.FILE)
    return Before(folder, manifest, manifest.origin, rows, stored, projection, projection.learnt_explained)


def origin_after(before: Before, embeddings: EmbeddingMatrix) -> Origin | None:
    """The origin of a generation with these photos added; None where the projection does not fit them.

    Compared is how much of the variance the projection keeps, of all photos that were added since it was
    learnt and of those it was learnt from. A new projection could not keep more than all of it, so what it
    could gain is bounded by what is lost of the added ones.
    """
    origin = before.origin
    count, explained = origin.added, origin.added_explained * origin.added
    for block in embeddings.blocks():
        if len(block):
            explained += before.projection.explained(block) * len(block)
            count += len(block)
    mean = explained / count if count else 1.0
    if count >= _MEASURABLE and mean < before.learnt_explained - MOST_DRIFT:
        return None
    return Origin(basis=origin.basis, added=count, added_explained=round(mean, 9))


def entries_after(before: Before, rows: pa.Table, most_added: int) -> Entries | None:
    """Where rows are in the shards of the generation before, and which are added.

    :param rows: of the new generation, sorted as `embedding.index.collect` does.
    :param most_added: rows of the shard of added ones at most.
    :return: None where so much has changed that everything is built again.
    """
    searching = before.manifest.search
    places = pc.fill_null(pc.index_in(_keys(before.items), value_set=_keys(rows)), -1)
    entries = before.entries
    moved = np.where(entries < 0, np.int32(-1), places.to_numpy()[entries]).astype(np.int32)
    whole, last = np.split(moved, [len(moved) - searching.added])
    outside = np.ones(rows.num_rows, bool)
    outside[whole[whole >= 0]] = False
    added = np.flatnonzero(outside).astype(np.int32)
    removed = np.count_nonzero(whole < 0)
    if len(added) > min(MOST_ADDED * rows.num_rows, most_added) or removed > MOST_REMOVED * len(whole):
        return None
    if len(added) and len(added) == np.count_nonzero(last >= 0):
        return Entries(moved, len(last), kept=True)
    return Entries(np.concatenate([whole, added]), len(added), kept=False)


def write_vectors(before: Before, rows: pa.Table, embeddings: EmbeddingMatrix, folder: Path) -> None:
    """Writes the vectors of rows, those of known photos as they were."""
    image_ids, known_ids = items.whole(rows["image_id"]), items.whole(before.items["image_id"])
    if image_ids.equals(known_ids):
        link(before.folder / vectors.FILE, folder / vectors.FILE)
        return
    known = pc.fill_null(pc.index_in(image_ids, value_set=known_ids), -1).to_numpy()
    new = pc.fill_null(pc.index_in(image_ids, value_set=embeddings.ids), -1).to_numpy()

    def blocks() -> Iterator[np.ndarray]:
        for start in range(0, len(known), BLOCK_ROWS):
            at, of_new = known[start : start + BLOCK_ROWS], new[start : start + BLOCK_ROWS]
            block = before.vectors[at]
            is_new = at < 0
            if is_new.any():
                block[is_new] = before.projection.apply(embeddings.vectors[of_new[is_new]])
            yield block

    vectors.write_projected(folder / vectors.FILE, blocks(), len(known), before.projection.dimensions)


def write_shards(before: Before, entries: Entries, folder: Path) -> Search:
    """Writes the candidate index of a generation whose vectors are written: links shards, builds the added.

    :return: how it has to be searched, tuned as before.
    """
    searching = before.manifest.search
    whole = searching.shards - bool(searching.added)
    shards = whole + bool(entries.added)
    had = candidate_index.files(before.folder, searching.shards, searching.engine)
    has = candidate_index.files(folder, shards, searching.engine)
    for one, other in zip(had[: shards if entries.kept else whole], has, strict=False):
        link(one, other)
    np.save(folder / candidate_index.ENTRIES_FILE, entries.rows)
    if entries.added and not entries.kept:
        part = folder / "added.npy"
        stored = np.load(folder / vectors.FILE, mmap_mode="r")
        dimensions = searching.ann_dimensions or searching.dimensions
        np.save(part, stored[entries.rows[-entries.added :], :dimensions])
        candidate_index.build_apart(has[-1], part, dimensions, searching.trees, searching.engine)
        part.unlink()
    return searching.model_copy(
        update={"shards": shards, "entries": len(entries.rows), "added": entries.added}
    )


def searches_alike(before: Before, rows: pa.Table, entries: Entries) -> bool:
    """Whether a search in rows, which may show other prices, is the same as before, and so its recall."""
    return np.array_equal(before.entries, entries.rows) and all(
        items.whole(rows[name]).equals(items.whole(before.items[name]))
        for name in ("image_id", "product", "article")
    )


def link(source: Path, target: Path) -> None:
    """Makes a file of a generation a file of another one, too; published files are never written again."""
    try:
        os.link(source, target)
    except OSError:  # another file system, or one without links
        shutil.copyfile(source, target)


def _keys(rows: pa.Table) -> pa.Array:
    """What names each row, whatever its place."""
    columns = [pc.cast(items.whole(rows[name]), pa.string()) for name in _KEY]
    return pc.binary_join_element_wise(*columns, "/")
