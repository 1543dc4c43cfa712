"""Publishes a large generation of made-up items, to measure the index.

    python benchmarks/large_generation.py REAL LARGE --items 1000000

REAL is a data root with a published generation. LARGE gets its encoder and thumbnails, and a generation of
its items and of made ones beside them (see `benchmarks/mixes.py`; each shows its first parent's photo and
facts). The vectors are mixed after the projection and go straight into what `lookalike index` does after it:
writing vectors and items, growing the forest, measuring, hashing, verifying, publishing. What comes before,
reading the tables, thumbnails and learning the projection, is measured by `catalogue_root.py --items`.
"""

from __future__ import annotations

import argparse
import hashlib
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from mixes import Mixer

from embedding.index import items, tune, vectors
from embedding.index.engines import ENDINGS
from embedding.index.projection import Projection
from embedding.index.search import PROJECTION_FILE
from embedding.index.vectors import widen
from storage import generations, manifest
from storage.export import export
from storage.root import Root

_BLOCK = 65_536


def main(real: Path, large: Path, count: int, shard_rows: int, engine: str) -> None:
    """Builds and publishes."""
    source = Root.open(real)
    if not large.exists():
        export(source, large)
    root = Root.open(large)
    before = generations.require_current(source)
    facts = generations.verify(before)
    table = items.read(before / items.FILE)
    stored = widen(np.load(before / vectors.FILE))
    projection = Projection.load(before / PROJECTION_FILE)
    with root.lock(generations.LOCK), generations.begin(root) as folder:
        parents, order = _drawn(stored, table, count)
        started = time.monotonic()
        rows = _rows(table, parents, order)
        items.write(rows, folder / items.FILE)
        # The same seed draws the same parents; the vectors come in the order of the rows.
        vectors.write_projected(
            folder / vectors.FILE, _ordered(stored, table, count, order), count, projection.dimensions
        )
        projection.save(folder / PROJECTION_FILE)
        _say("items and vectors written", started)
        searching, measured = tune.build_tuned(
            folder / vectors.FILE, items.read(folder / items.FILE), projection, 0.99, shard_rows, engine
        )
        _say("forest grown and measured", started)
        products = pc.count_distinct(rows["product"]).as_py()
        published = facts.model_copy(
            update={
                "counts": facts.counts.model_copy(
                    update={"items": count, "images": count, "products": products}
                ),
                **{"search": searching, "recall": measured, "content": "made"},
                "files": generations.describe_files(folder),
                "built_at": datetime.now(UTC),
                "build_seconds": round(time.monotonic() - started, 3),
            }
        )
        manifest.write(folder, published)
        name = generations.publish(root, folder)
        _say(f"{name} published", started)
    print(published.search, published.recall, sep="\n")


def _made(stored: np.ndarray, table: pa.Table, count: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The real items and then the made ones: their parents and vectors, a block at a time."""
    yield np.arange(len(stored)), stored
    mixer = Mixer(stored, np.array(table["category"].to_pylist(), str))
    for start in range(len(stored), count, _BLOCK):
        yield mixer.some(min(_BLOCK, count - start))


def _drawn(stored: np.ndarray, table: pa.Table, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Parents of the items as they are made, and the order in which their ids are sorted."""
    parents = np.concatenate([parents for parents, _ in _made(stored, table, count)])
    return parents, np.argsort(_ids(count), kind="stable")


def _ids(count: int) -> np.ndarray:
    return np.array([hashlib.sha256(f"{at}".encode()).hexdigest() for at in range(count)])


def _ordered(stored: np.ndarray, table: pa.Table, count: int, order: np.ndarray) -> Iterator[np.ndarray]:
    halves = np.empty((count, stored.shape[1]), np.float16)
    at = 0
    for _, made in _made(stored, table, count):
        halves[at : at + len(made)] = made
        at += len(made)
    for start in range(0, count, _BLOCK):
        yield halves[order[start : start + _BLOCK]]


def _rows(table: pa.Table, parents: np.ndarray, order: np.ndarray) -> pa.Table:
    """The parents' rows as rows of products of their own."""
    for name in items.CODED:
        at = table.schema.get_field_index(name)
        table = table.set_column(at, name, pc.cast(table[name], pa.string()))
    rows = table.take(pa.array(parents[order]))
    count = len(order)
    numbers = [f"p{number:08d}" for number in order]
    rows = _with(rows, "image_id", pa.array(_ids(count)[order].tolist(), pa.string()))
    rows = _with(rows, "product_id", pa.array(numbers, pa.string()))
    # Products are numbered in the order of (store, product_id).
    by_name = pc.sort_indices(rows, [("store", "ascending"), ("product_id", "ascending")]).to_numpy()
    rank = np.empty(count, np.int32)
    rank[by_name] = np.arange(count, dtype=np.int32)
    for name in ("product", "article"):
        rows = _with(rows, name, pa.array(rank, pa.int32()))
    return _with(rows, "position", pa.array(np.zeros(count, np.int32)))


def _with(rows: pa.Table, name: str, values: pa.Array) -> pa.Table:
    return rows.set_column(rows.schema.get_field_index(name), name, values)


def _say(what: str, started: float) -> None:
    print(f"{time.monotonic() - started:7.1f} s  {what}", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("real", type=Path)
    parser.add_argument("large", type=Path)
    parser.add_argument("--items", type=int, default=1_000_000)
    parser.add_argument("--shard-rows", type=int, default=tune.SHARD_ROWS)
    parser.add_argument("--engine", choices=ENDINGS, default="annoy")
    asked = parser.parse_args()
    main(asked.real, asked.large, asked.items, asked.shard_rows, asked.engine)
