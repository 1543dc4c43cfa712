"""Writes a data root of real products, and optionally of many made-up ones, for `benchmarks/index.py`.

    python benchmarks/labelled_photos.py ../shared/data PHOTOS
    python benchmarks/catalogue_root.py PHOTOS REAL
    python benchmarks/catalogue_root.py PHOTOS LARGE --items 1000000 --real REAL

REAL gets the 35,576 products of both catalogue files, their photos, and vectors of the encoder that comes
with Lookalike. LARGE gets the same, vectors and heads copied from REAL, and beside them made products: the
vector is a mix of those of two real products of one type, plus noise; the photo is one parent's, with a few
bytes behind its end so that it is a file of its own. Stores, prices, availability and first_seen are drawn,
with a fixed seed: the files do not have them. `lookalike index --data` then builds the index.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from mixes import Mixer

from embedding.encoder.heads import load_heads
from embedding.encoder.predictions import adopt_heads
from embedding.encoder.stage import embed_new_images, resolve_model
from storage import images, tables
from storage.root import Root
from storage.schemas import EMBEDDING_DIM, TABLES

STORES = ("north.example", "south.example", "east.example", "west.example", "outlet.example")
_CURRENCIES = ("EUR", "EUR", "EUR", "EUR", "USD")
_SHARES = (0.4, 0.3, 0.2, 0.08, 0.02)  # of the products
_IN_STOCK = 0.8
_NOW = datetime(2026, 11, 21, 3, 0, tzinfo=UTC)
_DAYS = 200  # first_seen lies this far back at most
_BLOCK = 8192


@dataclass(frozen=True)
class Photos:
    """The real products: a row of `facts` for each, its photo's bytes and id."""

    facts: pa.Table
    data: list[bytes]
    ids: np.ndarray


def main(source: Path, target: Path, items: int | None, real: Path | None) -> None:
    """Writes the root."""
    root = Root.open(target, create=True)
    catalogue = _photos(source)
    if real is None:
        _write_photos(root, catalogue.data, [images.inspect(data).perceptual_hash for data in catalogue.data])
        embed_new_images(root)
        _write_products(root, catalogue, np.arange(len(catalogue.ids)), catalogue.ids)
        return
    ids, vectors, model = vectors_of(Root.open(real))
    resolve_model(root, "fashion")
    adopt_heads(root, model, load_heads(Root.open(real), model))
    random = np.random.default_rng(1)
    order = np.argsort(ids)
    places = order[np.searchsorted(ids[order], catalogue.ids)]
    made = Mixer(vectors[places], np.array(catalogue.facts["article_type"].to_pylist(), str))
    count = len(catalogue.ids)
    _write_photos(root, catalogue.data, [images.inspect(data).perceptual_hash for data in catalogue.data])
    _write_vectors(root, model, ids, vectors)
    _write_products(root, catalogue, np.arange(count), catalogue.ids)
    for start in range(count, items or count, _BLOCK):
        rows, mixes = made.some(min(_BLOCK, (items or count) - start))
        data = [catalogue.data[row] + f"{start + at:08x}".encode() for at, row in enumerate(rows)]
        hashes = [f"{number:016x}" for number in random.integers(2**63, size=len(rows))]
        new_ids = np.array(_write_photos(root, data, hashes))
        _write_vectors(root, model, new_ids, mixes)
        _write_products(root, catalogue, rows, new_ids, start)
        print(f"{start + len(rows):,} products", flush=True)


def _photos(source: Path) -> Photos:
    tables_ = [pq.read_table(source / f"{name}.parquet") for name in ("catalogue", "catalogue_small")]
    facts = pa.concat_tables(table.drop_columns(["image"]) for table in tables_).combine_chunks()
    data = [image for table in tables_ for image in table["image"].to_pylist()]
    return Photos(facts, data, np.array([images.image_id(image) for image in data]))


def vectors_of(root: Root) -> tuple[np.ndarray, np.ndarray, str]:
    """The ids of a root's photos, their vectors, float32 [n, 2048], and their model."""
    stored = tables.read(root, "embeddings").combine_chunks()
    vectors = stored["vector"].chunk(0).flatten().to_numpy().reshape(-1, EMBEDDING_DIM)
    return np.array(stored["image_id"].to_pylist()), vectors, stored["model"][0].as_py()


def _write_photos(root: Root, data: list[bytes], hashes: list[str]) -> list[str]:
    ids = [images.image_id(one) for one in data]
    rows = {image_id: at for at, image_id in enumerate(ids)}  # a few photos are in the files twice
    table = {
        "image_id": list(rows),
        "bytes": [data[at] for at in rows.values()],
        "perceptual_hash": [hashes[at] for at in rows.values()],
        **{"width": [168] * len(rows), "height": [224] * len(rows), "format": ["JPEG"] * len(rows)},
        **{"first_seen": [_NOW] * len(rows), "month": ["2026-11"] * len(rows)},
    }
    tables.append(root, "images", pa.table({name: table[name] for name in TABLES["images"].columns.names}))
    return ids


def _write_vectors(root: Root, model: str, ids: np.ndarray, vectors: np.ndarray) -> None:
    offsets = pa.array(np.arange(len(ids) + 1, dtype=np.int32) * EMBEDDING_DIM)
    lists = pa.ListArray.from_arrays(offsets, pa.array(np.asarray(vectors, np.float32).reshape(-1)))
    columns = {"image_id": pa.array(ids), "model": [model] * len(ids), "vector": lists}
    tables.append(root, "embeddings", pa.table(columns))


def _write_products(
    root: Root, catalogue: Photos, parents: np.ndarray, image_ids: np.ndarray, start: int = 0
) -> None:
    """Products that are called what their parents are.

    :param parents: int64 [n], rows of the real products.
    :param start: number of the first.
    """
    random = np.random.default_rng(start)
    facts = catalogue.facts.take(parents)
    store = random.choice(len(STORES), len(parents), p=_SHARES)
    prices = np.exp(random.normal(3.6, 0.8, len(parents))).clip(3, 900)
    in_stock = random.random(len(parents)) < _IN_STOCK
    seen = random.integers(_DAYS, size=len(parents))
    rows = []
    for at, fact in enumerate(facts.to_pylist()):
        shop = STORES[store[at]]
        path = [fact["gender"], fact["master_category"], fact["sub_category"], fact["article_type"]]
        rows.append(
            {
                **{"store": shop, "product_id": f"p{start + at:07d}", "url": f"https://{shop}/p{start + at}"},
                **{"title": fact["name"], "brand": (fact["name"] or "").split(" ")[0] or None},
                "category": " > ".join(step for step in path if step),
                "price": Decimal(int(prices[at] * 100)).scaleb(-2),
                "currency": _CURRENCIES[store[at]],
                "availability": "in_stock" if in_stock[at] else "out_of_stock",
                **{"colours": [fact["colour"]] if fact["colour"] else [], "sizes": [], "related": []},
                "images": [
                    {
                        **{"url": f"https://{shop}/p{start + at}.jpg", "image_id": str(image_ids[at])},
                        **{"position": 0, "colour": None},
                    }
                ],
                **{"first_seen": _NOW - timedelta(days=int(seen[at])), "changed_at": _NOW},
                **{"content_hash": "0", "crawl_id": "benchmark"},
            }
        )
    tables.append(root, "products", rows)
    if start == 0:
        crawl = {"crawl_id": "benchmark", "ended_at": _NOW, "status": "complete"}
        tables.append(root, "crawls", [crawl | {"store": shop} for shop in STORES])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("photos", type=Path)
    parser.add_argument("root", type=Path)
    parser.add_argument("--items", type=int)
    parser.add_argument("--real", type=Path)
    asked = parser.parse_args()
    main(asked.photos, asked.root, asked.items, asked.real)
