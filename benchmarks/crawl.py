"""Pages a second: Lookalike, a bare Scrapy spider, and requests with BeautifulSoup in a loop.

    python benchmarks/crawl.py [--products 2000] [--latency 0 0.05] [--rounds 3]
    python benchmarks/crawl.py --again [--products 5000]

All read the same demo store, which runs in a process of its own: its sitemap, every product page and the
photo on it. No engine is throttled. Times are of whole processes, from start to exit; the engines take turns,
and the median of the rounds counts. Lookalike reads every field, decodes and hashes every photo, keeps the
pages and writes its tables; the others keep title, price and photo.

`--again` crawls an unchanged store twice and counts what the second crawl asks for.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import processor_time
import pyarrow as pa
import pyarrow.parquet as pq
from demo_catalogue import garments

from scrapers.config.store import Store
from scrapers.crawl import run_crawl
from storage.root import Root

PEERS = Path(__file__).with_name("peers")
DRAWN = 60
"""Photos that are drawn; each product has one of them with a comment of its own, so that no two are equal."""


def main() -> None:
    """Prints a table for each latency."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--products", type=int, default=2000)
    parser.add_argument(
        "--latency", type=float, nargs="+", default=[0.0, 0.05], help="seconds an answer takes"
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--again", action="store_true", help="count what a second crawl asks for")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        catalogue = Path(folder) / "catalogue.parquet"
        draw(chosen.products, catalogue)
        if chosen.again:
            crawl_twice(catalogue, Path(folder))
            return
        for latency_s in chosen.latency:
            with open_store(catalogue, latency_s) as url:
                compare(url, Path(folder) / f"{latency_s}", chosen.products, latency_s, chosen.rounds)


def crawl_twice(catalogue: Path, folder: Path) -> None:
    """Prints what two crawls of an unchanged store took, with and without `lastmod` in its sitemap."""
    print("| its sitemap says | crawl | requests | MB | seconds |\n|---|---|---|---|---|")
    for says, options in (("when pages changed", []), ("nothing: only ETags", ["--no-lastmod"])):
        root = Root.open(folder / str(len(options)), create=True)
        with open_store(catalogue, 0.0, *options) as url:
            for turn in ("first", "second"):
                done = run_crawl(root, Store(name="demo", url=url), allow_private=True, throttle=False)
                if done.status != "complete":
                    raise SystemExit(f"{done.status}: {done.message}")
                size = f"{done.size_bytes / 1e6:.2f}"
                print(f"| {says} | {turn} | {done.requests:,} | {size} | {done.seconds:.0f} |")


def draw(products: int, file: Path) -> None:
    """Writes a catalogue of drawn garments."""
    drawn = [one.photos[0]() for one in garments.catalogue(min(DRAWN, products), seed=1)]
    words = garments.catalogue(products, seed=2)
    rows = [
        {
            "id": str(10_000 + number),
            "name": one.title,
            "brand": one.brand,
            "colour": one.colour,
            "article_type": one.kind,
            "image": with_comment(drawn[number % len(drawn)], f"{number:08d}".encode()),
        }
        for number, one in enumerate(words)
    ]
    pq.write_table(pa.Table.from_pylist(rows), file, row_group_size=200)


def with_comment(jpeg: bytes, comment: bytes) -> bytes:
    """The same picture as another file."""
    return jpeg[:2] + b"\xff\xfe" + (len(comment) + 2).to_bytes(2, "big") + comment + jpeg[2:]


@contextlib.contextmanager
def open_store(catalogue: Path, latency_s: float, *options: str) -> Iterator[str]:
    """A demo store in a process of its own; its address."""
    command = [sys.executable, "-m", "lookalike.demo.storefront", "--dialect", "schema", "--port", "0"]
    command += ["--catalogue", str(catalogue), "--latency", str(latency_s), *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().split(" at ")[1].split()[0]
        finally:
            process.terminate()


def compare(url: str, folder: Path, products: int, latency_s: float, rounds: int) -> None:
    """Runs the engines in turn and prints what they reached."""
    engines: dict[str, Callable[[Path], int]] = {
        "Lookalike": lambda out: ours(url, out),
        "bare Scrapy spider": lambda out: bare(url, out),
        "requests + BeautifulSoup": lambda out: loop(url, out),
    }
    seconds: dict[str, list[float]] = {name: [] for name in engines}
    cpu: dict[str, list[float]] = {name: [] for name in engines}
    for turn in range(rounds):
        for name, engine in engines.items():
            before, started = processor_time.of_children(), time.perf_counter()
            read = engine(folder / f"{turn}" / name.split()[0])
            seconds[name].append(time.perf_counter() - started)
            cpu[name].append(processor_time.of_children() - before)
            if read != products:
                raise SystemExit(f"{name} read {read} products of {products}.")
    print(f"\n{products:,} pages with a photo each, answers take {1000 * latency_s:g} ms\n")
    print("| engine | pages/s | of its CPU, pages/s |\n|---|---|---|")
    pace = {name: products / statistics.median(times) for name, times in seconds.items()}
    for name in engines:
        busy = products / statistics.median(cpu[name])
        print(f"| {name} | {pace[name]:.1f} | {busy:.1f} |")
    first, *others = pace
    for name in others:
        print(f"\n{first} is {pace[first] / pace[name]:.2f} × {name}.")


def ours(url: str, out: Path) -> int:
    """A whole first crawl."""
    root = Root.open(out, create=True)
    outcome = run_crawl(root, Store(name="demo", url=url), allow_private=True, throttle=False)
    if outcome.status != "complete" or outcome.images_new != outcome.products:
        raise SystemExit(f"{outcome.status}: {outcome.message}")
    return outcome.products


def bare(url: str, out: Path) -> int:
    """Scrapy with its own pipelines."""
    out.mkdir(parents=True)
    command = [sys.executable, "-m", "scrapy", "runspider", str(PEERS / "bare_spider.py")]
    # No project's settings: those of Scrapy and of the spider.
    environment = {name: value for name, value in os.environ.items() if name != "SCRAPY_SETTINGS_MODULE"}
    subprocess.run([*command, "-a", f"store={url}", "-a", f"out={out}"], cwd=out, env=environment, check=True)
    return _lines(out)


def loop(url: str, out: Path) -> int:
    """One page and photo after the other."""
    subprocess.run([sys.executable, str(PEERS / "plain_loop.py"), url, str(out)], check=True)
    return _lines(out)


def _lines(out: Path) -> int:
    return len((out / "items.jsonl").read_text().splitlines())


if __name__ == "__main__":
    main()
