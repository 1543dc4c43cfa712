"""What an index that grows takes, beside one that is built whole, and what it finds.

    python benchmarks/catalogue_root.py PHOTOS LARGE --items 1000000 --real REAL
    python benchmarks/growth.py LARGE REAL [--nights 3] [--changed 0.01]

LARGE is built whole. Then each night this share of the products is gone, as many come with photos of their
own (made of REAL's as LARGE's were, see `mixes.py`), as many show another price, and the index
grows. Every build is a process of its own whose processor time counts, with those of its shards. At last it
is built whole again, from the same tables.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import numpy as np
import processor_time
import pyarrow as pa
import pyarrow.compute as pc
from catalogue_root import vectors_of
from mixes import Mixer

from storage import encoders, generations, images, row_groups, tables
from storage.root import Root
from storage.schemas import EMBEDDING_DIM, TABLES

_BUILD = """
import dataclasses, json, resource, sys
from embedding.index.build import build_index
from storage.root import Root
done = build_index(Root.open(sys.argv[1]), sys.argv[2], full=sys.argv[3] == "whole")
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps(dataclasses.asdict(done) | {"peak": peak}))
"""
_PARENTS = 64
_NEW_DAY = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)


def main(folder: Path, real: Path, nights: int, changed: float) -> None:
    """Prints a line a build."""
    root = Root.open(folder)
    [model] = encoders.available(root)
    print(
        "| build | products | processor time | of the whole | seconds | peak memory "
        "| recall@5, lower bound | recall@5 of added |\n|---|---|---|---|---|---|---|---|",
        flush=True,
    )
    made = _mixer(Root.open(real))
    whole = _build(root, model, "whole", None)
    for night in range(1, nights + 1):
        change(root, model, made, changed, night)
        _build(root, model, f"night {night}", whole)
    _build(root, model, "whole", whole)


def _build(root: Root, model: str, name: str, whole: float | None) -> float:
    used, began = processor_time.of_children(), time.monotonic()
    command = [sys.executable, "-c", _BUILD, str(root.path), model, name]
    done = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
    took, seconds = processor_time.of_children() - used, time.monotonic() - began
    facts = generations.read_manifest(root, str(generations.current_name(root)))
    if done["grown"] == (name == "whole"):
        raise SystemExit(f"{name}: the index {'grew' if done['grown'] else 'was built whole'}.")
    share = f"{took / whole:.1%}" if whole else ""
    added = "" if facts.recall.added is None else f"{facts.recall.added:.4f}"
    recall = f"{facts.recall.at_5:.4f}, {facts.recall.lower_bound:.4f}"
    print(
        f"| {name} | {done['products']:,} | {took:.0f} s | {share} | {seconds:.0f} "
        f"| {done['peak'] / 2**20:.1f} GB | {recall} | {added} |",
        flush=True,
    )
    return took


def change(root: Root, model: str, made: Mixer, share: float, night: int) -> None:
    """Changes this share of the products in each of three ways: gone, new, dearer."""
    random = np.random.default_rng(night)
    on_sale = tables.read(root, "products", where=pc.field("removed_at").is_null()).combine_chunks()
    count = round(share * on_sale.num_rows)
    gone, parents, dearer = np.split(random.choice(on_sale.num_rows, 3 * count, replace=False), 3)
    rows = [row | {"removed_at": _NEW_DAY} for row in on_sale.take(pa.array(gone)).to_pylist()]
    for row in on_sale.take(pa.array(dearer)).to_pylist():
        price = row["price"] + Decimal("1.0000")
        rows.append(row | {"price": price, "content_hash": f"{night}"})
    for row, photo in zip(
        on_sale.take(pa.array(parents)).to_pylist(), _photos(root, model, made, count, night), strict=True
    ):
        shown = row["images"][0] | {"image_id": photo}
        rows.append(row | {"product_id": f"n{night}-{row['product_id']}", "images": [shown]})
    tables.merge(root, "products", rows)


def _mixer(real: Root) -> Mixer:
    """What makes vectors like those of `catalogue_root.py`."""
    ids, vectors, _ = vectors_of(real)
    products = tables.read(real, "products", columns=["images", "category"]).to_pylist()
    kinds = {row["images"][0]["image_id"]: row["category"] for row in products}
    return Mixer(vectors, np.array([kinds.get(image_id, "") for image_id in ids]), seed=7)


def _photos(root: Root, model: str, made: Mixer, count: int, night: int) -> Iterator[str]:
    """Adds so many photos with vectors; their ids."""
    random = np.random.default_rng(1000 + night)
    ids = tables.read(root, "images", columns=["image_id"])["image_id"].combine_chunks()
    some = ids.take(pa.array(np.sort(random.choice(len(ids), min(_PARENTS, len(ids)), replace=False))))
    scanned = row_groups.scan(
        root, "images", some, key="image_id", columns=("image_id", "bytes"), batch_size=_PARENTS
    )
    bytes_of = pa.Table.from_batches(scanned)["bytes"].to_pylist()
    _, mixes = made.some(count)
    data = [bytes_of[at % len(bytes_of)] + f"{night}-{at:08x}".encode() for at in range(count)]
    new = [images.image_id(one) for one in data]
    hashes = [f"{number:016x}" for number in random.integers(2**63, size=count)]
    facts = {"width": [168] * count, "height": [224] * count, "format": ["JPEG"] * count}
    facts |= {"image_id": new, "bytes": data, "perceptual_hash": hashes}
    facts |= {"first_seen": [_NEW_DAY] * count, "month": ["2026-11"] * count}
    tables.append(root, "images", pa.table(facts).select(TABLES["images"].columns.names))
    offsets = pa.array(np.arange(count + 1, dtype=np.int32) * EMBEDDING_DIM)
    lists = pa.ListArray.from_arrays(offsets, pa.array(mixes.astype(np.float32).reshape(-1)))
    tables.append(root, "embeddings", pa.table({"image_id": new, "model": [model] * count, "vector": lists}))
    return iter(new)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("root", type=Path, metavar="LARGE")
    parser.add_argument("real", type=Path, metavar="REAL")
    parser.add_argument("--nights", type=int, default=3)
    parser.add_argument("--changed", type=float, default=0.01)
    given = parser.parse_args()
    main(given.root, given.real, given.nights, given.changed)
