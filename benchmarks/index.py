"""How the published generation of a data root answers, and whether its answers are the true ones.

    python benchmarks/index.py DATA

Latencies are medians over 300 products drawn at random, one process, warm. Recall at 5 is counted against a
brute-force comparison of this script's own, over 500 products that exclude themselves, under no filter and
under each kind. Memory is that of a fresh process that opened the data root and asked for 100 products: its
own, and pages of mapped files, which all readers share.

The peers on the same vectors: `python benchmarks/engines/compare.py DATA/index/…/vectors.npy SCRATCH`.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from decimal import Decimal
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from engines.compare import memory_mb

import lookalike
from embedding.index import items
from embedding.index.vectors import FILE as VECTORS_FILE
from embedding.index.vectors import widen
from lookalike.query import Shop
from storage import generations, tables
from storage.root import Root

QUERIES = 500
TIMED = 300
_TIE = 1e-5
_BLOCK = 16_384
_AT_ONCE = 50


def main(data: Path) -> None:
    """Prints the tables."""
    folder = generations.require_current(Root.open(data))
    started = time.perf_counter()
    shop = lookalike.open(data)
    opened = time.perf_counter() - started
    facts = shop.manifest
    truth = _Truth(folder)
    queries = truth.draw(QUERIES)
    names = truth.names(queries)
    photos = _main_photos(Root.open(data), truth, queries[:100])
    sizes = {name: stored.size_bytes for name, stored in facts.files.items()}
    forest = sum(size for name, size in sizes.items() if name.endswith(".ann"))
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        private, mapped = pool.submit(_reader_mb, data, names[:100]).result()
    search = facts.search
    print("| measure | value |")
    print("|---|---|")
    print(f"| products, photos | {len(shop):,}, {facts.counts.items:,} |")
    print(f"| build | {facts.build_seconds:.0f} s |")
    print(f"| files, of them Annoy's | {sum(sizes.values()) / 1e6:.0f} MB, {forest / 1e6:.0f} MB |")
    print(
        f"| dimensions of {search.dimensions}, trees, shards, search_k | {search.ann_dimensions}, "
        f"{search.trees}, {search.shards}, {search.search_k} |"
    )
    print(
        f"| recall@5 in the manifest, lower bound | {facts.recall.at_5:.4f}, {facts.recall.lower_bound:.4f} |"
    )
    print(f"| open | {opened:.2f} s |")
    print(f"| memory of a reader, mapped pages | {private:.0f} MB, {mapped:.0f} MB |")
    if photos:
        shop.similar(photos[0])
        print(f"| query by photo | {_median_ms(shop.similar, photos):.1f} ms |")
    print()
    print("| filter | rows that pass | recall@5 | query by product |")
    print("|---|---|---|---|")
    for label, wishes, mask in truth.filters():
        ask = _ask(shop, wishes)
        found = [ask(name) for name in names]
        share = truth.recall(queries, found, mask)
        took = _median_ms(ask, names[:TIMED])
        print(f"| {label} | {np.mean(mask):.1%} | {share:.4f} | {took:.2f} ms |", flush=True)


def _ask(shop: Shop, wishes: dict[str, Any]) -> Callable[[str], list[str]]:
    return lambda product: [match.image_id for match in shop.similar(product, **wishes)]


def _median_ms(ask: Callable[..., object], queries: list[str] | list[bytes]) -> float:
    times = []
    for query in queries:
        started = time.perf_counter()
        ask(query)
        times.append(time.perf_counter() - started)
    return 1000 * statistics.median(times)


def _reader_mb(data: Path, names: list[str]) -> tuple[float, float]:
    shop = lookalike.open(data)
    for name in names:
        shop.similar(name)
    return memory_mb()


def _main_photos(root: Root, truth: _Truth, queries: np.ndarray) -> list[bytes]:
    """The queries' photos; none where the items are made ones."""
    wanted = truth.table["image_id"].take(pa.array(queries)).to_pylist()
    stored = tables.read(root, "images", columns=["bytes"], where=pc.field("image_id").isin(wanted))
    return stored["bytes"].to_pylist()


class _Truth:
    """A generation's rows and vectors, compared one by one."""

    def __init__(self, folder: Path) -> None:
        self.table = items.read(folder / items.FILE)
        self.vectors = np.load(folder / VECTORS_FILE, mmap_mode="r")
        self.articles = self.table["article"].to_numpy()
        self.products = self.table["product"].to_numpy()

    def draw(self, count: int) -> np.ndarray:
        """Rows that are main photos of their product: int64 [count]."""
        main = np.flatnonzero(self.table["position"].to_numpy() == 0)
        return np.sort(np.random.default_rng(0).choice(main, min(count, len(main)), replace=False))

    def names(self, rows: np.ndarray) -> list[str]:
        """The products of rows as the query module is told them."""
        some = self.table.take(pa.array(rows))
        return [
            f"{store}:{product}"
            for store, product in zip(some["store"].to_pylist(), some["product_id"].to_pylist(), strict=True)
        ]

    def filters(self) -> Iterator[tuple[str, dict[str, Any], np.ndarray]]:
        """A filter of each kind, what the query module is told, and which rows should pass."""
        table = self.table
        everything = np.ones(table.num_rows, bool)
        yield "none", {}, everything
        for column in ("store", "category", "brand"):
            value = _frequent(pc.drop_null(pc.cast(table[column], pa.string())))
            mask = pc.fill_null(pc.equal(pc.cast(table[column], pa.string()), value), False).to_numpy()
            yield f"{column}: {value}", {column: value}, mask
        word = "Blue"
        named = [names or [] for names in table["colours"].to_pylist()]
        mask = np.array([any(word in (name or "").split() for name in names) for names in named])
        yield f"colour: {word}", {"colour": word}, mask
        prices = table["price"].to_pylist()
        euros = np.array([value == "EUR" for value in table["currency"].to_pylist()])
        low, high = Decimal(20), Decimal(50)
        mask = euros & np.array([price is not None and low <= price <= high for price in prices])
        yield "price: 20–50 EUR", {"min_price": 20, "max_price": 50, "currency": "EUR"}, mask
        mask = np.array([value == "in_stock" for value in table["availability"].to_pylist()])
        yield "in stock", {"in_stock": True}, mask
        seen = table["first_seen"].to_pylist()
        since = sorted(seen)[len(seen) * 3 // 4]
        mask = np.array([moment >= since for moment in seen])
        yield f"new since {since:%Y-%m-%d}", {"new_since": since}, mask

    def recall(self, queries: np.ndarray, found: list[list[str]], mask: np.ndarray) -> float:
        """Share of the true five nearest articles that were found; a tie with the fifth counts.

        :param found: image ids of the answers to each query.
        """
        ids = self.table["image_id"].chunk(0)
        shares = []
        for start in range(0, len(queries), _AT_ONCE):
            asked = queries[start : start + _AT_ONCE]
            for row, scores, answers in zip(asked, self._scores(asked), found[start:], strict=False):
                rows = pc.index_in(pa.array(answers, pa.string()), value_set=ids).to_numpy()
                answered = scores[rows]
                scores[~mask | (self.products == self.products[row])] = -np.inf
                true = self._best_articles(scores)
                if len(true):
                    shares.append(np.count_nonzero(answered >= true[-1] - _TIE) / len(true))
        return float(np.mean(shares))

    def _scores(self, queries: np.ndarray) -> np.ndarray:
        asked = widen(self.vectors[queries])
        scores = np.empty((len(queries), len(self.vectors)), np.float32)
        for start in range(0, len(self.vectors), _BLOCK):
            part = slice(start, start + _BLOCK)
            scores[:, part] = asked @ widen(self.vectors[part]).T
        return scores

    def _best_articles(self, scores: np.ndarray) -> np.ndarray:
        """The best scores of the five best articles, fewer where fewer pass."""
        for most in (200, len(scores)):
            rows = np.argpartition(-scores, min(most, len(scores)) - 1)[:most]
            rows = rows[np.argsort(-scores[rows])]
            firsts = np.sort(np.unique(self.articles[rows], return_index=True)[1])
            best = scores[rows[firsts]]
            best = best[np.isfinite(best)][:5]
            if len(best) == 5:
                break
        return best


def _frequent(values: pa.ChunkedArray) -> str:
    """The tenth most frequent value, or the least frequent of fewer: a filter that leaves some, not most."""
    counts = sorted(pc.value_counts(values).to_pylist(), key=lambda one: -one["counts"])
    value: str = counts[min(9, len(counts) - 1)]["values"]
    return value


if __name__ == "__main__":
    main(Path(sys.argv[1]))
