"""Processor time of a night in which nothing, or 1 %, changed, beside that of the first.

    python benchmarks/night.py OUT [--products 5000] [--weights fashion] [--changed 0.01] [--profile]
        [--prefect]

Three demo stores of different platforms; every night is `lookalike nightly --no-prefect` in a process of its
own, with those of its crawls. The first builds everything, the second finds nothing changed, and before the
third products change, come and go (`soak_stores.py`). Without `--weights` the encoder takes no time, and the
nights show what everything else takes. With `--prefect` two more nights in which nothing changed run through
Prefect on a temporary server; the first of them creates its database.
"""

from __future__ import annotations

import argparse
import json
import os
import pstats
import shutil
import subprocess
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import numpy as np
import processor_time
import tomlkit
from small_encoder import write_small_encoder
from soak_stores import DIALECTS, Stores

from embedding.encoder.convert import specify
from embedding.encoder.weights import Weights, write_weights
from storage.root import Root

_SIDE = 16
_SHOWN = 25


@dataclass(frozen=True)
class Took:
    """What a night took.

    :ivar processor_s: of all its processes.
    """

    processor_s: float
    seconds: float
    report: dict[str, object]


def main(
    out: Path, products: int, weights: str | None, changed: float, *, profile: bool, prefect: bool
) -> None:
    """Prints a line a night."""
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    if weights is None:
        _write_encoder(out)
    print("| night | processor time | of the first | seconds |\n|---|---|---|---|", flush=True)
    with ExitStack() as stack:
        stores = Stores(stack, products, Random(0))
        _write_settings(out, stores, weights)
        first = _say("first", None, _night(out, "first" if profile else None))
        _say("unchanged", first, _night(out, "unchanged" if profile else None))
        stores.change(changed, datetime.now(UTC))
        _say(f"{changed:.0%} changed", first, _night(out, "changed" if profile else None))
        for name in ("unchanged, first through Prefect", "unchanged, through Prefect") if prefect else ():
            _say(name, first, _night(out, None, prefect=True))


def _say(name: str, first: Took | None, took: Took) -> Took:
    share = took.processor_s / (first or took).processor_s
    print(f"| {name} | {took.processor_s:.1f} s | {share:.1%} | {took.seconds:.0f} |", flush=True)
    return took


def _write_encoder(out: Path) -> None:
    weights = Weights("small", {"layer/kernel": np.ones(3, np.float32)}, _SIDE)
    write_weights(out / "small.npz", weights, int8=False)
    write_small_encoder(Root.open(out / "data", create=True), specify(weights))


def _write_settings(out: Path, stores: Stores, weights: str | None) -> None:
    settings = {
        "data": "data",
        "crawl": {"allow_private": True, "throttle": False},
        "embed": {"weights": weights or "small.npz"},
        "stores": [
            {"name": name, "url": sold.front.url, "strategy": DIALECTS[name][1]}
            for name, sold in stores.sold.items()
        ],
    }
    (out / "lookalike.toml").write_text(tomlkit.dumps(settings))


def _night(out: Path, profile: str | None, *, prefect: bool = False) -> Took:
    """Runs a night.

    :param profile: name of the night whose functions are listed, those of crawls apart.
    """
    command = [sys.executable, "-m", "lookalike.cli", "nightly", "--json"]
    command += [] if prefect else ["--no-prefect"]
    statistics = out / f"{profile}.prof"
    if profile:
        command[1:3] = ["-m", "cProfile", "-o", str(statistics), "-m", "lookalike.cli"]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])}
    began, used = time.monotonic(), processor_time.of_children()
    done = subprocess.run(command, cwd=out, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"The night failed: {done.stderr}{done.stdout}")
    took = Took(processor_time.of_children() - used, time.monotonic() - began, json.loads(done.stdout))
    if profile:
        pstats.Stats(str(statistics)).sort_stats("cumtime").print_stats(_SHOWN)
    return took


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("out", type=Path, metavar="OUT")
    parser.add_argument("--products", type=int, default=5000)
    parser.add_argument("--weights")
    parser.add_argument("--changed", type=float, default=0.01)
    parser.add_argument("--profile", action="store_true")
    parser.add_argument("--prefect", action="store_true")
    given = parser.parse_args()
    main(
        given.out,
        given.products,
        given.weights,
        given.changed,
        profile=given.profile,
        prefect=given.prefect,
    )
