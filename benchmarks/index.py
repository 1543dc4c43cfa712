"""How fast the published generation of a data root answers, and whether its answers are the true ones.

    python benchmarks/index.py DATA

Medians over 300 products drawn at random, one process, warm. Recall is counted against a brute-force
comparison of this script's own.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow.compute as pc

import lookalike
from embedding.index.vectors import FILE as VECTORS_FILE
from lookalike.query import Shop
from storage import generations, tables
from storage.root import Root

QUERIES = 300


def main(data: Path) -> None:
    """Prints the table."""
    root = Root.open(data)
    started = time.perf_counter()
    shop = lookalike.open(data)
    opened = time.perf_counter() - started
    products = _some_products(root)
    photos = _main_photos(root, products[:100])
    shop.similar(photos[0])
    found = {name: [match.id for match in shop.similar(name)] for name in products}
    print("| measure | value |")
    print("|---|---|")
    print(f"| products, photos | {len(shop):,}, {shop.manifest.counts.items:,} |")
    print(f"| open, every byte verified | {opened:.2f} s |")
    print(f"| query by product | {_median_ms(shop.similar, products):.2f} ms |")
    print(f"| query by product, in stock only | {_median_ms(_in_stock(shop), products):.2f} ms |")
    print(f"| query by photo | {_median_ms(shop.similar, photos):.1f} ms |")
    print(f"| recall@5 in the manifest | {shop.manifest.recall.at_5:.4f} |")
    print(f"| recall@5 against brute force | {_recall(root, shop, found):.4f} |")


def _in_stock(shop: Shop) -> Callable[[str], object]:
    return lambda product: shop.similar(product, in_stock=True)


def _median_ms(ask: Callable[..., object], queries: list[str] | list[bytes]) -> float:
    times = []
    for query in queries:
        started = time.perf_counter()
        ask(query)
        times.append(time.perf_counter() - started)
    return 1000 * statistics.median(times)


def _some_products(root: Root) -> list[str]:
    rows = tables.read(
        root, "products", columns=["store", "product_id"], where=pc.field("removed_at").is_null()
    ).to_pylist()
    names = sorted(f"{row['store']}:{row['product_id']}" for row in rows)
    drawn = np.random.default_rng(0).choice(len(names), min(QUERIES, len(names)), replace=False)
    return [names[place] for place in drawn]


def _main_photos(root: Root, products: list[str]) -> list[bytes]:
    rows = tables.read(root, "products", columns=["store", "product_id", "images"]).to_pylist()
    images = {
        f"{row['store']}:{row['product_id']}": row["images"][0]["image_id"] for row in rows if row["images"]
    }
    wanted = [images[product] for product in products if product in images]
    stored = tables.read(root, "images", columns=["bytes"], where=pc.field("image_id").isin(wanted))
    return stored["bytes"].to_pylist()


def _recall(root: Root, shop: Shop, found: dict[str, list[str]]) -> float:
    """Share of the true five nearest products that were found, a tie with the fifth counting as found."""
    folder = generations.require_current(root)
    vectors = np.load(folder / VECTORS_FILE).astype(np.float32)
    items = shop._published.index.items
    names = [
        f"{store}:{product}"
        for store, product in zip(items["store"].to_pylist(), items["product_id"].to_pylist(), strict=True)
    ]
    positions = items["position"].to_pylist()
    shares = []
    for query, answers in found.items():
        own = min((row for row, name in enumerate(names) if name == query), key=lambda row: positions[row])
        best: dict[str, float] = {}
        for name, score in zip(names, vectors @ vectors[own], strict=True):
            best[name] = max(best.get(name, -1.0), float(score))
        del best[query]
        fifth = sorted(best.values(), reverse=True)[4]
        shares.append(sum(best[answer] >= fifth - 1e-6 for answer in answers) / 5)
    return float(np.mean(shares))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
