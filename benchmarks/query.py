"""Query latency: the first answers of a fresh process, then warm ones, by kind of question.

    python benchmarks/query.py DATA

Every time is a median: of ten fresh processes, then of 200 questions of one process, on photos and products
drawn at random, with a fixed seed. Photos are asked with as their stores sent them. Wall time grows with what
else the machine does, the processor's own, of all threads together, hardly.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc

import lookalike
from lookalike.query import Shop
from storage import tables
from storage.root import Root

PROCESSES = 10
QUESTIONS = 200
MANY = 64
ROUNDS = 5
WORDS = ["red dress", "navy blue shirt", "women's leather shoes", "watch", "this, but black"]

_FRESH = """
import json, sys, time
def now():
    return time.perf_counter(), time.process_time()
started = now()
import lookalike
shop = lookalike.open(sys.argv[1])
opened = now()
shop.similar(sys.argv[2])
answered = now()
spent = [[1000 * (b - a) for a, b in zip(started, later)] for later in (opened, answered)]
print(json.dumps(spent))
"""


def main(data: Path) -> None:
    """Prints the table."""
    shop = lookalike.open(data)
    products, photos = drawn(shop, Root.open(data))
    fresh = [_fresh(data, photos[0]) for _ in range(PROCESSES + 1)][1:]  # the first reads from the disk
    print("| question | wall, ms | processor, ms |")
    print("|---|---|---|")
    for place, name in enumerate(("fresh process: open", "fresh process: open and answer a photo")):
        _line(name, [one[place] for one in fresh])
    _line("a photo", _asked(shop.similar, photos))
    _line("a photo, filtered", _asked(lambda photo: shop.similar(photo, in_stock=True), photos))
    _line("a product", _asked(shop.similar, products))
    _line("a product, filtered", _asked(lambda name: shop.similar(name, in_stock=True), products))
    _line("a product elsewhere", _asked(shop.elsewhere, products))
    _line("words", _asked(shop.search, WORDS))
    _line("a photo's five cards in a notebook", _asked(_shown(shop), photos[:50]))
    one_by_one, at_once = _many(shop, photos[:MANY])
    _line(f"each of {MANY} photos, one by one", one_by_one)
    _line(f"each of {MANY} photos, at once", at_once)
    folded = [match for name in products for match in shop.similar(name) if match.also_at]
    print()
    print(f"{len(shop):,} products; {len(folded) / (5 * len(products)):.1%} of the results are at several.")


def drawn(shop: Shop, root: Root) -> tuple[list[str], list[bytes]]:
    """Products, and photos of others, at random."""
    rows = tables.read(
        root, "products", columns=["store", "product_id", "images"], where=pc.field("removed_at").is_null()
    ).to_pylist()
    rows = sorted((row for row in rows if row["images"]), key=lambda row: (row["store"], row["product_id"]))
    order = np.random.default_rng(0).permutation(len(rows))[: 2 * QUESTIONS]
    chosen = [rows[place] for place in order]
    ids = [row["images"][0]["image_id"] for row in chosen[len(chosen) // 2 :]]
    stored = tables.read(root, "images", columns=["bytes"], where=pc.field("image_id").isin(ids))
    names = [f"{row['store']}:{row['product_id']}" for row in chosen[: len(chosen) // 2]]
    return names, stored["bytes"].to_pylist()


def _fresh(data: Path, photo: bytes) -> list[list[float]]:
    """Milliseconds, wall and processor, until a fresh process has opened the data root, and has answered."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(photo)
        file.flush()
        command = [sys.executable, "-c", _FRESH, data, file.name]
        done = subprocess.run(command, check=True, capture_output=True)
    spent: list[list[float]] = json.loads(done.stdout)
    return spent


def _shown(shop: Shop) -> Callable[[bytes], str]:
    return lambda photo: shop.similar(photo)._repr_html_()


def _asked(ask: Callable[[Any], object], questions: Sequence[Any]) -> list[list[float]]:
    ask(questions[0])
    spent = []
    for question in questions:
        began = time.perf_counter(), time.process_time()
        ask(question)
        spent.append([1000 * (time.perf_counter() - began[0]), 1000 * (time.process_time() - began[1])])
    return spent


def _many(shop: Shop, photos: list[bytes]) -> tuple[list[list[float]], list[list[float]]]:
    """Milliseconds a photo, wall and processor, one by one and at once, in turns, as load changes."""
    spent: tuple[list[list[float]], list[list[float]]] = ([], [])
    for _ in range(ROUNDS):
        for place, ask in enumerate(
            (lambda: [shop.similar(one) for one in photos], lambda: shop.similar_many(photos))
        ):
            began = time.perf_counter(), time.process_time()
            ask()
            ended = time.perf_counter(), time.process_time()
            spent[place].append([1000 * (b - a) / len(photos) for a, b in zip(began, ended, strict=True)])
    return spent


def _line(name: str, spent: list[list[float]]) -> None:
    wall, processor = (statistics.median(column) for column in zip(*spent, strict=True))
    digits = 0 if wall >= 100 else 1 if wall >= 10 else 2
    print(f"| {name} | {wall:,.{digits}f} | {processor:,.{digits}f} |")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
