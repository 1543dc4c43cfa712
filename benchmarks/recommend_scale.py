"""How long `lookalike recommend --purchases` takes for many customers, and in how much memory.

    python benchmarks/recommend_scale.py ROOT [--customers 10000 30000 100000] [--purchases 10] [--json]

ROOT is a data root with a published generation, as `catalogue_root.py` and `lookalike index` make it. Where
there is none, one of 35,000 planted products is made: vectors in clusters, a category a cluster, small photos
of one colour, the bundled heads. Purchases are planted, too: each customer buys from one to three clusters,
popular products more often, over two years.

Each size is one process of its own, from reading the file to the committed table. Wall time, CPU time of all
its threads and peak memory (resident, mapped files included) are the kernel's figures of that process. From
the two largest sizes a million customers are worked out, on a straight line. Then `shop.recommend` of ten
purchases and `shop.complete` answer in one process: CPU time of the first call and the median of the next.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import sys
import tempfile
import time
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

import lookalike
from embedding.encoder.heads import write_heads
from embedding.encoder.weights import load_weights
from embedding.index import columns
from embedding.index.build import build_index
from embedding.index.search import Index
from embedding.recommend.products import Products
from storage import encoders, generations, images, tables
from storage.encoders import EncoderSpec
from storage.root import Root
from storage.schemas import EMBEDDING_DIM, TABLES

PRODUCTS = 35_000
STORE = "planted.example"
_MODEL = "planted-32"
_GENDERS = ("Women", "Men", "Girls", "Boys")
_KINDS = (
    *(
        "Dresses",
        "Shirts",
        "T-shirts",
        "Jeans",
        "Trousers",
        "Skirts",
        "Shorts",
        "Leggings",
        "Coats",
        "Jackets",
    ),
    *("Blazers", "Cardigans", "Sweaters", "Blouses", "Hoodies", "Jumpsuits", "Boots", "Sandals", "Sneakers"),
    *("Heels", "Handbags", "Backpacks", "Belts", "Scarves", "Sunglasses", "Hats", "Earrings", "Necklaces"),
    *("Socks", "Pyjamas"),
)
_CATEGORIES = [f"{gender} > {kind}" for gender in _GENDERS for kind in _KINDS]
_PLANTED_DIM = 96
_SPREAD = 0.7  # of products around the middle of their cluster
_DAYS = 730
_POPULARITY = 0.8  # exponent of Zipf's law
_NOW = datetime(2026, 11, 1, tzinfo=UTC)
_BLOCK = 5000
_CALLS = 30
_QUIET = ((os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),)


def make_root(folder: Path) -> None:
    """Writes a root of planted products, and publishes it."""
    root = Root.open(folder, create=True)
    (root.encoders / _MODEL).mkdir(exist_ok=True)
    spec = EncoderSpec(
        **{"model": _MODEL, "weights": "planted", "size": 32, "dim": EMBEDDING_DIM},
        **{"preprocessing": "letterbox-white", "fingerprint": "0" * 64},
    )
    (root.encoders / _MODEL / "encoder.json").write_text(spec.model_dump_json())
    with tempfile.TemporaryDirectory() as scratch:
        write_heads(Path(scratch) / "heads.npz", load_weights("fashion").heads)
        encoders.put_heads(root, _MODEL, Path(scratch) / "heads.npz")
    random = np.random.default_rng(0)
    centres = random.standard_normal((len(_CATEGORIES), _PLANTED_DIM))
    basis = random.standard_normal((_PLANTED_DIM, EMBEDDING_DIM)) / np.sqrt(_PLANTED_DIM)
    for start in range(0, PRODUCTS, _BLOCK):
        numbers = range(start, min(start + _BLOCK, PRODUCTS))
        clusters = random.integers(len(_CATEGORIES), size=len(numbers))
        points = centres[clusters] + _SPREAD * random.standard_normal((len(numbers), _PLANTED_DIM))
        vectors = points @ basis + 0.05 * random.standard_normal((len(numbers), EMBEDDING_DIM))
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        photos = [_photo(number) for number in numbers]
        _write(root, numbers, clusters.tolist(), photos, vectors.astype(np.float32))
    crawl = dict.fromkeys(TABLES["crawls"].columns.names)
    done = {"crawl_id": "benchmark", "store": STORE, "ended_at": _NOW, "status": "complete"}
    tables.append(root, "crawls", [crawl | done])
    build_index(root, _MODEL)


def _photo(number: int) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (48, 64), (number % 256, number // 256 % 256, 90)).save(buffer, "JPEG")
    return buffer.getvalue()


def _write(root: Root, numbers: range, clusters: list[int], photos: list[bytes], vectors: np.ndarray) -> None:
    ids = [images.image_id(photo) for photo in photos]
    offsets = pa.array(np.arange(len(ids) + 1, dtype=np.int32) * EMBEDDING_DIM)
    lists = pa.ListArray.from_arrays(offsets, pa.array(vectors.reshape(-1)))
    embeddings = {"image_id": pa.array(ids), "model": [_MODEL] * len(ids), "vector": lists}
    tables.append(root, "embeddings", pa.table(embeddings))
    photo = {"width": 48, "height": 64, "format": "JPEG", "first_seen": _NOW, "month": "2026-11"}
    tables.append(
        root,
        "images",
        [
            photo | {"image_id": image_id, "bytes": data, "perceptual_hash": f"{number:016x}"}
            for number, image_id, data in zip(numbers, ids, photos, strict=True)
        ],
    )
    product = dict.fromkeys(TABLES["products"].columns.names) | {
        **{"store": STORE, "currency": "EUR", "price": Decimal(30), "availability": "in_stock"},
        **{"colours": [], "sizes": [], "related": [], "first_seen": _NOW, "changed_at": _NOW},
        **{"content_hash": "0", "crawl_id": "benchmark"},
    }
    tables.append(
        root,
        "products",
        [
            product
            | {"product_id": f"p{number:06d}", "url": f"https://{STORE}/p{number}"}
            | {"title": f"Product {number}", "category": _CATEGORIES[cluster]}
            | {"images": [{"url": f"https://{STORE}/p{number}.jpg", "image_id": image_id, "position": 0}]}
            for number, cluster, image_id in zip(numbers, clusters, ids, strict=True)
        ],
    )


def make_purchases(root: Root, customers: int, each: int, file: Path) -> None:
    """Writes a Parquet file of planted purchases, in the order of their time, as a shop logs them."""
    random = np.random.default_rng(customers)
    products = Products.of(Index.open(*generations.open_current(root)))
    order = np.argsort(products.kinds, kind="stable")
    kinds = np.unique(products.kinds)
    firsts = np.searchsorted(products.kinds[order], kinds)
    sizes = np.diff(np.r_[firsts, len(order)])
    tastes = random.integers(len(kinds), size=(customers, 3))
    chosen = random.integers(1 + np.arange(customers)[:, None] % 3, size=(customers, each))
    taste = np.take_along_axis(tastes, chosen, axis=1)
    # The first of a kind are its best sellers: the inverse of the cumulative Zipf distribution.
    place = (random.random((customers, each)) ** (1 / (1 - _POPULARITY)) * sizes[taste]).astype(np.int64)
    bought = order[firsts[taste] + place].ravel()
    days = random.integers(_DAYS * 86_400, size=bought.size)
    by_time = np.argsort(days)
    items = products.index.items.select(["store", "product_id"]).take(columns.row_numbers(products.rows))
    named = items.take(columns.row_numbers(bought[by_time]))
    ids = pa.array([f"customer-{number:07d}" for number in range(customers)])
    customer = ids.take(pa.array(np.repeat(np.arange(customers), each)[by_time]))
    start = np.datetime64(_NOW.replace(tzinfo=None), "us") - np.timedelta64(_DAYS, "D")
    table = pa.table(
        {
            "customer_id": customer,
            "store": named["store"].cast(pa.string()),
            "product_id": named["product_id"].cast(pa.string()),
            "bought_at": pa.array(start + days[by_time] * np.timedelta64(1, "s"), pa.timestamp("us", "UTC")),
        }
    )
    pq.write_table(table, file)


def measure(folder: Path, file: Path) -> dict[str, float]:
    """One run of the command line: wall and CPU seconds, peak memory in MB."""
    program = str(Path(sys.executable).with_name("lookalike"))
    command = [program, "recommend", "--purchases", str(file), "--data", str(folder), "--json"]
    started = time.monotonic()
    # Not `subprocess`: `wait4` gives the figures of this process alone.
    process = os.posix_spawn(program, command, os.environ, file_actions=_QUIET)
    _, status, used = os.wait4(process, 0)
    if status:
        raise SystemExit(f"`lookalike recommend` failed for {file}.")
    return {
        "wall_s": round(time.monotonic() - started, 1),
        "cpu_s": round(used.ru_utime + used.ru_stime, 1),
        "peak_mb": round(used.ru_maxrss / 1024),
    }


def latency(folder: Path) -> dict[str, dict[str, float]]:
    """CPU time of the first call and the median of the next, in milliseconds."""
    shop = lookalike.open(folder)
    products = Products.of(Index.open(*generations.open_current(Root.open(folder))))
    stores, ids = products.names(np.random.default_rng(1).integers(len(products), size=10 * _CALLS))
    named = [f"{store}:{product_id}" for store, product_id in zip(stores, ids, strict=True)]
    found = {}
    for name, ask, each in (("recommend", shop.recommend, 10), ("complete", shop.complete, 1)):
        times = []
        for at in range(_CALLS):
            started = time.process_time()
            ask(named[at * each : at * each + each])
            times.append(1000 * (time.process_time() - started))
        found[name] = {"first_ms": round(times[0], 1), "next_ms": round(float(np.median(times[1:])), 1)}
    return found


def main(folder: Path, sizes: list[int], each: int, as_json: bool) -> None:
    """Measures every size and prints the figures."""
    if not folder.exists():
        make_root(folder)
    root = Root.open(folder)
    _, manifest = generations.open_current(root)
    found = []
    with tempfile.TemporaryDirectory() as scratch:
        for customers in sorted(sizes):
            file = Path(scratch) / f"{customers}.parquet"
            make_purchases(root, customers, each, file)
            found.append({"customers": customers, **measure(folder, file)})
            if not as_json:
                print(json.dumps(found[-1]), flush=True)
            file.unlink()
    document = {"products": manifest.counts.products, "purchases each": each, "runs": found}
    document["latency, CPU"] = latency(folder)
    if len(found) > 1:
        document["a million, worked out"] = _million(*found[-2:])
    print(json.dumps(document, indent=1 if as_json else None))


def _million(smaller: dict[str, float], larger: dict[str, float]) -> dict[str, float]:
    share = (1_000_000 - larger["customers"]) / (larger["customers"] - smaller["customers"])
    return {
        name: round(larger[name] + share * (larger[name] - smaller[name]))
        for name in ("wall_s", "cpu_s", "peak_mb")
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("root", type=Path)
    parser.add_argument("--customers", type=int, nargs="+", default=[10_000, 30_000, 100_000])
    parser.add_argument("--purchases", type=int, default=10)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    main(arguments.root, arguments.customers, arguments.purchases, arguments.json)
