"""Latency, memory and recall of a data root's published generation.

    python benchmarks/index.py DATA

Latencies are medians over 300 products drawn at random, one process, warm. Recall at 5 is counted over 1,000
products that exclude themselves, under no filter and under each kind. What is true is found by this script
alone, which compares every vector of `vectors.npy` with NumPy and reads the filters off `items.arrow`: an
answer counts where it passes the filter, is no other's equal, and is as near as the fifth of the true ones.
Memory is that of a fresh process that opened the data root and asked for 100 products: its own, and pages of
mapped files, which all readers share.

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
from embedding.exact import largest
from lookalike.matches import Match
from lookalike.query import Shop
from storage import generations, tables
from storage.root import Root

QUERIES = 1000
TIMED = 300
AT = 5
_TIE = 1e-5
_BLOCK = 16_384
_AT_ONCE = 50
_NEAREST = 200
_DOLLAR = Decimal("0.9")


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
    forest = sum(size for name, size in sizes.items() if name.endswith((".ann", ".usearch")))
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        private, mapped = pool.submit(_reader_mb, data, names[:100]).result()
    search, recall = facts.search, facts.recall
    print("| measure | value |")
    print("|---|---|")
    print(f"| products, photos | {len(shop):,}, {facts.counts.items:,} |")
    print(f"| engine, build | {search.engine}, {facts.build_seconds:.0f} s |")
    print(f"| files, of them {search.engine}'s | {sum(sizes.values()) / 1e6:.0f} MB, {forest / 1e6:.0f} MB |")
    print(
        f"| dimensions of {search.dimensions}, trees, shards, search_k | {search.ann_dimensions}, "
        f"{search.trees}, {search.shards}, {search.search_k} |"
    )
    print(
        f"| recall@5 in the manifest, lower bound, queries | {recall.at_5:.4f}, {recall.lower_bound:.4f}, "
        f"{recall.queries:,} |"
    )
    shares = ", ".join(f"{found:.4f} of {float(share):.0%}" for share, found in recall.filtered.items())
    print(f"| recall@5 in the manifest where a part of the rows passes | {shares} |")
    print(f"| open | {opened:.2f} s |")
    print(f"| memory of a reader, mapped pages | {private:.0f} MB, {mapped:.0f} MB |")
    if photos:
        shop.similar(photos[0])
        print(f"| query by photo | {_median_ms(shop.similar, photos):.1f} ms |")
    print()
    asked = {}
    for label, wishes, mask in truth.filters():
        ask = _ask(shop, wishes)
        took = _median_ms(ask, names[:TIMED])
        asked[label] = mask, truth.rows_of([ask(name) for name in names]), took
    print("| filter | rows that pass | recall@5 | query by product |")
    print("|---|---|---|---|")
    recalls = truth.recall(queries, {label: (mask, found) for label, (mask, found, _) in asked.items()})
    for label, (mask, _, took) in asked.items():
        print(f"| {label} | {np.mean(mask):.1%} | {recalls[label]:.4f} | {took:.2f} ms |")


def _ask(shop: Shop, wishes: dict[str, Any]) -> Callable[[str], list[Match]]:
    return lambda product: list(shop.similar(product, k=AT, **wishes))


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
        with pa.memory_map(str(folder / "items.arrow")) as source:
            self.table = pa.ipc.open_file(source).read_all()
        self.vectors = np.load(folder / "vectors.npy", mmap_mode="r")
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

    def rows_of(self, answers: list[list[Match]]) -> list[np.ndarray]:
        """The rows that each query's answers show: int64 [answers]."""
        shown = [match for found in answers for match in found]
        photos = pa.array([match.image_id for match in shown], pa.string())
        rows = pc.index_in(photos, value_set=self.table["image_id"].chunk(0)).to_pylist()
        stores, ids = self.table["store"].chunk(0), self.table["product_id"].chunk(0)
        for at, match in enumerate(shown):
            # Rows of one photo lie together, one a product that shows it.
            while (stores[rows[at]].as_py(), ids[rows[at]].as_py()) != (match.store, match.product_id):
                rows[at] += 1
        ends = np.cumsum([len(found) for found in answers])[:-1]
        return np.split(np.array(rows, np.int64), ends)

    def filters(self) -> Iterator[tuple[str, dict[str, Any], np.ndarray]]:
        """A filter of each kind, what the query module is told, and which rows should pass."""
        table = self.table
        everything = np.ones(table.num_rows, bool)
        yield "none", {}, everything
        for column in ("store", "category", "brand"):
            texts = pc.cast(table[column], pa.string())
            value = _frequent(pc.drop_null(texts))
            same = pc.equal(pc.utf8_lower(texts), value.lower())
            yield f"{column}: {value}", {column: value}, pc.fill_null(same, False).to_numpy()
        word = "Blue"
        named = [names or [] for names in table["colours"].to_pylist()]
        mask = np.array([any(word in (name or "").split() for name in names) for names in named])
        yield f"colour: {word}", {"colour": word}, mask
        prices, currencies = table["price"].to_pylist(), table["currency"].to_pylist()
        low, high = Decimal(20), Decimal(50)
        limits = {"min_price": 20, "max_price": 50, "currency": "EUR"}
        priced = list(zip(prices, currencies, strict=True))
        mask = np.array(
            [code == "EUR" and price is not None and low <= price <= high for price, code in priced]
        )
        yield "price: 20–50 EUR", limits, mask
        worth = {"EUR": Decimal(1), "USD": _DOLLAR}
        mask = np.array(
            [
                code in worth and price is not None and low <= price * worth[code] <= high
                for price, code in priced
            ]
        )
        yield f"price: 20–50 EUR, a dollar at {_DOLLAR}", limits | {"rates": {"USD": _DOLLAR}}, mask
        stocked = np.array([value == "in_stock" for value in table["availability"].to_pylist()])
        yield "in stock", {"in_stock": True}, stocked
        seen = table["first_seen"].to_pylist()
        since = sorted(seen)[len(seen) * 3 // 4]
        new = np.array([moment >= since for moment in seen])
        yield f"new since {since:%Y-%m-%d}", {"new_since": since}, new
        wishes = limits | {"rates": {"USD": _DOLLAR}, "in_stock": True, "new_since": since}
        yield "the last three at once", wishes, mask & stocked & new

    def recall(
        self, queries: np.ndarray, asked: dict[str, tuple[np.ndarray, list[np.ndarray]]]
    ) -> dict[str, float]:
        """Share of the true five nearest articles that were found, by filter; a tie with the fifth counts.

        :param asked: which rows pass each filter, and the rows of the answers to each query.
        """
        shares: dict[str, list[float]] = {label: [] for label in asked}
        for start in range(0, len(queries), _AT_ONCE):
            rows = queries[start : start + _AT_ONCE]
            for place, (row, scores) in enumerate(zip(rows, self._scores(rows), strict=True), start):
                scores[self.products == self.products[row]] = -np.inf
                for label, (mask, found) in asked.items():
                    passing = np.where(mask, scores, -np.inf)
                    true = self._best_articles(passing)
                    if len(true):
                        right = found[place][passing[found[place]] >= true[-1] - _TIE]
                        shares[label].append(len(np.unique(self.articles[right])) / len(true))
        return {label: float(np.mean(found)) for label, found in shares.items()}

    def _scores(self, queries: np.ndarray) -> np.ndarray:
        asked = self.vectors[queries].astype(np.float32)
        scores = np.empty((len(queries), len(self.vectors)), np.float32)
        for start in range(0, len(self.vectors), _BLOCK):
            part = slice(start, start + _BLOCK)
            scores[:, part] = asked @ self.vectors[part].astype(np.float32).T
        return scores

    def _best_articles(self, scores: np.ndarray) -> np.ndarray:
        """The best scores of the five best articles, fewer where fewer pass."""
        for most in (_NEAREST, len(scores)):
            most = min(most, len(scores))
            rows = largest(scores, most)
            firsts = np.sort(np.unique(self.articles[rows], return_index=True)[1])
            best = scores[rows[firsts]]
            best = best[np.isfinite(best)][:AT]
            if len(best) == AT:
                break
        return best


def _frequent(values: pa.ChunkedArray) -> str:
    """The tenth most frequent value, or the least frequent of fewer: a filter that leaves some, not most."""
    counts = sorted(pc.value_counts(values).to_pylist(), key=lambda one: -one["counts"])
    value: str = counts[min(9, len(counts) - 1)]["values"]
    return value


if __name__ == "__main__":
    main(Path(sys.argv[1]))
