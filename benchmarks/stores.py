"""Crawls whole captured shops without code for any of them, and reports what was found and right.

    python benchmarks/stores.py DIR… [--json]

A DIR holds one captured shop, `capture.parquet` and `truth.json`; `serve.py`, which serves it, is beside it.
Each is detected and crawled, crawled again as it is, and once more with two products a unit dearer. A product
is right where the truth says the same; photos are compared by their bytes, at most as many as a crawl keeps.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import importlib.util
import json
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from decimal import Decimal
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import urlsplit

import pyarrow.compute as pc
import pyarrow.parquet as pq

from scrapers.config.store import Limits, Store
from scrapers.crawl import CrawlOutcome, run_crawl
from scrapers.detect.store import detect
from storage import tables
from storage.errors import LookalikeError
from storage.root import Root

CHANGED = 2
"""Products that are a unit dearer in the third crawl."""
_PLACEHOLDER = "http://STORE"


@dataclass
class Row:
    """What came of one shop.

    :ivar found: of its `products`, how many are stored; `hidden_found`: of those not for show.
    :ivar no_products: rows that are no product of the shop; `twice`: rows of a product with another row.
    :ivar titles: found products whose title is wrong; likewise the fields after it. `prices` counts a price
        where the shop has none, too; `brand` and `category` count where the shop has one.
    :ivar photos_missing: photos of found products that are not stored at their large size, of `photos`.
    :ivar second_changed: products that are new, changed or removed after a crawl of the unchanged shop.
    :ivar changes_found: of `CHANGED` dearer products, those whose new price the third crawl stored.
    :ivar problem: why a crawl is not complete; empty where all are.
    """

    shop: str
    strategy: str = ""
    products: int = 0
    found: int = 0
    hidden_found: int = 0
    no_products: int = 0
    twice: int = 0
    titles: int = 0
    prices: int = 0
    currencies: int = 0
    availability: int = 0
    photos_missing: int = 0
    photos: int = 0
    brand: int = 0
    category: int = 0
    requests: int = 0
    requests_again: int = 0
    second_changed: int = 0
    changes_found: int = 0
    problem: str = ""


def main() -> None:
    """Prints a table, or with --json a list of its rows."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("shops", nargs="+", type=Path, metavar="DIR")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--wrong", action="store_true", help="say on stderr what is wrong with each product")
    chosen = parser.parse_args()
    rows = []
    for shop in chosen.shops:
        with tempfile.TemporaryDirectory() as folder:
            rows.append(Shop(shop, chosen.wrong).crawled(Path(folder)))
    if chosen.json:
        print(json.dumps([asdict(row) for row in rows], indent=2))
        return
    names = list(asdict(rows[0]))
    print("| " + " | ".join(name.replace("_", " ") for name in names) + " |")
    print("|" + "---|" * len(names))
    for row in rows:
        print("| " + " | ".join(str(value) for value in asdict(row).values()) + " |")


class Shop:
    """One captured shop, served and crawled."""

    def __init__(self, folder: Path, tell_wrong: bool) -> None:
        self.folder, self.tell_wrong = folder.resolve(), tell_wrong
        self.truth = json.loads((self.folder / "truth.json").read_text("utf-8"))
        self.server = _load(self.folder.parent / "serve.py")
        self.row = Row(self.folder.name, products=len(self.truth["products"]))

    def crawled(self, folder: Path) -> Row:
        """Crawls it three times into a data root below a folder."""
        row, root = self.row, Root.open(folder / "data", create=True)
        with self._served() as (url, _):
            try:
                store = detect(url, allow_private=True).store
            except LookalikeError as error:
                row.problem = str(error)
                return row
            row.strategy = store.strategy
            first = self._crawl(root, store)
            self._judge(tables.read(root, "products").to_pylist(), url)
            second = self._crawl(root, store)
        row.requests, row.requests_again = first.requests, second.requests
        row.second_changed = second.products_new + second.products_changed + second.products_removed
        before = _prices(root)
        with self._served(urlsplit(url).port or 0, CHANGED) as (_, dearer):
            self._crawl(root, store)
        after = _prices(root)
        changed = Counter(title for one, (title, price) in after.items() if before.get(one) != (title, price))
        row.changes_found = sum((changed & Counter(dearer)).values())
        return row

    def _crawl(self, root: Root, store: Store) -> CrawlOutcome:
        done = run_crawl(root, store, allow_private=True, throttle=False)
        if done.status != "complete" and not self.row.problem:
            self.row.problem = f"{done.status}: {done.message}"
        return done

    @contextlib.contextmanager
    def _served(self, port: int = 0, changed: int = 0) -> Iterator[tuple[str, list[str]]]:
        """The shop's address and the titles of the products that are dearer."""
        command = [sys.executable, str(self.folder.parent / "serve.py"), self.folder.name]
        command += ["--port", str(port), "--changed", str(changed)]
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        ) as process:
            try:
                assert process.stdout is not None
                dearer = []
                while not (line := process.stdout.readline().strip()).startswith("http"):
                    if not line:
                        raise SystemExit(f"{self.folder} cannot be served. Is {command[1]} there?")
                    dearer.append(line.removeprefix("changed: ").rpartition(", ")[0])
                yield line, dearer
            finally:
                process.terminate()

    def _judge(self, stored: list[dict[str, Any]], url: str) -> None:
        """Counts what is right of the stored rows."""
        row, host = self.row, url.rstrip("/")
        owner = {self._key(at): one for one in self.truth["products"] for at in one["urls"]}
        hidden = {self._key(at) for one in self.truth["hidden"] for at in one["urls"]}
        photos = self._photos()
        met: set[str] = set()
        for one in stored:
            at = self._key(one["url"].replace(host, _PLACEHOLDER))
            row.hidden_found += at in hidden
            if at not in owner:
                row.no_products += at not in hidden
                self._tell(one, "hidden" if at in hidden else "no product", one["title"])
            elif owner[at]["id"] in met:
                row.twice += 1
                self._tell(one, "twice", owner[at]["id"])
            else:
                met.add(owner[at]["id"])
                self._compare(one, owner[at], photos)
        row.found = len(met)
        for one in self.truth["products"]:
            if one["id"] not in met:
                self._tell({"url": one["urls"][0]}, "missed", one["title"])

    def _compare(self, one: dict[str, Any], truth: dict[str, Any], photos: Mapping[str, str]) -> None:
        row = self.row
        price = None if truth["price"] is None else Decimal(str(truth["price"]))
        wrong = {
            "titles": " ".join(one["title"].split()) != " ".join(truth["title"].split()),
            "prices": one["price"] != price,
            "currencies": price is not None and one["currency"] != truth["currency"],
            "availability": one["availability"] != truth["availability"],
            "brand": truth["brand"] is not None and one["brand"] != truth["brand"],
            "category": bool(truth["category"]) and one["category"] not in truth["category"],
        }
        for name, is_wrong in wrong.items():
            if is_wrong:
                setattr(row, name, getattr(row, name) + 1)
                singular = {"titles": "title", "prices": "price", "currencies": "currency"}.get(name, name)
                self._tell(one, singular, f"{one[singular]!r}, not {truth[singular]!r}")
        wanted = {photos.get(self._key(at), at) for at in truth["photos"][: Limits().images_per_product]}
        missing = wanted - {photo["image_id"] for photo in one["images"] or ()}
        row.photos += len(wanted)
        row.photos_missing += len(missing)
        if missing:
            self._tell(one, "photos", f"{len(missing)} of {len(wanted)} missing")

    def _photos(self) -> dict[str, str]:
        """The sha256 of each photo by its address."""
        ids = {}
        capture = pq.ParquetFile(self.folder / "capture.parquet")
        for batch in capture.iter_batches(64, columns=["path", "status", "headers", "body"]):
            images = pc.match_substring(batch["headers"], '"image/')
            for one in batch.filter(pc.and_(images, pc.equal(batch["status"], 200))).to_pylist():
                ids[self._key(f"{_PLACEHOLDER}{one['path']}")] = hashlib.sha256(one["body"]).hexdigest()
        return ids

    def _key(self, url: str) -> str:
        key: str = self.server.key(url)
        return key

    def _tell(self, one: dict[str, Any], what: str, how: str) -> None:
        if self.tell_wrong:
            print(f"{self.row.shop}: {one['url']}: {what}: {how}", file=sys.stderr)


def _prices(root: Root) -> dict[str, tuple[str, Decimal | None]]:
    rows = tables.read(root, "products", columns=["product_id", "title", "price"]).to_pylist()
    return {one["product_id"]: (one["title"], one["price"]) for one in rows}


def _load(file: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"serve_{file.parent.name}", file)
    if spec is None or spec.loader is None or not file.is_file():
        raise SystemExit(f"There is no {file}. Give folders of captured shops, with serve.py beside them.")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


if __name__ == "__main__":
    main()
