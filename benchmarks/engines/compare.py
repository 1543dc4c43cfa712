"""Builds, opens and queries every engine in processes of its own, and prints one table.

    python benchmarks/engines/compare.py VECTORS SCRATCH [--goal 0.99] [--only NAME…]

VECTORS is a `.npy` of float16 [n, dimensions], a generation's `vectors.npy` for example. Each engine gets the
least effort that reaches the goal for recall at 5, over 1,000 queries that exclude the item itself; latency
is the best of three runs of each query, one thread. Memory is what its process grew by when it was opened
and asked: private memory, and pages of mapped files, which processes share.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

ENGINES = {
    "exact": ("engines.exact", "Exact"),
    "lookalike": ("engines.lookalike_index", "LookalikeAnnoy"),
    "lookalike-usearch": ("engines.lookalike_index", "LookalikeUsearch"),
    "annoy": ("engines.annoy_defaults", "AnnoyDefaults"),
    "hnswlib": ("engines.hnsw", "Hnswlib"),
    "faiss-hnsw": ("engines.faiss_indexes", "FaissHnsw"),
    "faiss-ivf": ("engines.faiss_indexes", "FaissIvf"),
    "usearch": ("engines.usearch_index", "Usearch"),
    "voyager": ("engines.voyager_index", "Voyager"),
}
QUERIES = 1000
AT = 5
_TIE = 1e-5
_BLOCK = 16_384


@dataclass(frozen=True)
class Asked:
    """What came of asking an engine.

    :ivar effort: what its knob was set to.
    :ivar private_mb: memory of its own, :ivar mapped_mb: pages of mapped files.
    """

    effort: int
    recall: float
    median_ms: float
    p95_ms: float
    private_mb: float
    mapped_mb: float


def main(vectors: Path, scratch: Path, goal: float, only: list[str]) -> None:
    """Prints the table, a row as soon as it is measured."""
    queries, fifth = _truth(vectors)
    print("| engine | build | size | private memory | mapped | knob | recall@5 | median | p95 |")
    print("|---|---|---|---|---|---|---|---|---|")
    for key in only or ENGINES:
        folder = scratch / key
        folder.mkdir(parents=True, exist_ok=True)
        seconds = _in_a_process(_build, key, vectors, folder)
        size = sum(file.stat().st_size for file in folder.iterdir())
        asked = _in_a_process(_ask, key, vectors, folder, queries, fifth, goal)
        print(
            f"| {_engine(key).name} | {seconds:.1f} s | {size / 1e6:.0f} MB | {asked.private_mb:.0f} MB | "
            f"{asked.mapped_mb:.0f} MB | {asked.effort} | {asked.recall:.4f} | {asked.median_ms:.2f} ms | "
            f"{asked.p95_ms:.2f} ms |",
            flush=True,
        )


def _engine(key: str) -> Any:
    from importlib import import_module

    module, name = ENGINES[key]
    return getattr(import_module(module), name)()


def _truth(vectors: Path) -> tuple[np.ndarray, np.ndarray]:
    """Rows drawn as queries, and the score of each one's fifth nearest other item."""
    stored = np.load(vectors, mmap_mode="r")
    rows = np.sort(np.random.default_rng(11).choice(len(stored), min(QUERIES, len(stored)), replace=False))
    asked = stored[rows].astype(np.float32)
    best = np.full((len(rows), AT), -np.inf, np.float32)
    for start in range(0, len(stored), _BLOCK):
        scores = asked @ stored[start : start + _BLOCK].astype(np.float32).T
        own = np.flatnonzero((rows >= start) & (rows < start + _BLOCK))
        scores[own, rows[own] - start] = -np.inf
        best = -np.partition(-np.concatenate([best, scores], axis=1), AT - 1, axis=1)[:, :AT]
    return rows, best.min(axis=1)


def _in_a_process(work: Callable[..., Any], *arguments: Any) -> Any:
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(work, *arguments).result()


def _build(key: str, vectors: Path, folder: Path) -> float:
    engine = _engine(key)
    started = time.perf_counter()
    engine.fit(vectors, folder)
    return time.perf_counter() - started


def _ask(key: str, vectors: Path, folder: Path, queries: np.ndarray, fifth: np.ndarray, goal: float) -> Asked:
    stored = np.load(vectors, mmap_mode="r")
    asked = stored[queries].astype(np.float32)
    engine = _engine(key)
    before = memory_mb()
    engine.load(vectors, folder)
    for effort in engine.efforts:
        found = [engine.query(vector, AT + 1, effort) for vector in asked]
        after = memory_mb()
        shares = [
            _share(stored, vector, row, hits, least)
            for vector, row, hits, least in zip(asked, queries, found, fifth, strict=True)
        ]
        if np.mean(shares) >= goal:
            break
    times = 1000 * np.array([_best_of_three(engine, vector, effort) for vector in asked])
    return Asked(
        effort,
        float(np.mean(shares)),
        float(np.median(times)),
        float(np.percentile(times, 95)),
        after[0] - before[0],
        after[1] - before[1],
    )


def _share(stored: np.ndarray, vector: np.ndarray, row: int, hits: np.ndarray, least: float) -> float:
    others = hits[hits != row][:AT]
    scores = stored[others].astype(np.float32) @ vector
    return float(np.count_nonzero(scores >= least - _TIE) / AT)


def _best_of_three(engine: Any, vector: np.ndarray, effort: int) -> float:
    times = []
    for _ in range(3):
        started = time.perf_counter()
        engine.query(vector, AT + 1, effort)
        times.append(time.perf_counter() - started)
    return min(times)


def memory_mb() -> tuple[float, float]:
    """Resident memory of this process: its own, and pages of mapped files."""
    facts = dict(
        line.split(":")
        for line in Path("/proc/self/smaps_rollup").read_text().splitlines()[1:]
        if ":" in line
    )
    resident, private = (int(facts[name].split()[0]) / 1000 for name in ("Rss", "Anonymous"))
    return private, resident - private


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent.parent))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("vectors", type=Path)
    parser.add_argument("scratch", type=Path)
    parser.add_argument("--goal", type=float, default=0.99)
    parser.add_argument("--only", nargs="*", choices=ENGINES, default=[])
    asked_for = parser.parse_args()
    main(asked_for.vectors, asked_for.scratch, asked_for.goal, asked_for.only)
