"""Queries from many processes and threads while generations are published: no error, no mixed answer.

    python -m benchmarks.load                                   # 8 processes of 8 threads for ten minutes
    python -m benchmarks.load --seconds 60 --processes 2

The shop is a small one of patterns. Each generation gives one product another title, so that an answer that
mixes two generations shows the wrong one. Each process's memory is plotted over time. The exit code is 1
after an error or such an answer.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil

import lookalike
from storage import generations
from storage.root import Root
from tests.lookalike.query.shops import COUNT, encoded, fill, new_title, picture

PRODUCT = "a.example:p0"
"""The product whose title each generation changes."""
QUERIES = (encoded(picture(0)), PRODUCT, "b.example:p1")
"""As bytes, which worker processes decode, and as products."""
BARS = " ▁▂▃▄▅▆▇█"
SAMPLES = 30
"""Times at which each process notes its memory."""


@dataclass
class Asked:
    """What one process saw.

    :ivar titles: the product's title, with the generation of the answer.
    :ivar errors: what was raised, in words.
    :ivar memory_bytes: after the first and after the last answer, and at equal times between.
    """

    answers: int = 0
    titles: set[tuple[str, str]] = field(default_factory=set)
    errors: list[str] = field(default_factory=list)
    memory_bytes: list[int] = field(default_factory=list)


def ask(data: Path, threads: int, until: float) -> Asked:
    """Queries one shop from several threads, and refreshes it meanwhile."""
    shop = lookalike.open(data)
    seen = Asked()
    lock = threading.Lock()

    def repeat(number: int) -> None:
        turn = number
        while time.time() < until:
            turn += 1
            try:
                if turn % 16 == 0:
                    shop.refresh()
                query = QUERIES[turn % len(QUERIES)]
                matches = shop.similar(query, k=COUNT)
                shown = [match.title or "" for match in matches if match.id == PRODUCT]
                matches[0].thumbnail()
            except Exception as error:
                with lock:
                    seen.errors.append(f"{type(error).__name__}: {error}")
                continue
            with lock:
                seen.answers += 1
                seen.titles |= {(matches.generation, title) for title in shown}

    memory = psutil.Process().memory_info
    shop.similar(QUERIES[0])
    seen.memory_bytes.append(memory().rss)
    running = [threading.Thread(target=repeat, args=(number,)) for number in range(threads)]
    for thread in running:
        thread.start()
    every = (until - time.time()) / SAMPLES
    while (left := until - time.time()) > 0:
        time.sleep(min(every, left))
        seen.memory_bytes.append(memory().rss)
    for thread in running:
        thread.join()
    seen.memory_bytes.append(memory().rss)
    return seen


def plotted(sizes: Sequence[int]) -> str:
    """Sizes as a row of bars, from nothing to the largest."""
    return "".join(BARS[round(size / max(sizes) * (len(BARS) - 1))] for size in sizes)


def publish(root: Root, until: float) -> dict[str, str]:
    """Publishes generation after generation; the product's title in each."""
    titles = {}
    while time.time() < until:
        title = f"Title {len(titles)}"
        titles[new_title(root, title)] = title
    return titles


def mistakes(seen: Sequence[Asked], titles: dict[str, str]) -> list[str]:
    """Errors, and answers that show another generation's title."""
    mixed = {pair for one in seen for pair in one.titles if titles.get(pair[0]) != pair[1]}
    errors = [error for one in seen for error in one.errors]
    return [
        *dict.fromkeys(errors),
        *(f"{title!r} is not of generation {name}" for name, title in sorted(mixed)),
    ]


def main(processes: int, threads: int, seconds: float) -> int:
    """Runs the load; the exit code."""
    with tempfile.TemporaryDirectory() as folder:
        root = Root.open(Path(folder) / "data", create=True)
        fill(root)
        first = new_title(root, "Before")
        until = time.time() + seconds
        with multiprocessing.get_context("spawn").Pool(processes) as pool:
            asking = [pool.apply_async(ask, (root.path, threads, until)) for _ in range(processes)]
            titles = {first: "Before"} | publish(root, until)
            seen = [one.get() for one in asking]
        kept = len(generations.names(root))
    for number, one in enumerate(seen):
        first, *_, last = (size >> 20 for size in one.memory_bytes)
        most = max(one.memory_bytes) >> 20
        print(
            f"process {number}: {one.answers} answers, {len(one.errors)} errors, {first} to {last} MB, "
            f"at most {most} MB {plotted(one.memory_bytes)}"
        )
    found = mistakes(seen, titles)
    print(f"{len(titles)} generations published, {kept} kept; {sum(one.answers for one in seen)} answers")
    for sentence in found[:20]:
        print(sentence)
    return int(bool(found) or not all(one.answers for one in seen))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="benchmarks.load", description=__doc__)
    parser.add_argument("--processes", type=int, default=8)
    parser.add_argument("--threads", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=600.0)
    given = parser.parse_args()
    sys.exit(main(given.processes, given.threads, given.seconds))
