"""Stores of 5,000 products: crawls that are killed, and servers that fail, lose and repeat nothing."""

import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from lookalike.demo.faults import Faults
from lookalike.demo.storefront import serve
from scrapers.config.store import Limits, Store
from scrapers.crawl import run_crawl
from storage import tables
from storage.root import Root
from storage.staging import Staging
from tests.scrapers.shelves import image_ids, products
from tests.scrapers.webserver import photo

pytestmark = pytest.mark.slow

COUNT = 5000
PICTURE = photo(1)
REPOSITORY = Path(__file__).parent.parent.parent
STRATEGIES = {"schema": "sitemap", "shopify": "shopify"}


def numbered(number: int) -> bytes:
    """A small photo as a file of its own: the same picture with another comment."""
    comment = f"{number:08d}".encode()
    return PICTURE[:2] + b"\xff\xfe" + (len(comment) + 2).to_bytes(2, "big") + comment + PICTURE[2:]


@pytest.fixture(scope="module")
def catalogue():
    sold = products(COUNT, photos=0)
    return [replace(product, photos=(partial(numbered, number),)) for number, product in enumerate(sold)]


def start(root: Root, store: Store) -> subprocess.Popen:
    """A crawl as a process that can be killed."""
    arguments = {"config": store.model_dump_json(), "data": root.path, "allow_private": 1, "throttle": 0}
    command = [sys.executable, "-m", "scrapy", "crawl", store.strategy, "-L", "ERROR"]
    command += [part for name, value in arguments.items() for part in ("-a", f"{name}={value}")]
    environment = os.environ | {"SCRAPY_SETTINGS_MODULE": "scrapers.settings", "PYTHONPATH": str(REPOSITORY)}
    return subprocess.Popen(command, env=environment)


def kill_after(requests: int, front, crawl: subprocess.Popen) -> None:
    """Kills a crawl once it has made so many requests."""
    while len(front.requests) < requests:
        assert crawl.poll() is None, "the crawl ended before it was killed"
        time.sleep(0.01)
    crawl.send_signal(signal.SIGKILL)
    crawl.wait()


def stored_paths(root: Root, url: str) -> set[str]:
    """Addresses of photos and pages that need not be asked for again: those of a killed crawl are staged."""
    parts = Staging(root, "shop.example").rows("fetches", ["url", "status"])
    rows = [row for part in parts for row in part.to_pylist()]
    return {row["url"].removeprefix(url) for row in rows if row["status"] == 200}


def check_whole(root: Root, catalogue) -> None:
    """Every product and photo is stored, once."""
    rows = tables.read(root, "products", columns=["product_id", "title", "images"]).to_pylist()
    assert len({row["product_id"] for row in rows}) == len(rows) == COUNT
    shown = {row["title"]: [image["image_id"] for image in row["images"]] for row in rows}
    assert shown == {product.title: image_ids(product) for product in catalogue}
    images = tables.read(root, "images", columns=["image_id"])["image_id"].to_pylist()
    assert len(images) == COUNT
    assert set(images) == {image_id for product in catalogue for image_id in image_ids(product)}
    offers = tables.read(root, "offers", columns=["product_id", "variant_id"]).to_pylist()
    assert len({(row["product_id"], row["variant_id"]) for row in offers}) == len(offers)


@pytest.mark.parametrize("dialect", list(STRATEGIES))
def test_a_crawl_that_is_killed_three_times_ends_whole_and_asks_for_nothing_twice(
    dialect, catalogue, tmp_path
):
    root = Root.open(tmp_path / "data", create=True)
    draw = random.Random(dialect)
    with serve(catalogue, dialect) as front:
        store = Store(name="shop.example", url=front.url, strategy=STRATEGIES[dialect])
        for _ in range(3):
            stored = stored_paths(root, front.url)
            front.requests.clear()
            kill_after(draw.randrange(700, 1300), front, start(root, store))
            assert not stored & set(front.requests.paths())
        stored = stored_paths(root, front.url)
        assert stored
        assert not len(tables.read(root, "products"))
        front.requests.clear()
        outcome = run_crawl(root, store, allow_private=True, throttle=False)
        assert (outcome.status, outcome.products) == ("complete", COUNT), outcome
        asked = [path for path in front.requests.paths() if path != "/robots.txt"]
        assert not stored & set(asked)
        assert len(set(asked)) == len(asked)
        check_whole(root, catalogue)
        if dialect == "schema":
            front.requests.clear()
            again = run_crawl(root, store, allow_private=True, throttle=False)
            assert (again.status, again.products, again.images) == ("complete", COUNT, COUNT)
            assert len(front.requests) <= 2 * COUNT / 10
            assert again.images_new == again.products_changed == 0


def test_a_store_that_fails_one_request_in_ten_is_read_whole(catalogue, tmp_path):
    root = Root.open(tmp_path / "data", create=True)
    faults = Faults(rate=0.1, seed=11, hang_s=20, retry_after_s=0)
    with serve(catalogue, "woocommerce", faults=faults) as front:
        limits = Limits(timeout_s=2)
        store = Store(name="shop.example", url=front.url, strategy="woocommerce", limits=limits)
        outcome = run_crawl(root, store, allow_private=True, throttle=False)
        failed = sum(asked.status not in (200, 304) for asked in front.requests)
    assert failed > COUNT / 20
    assert (outcome.status, outcome.products, outcome.images) == ("complete", COUNT, COUNT), outcome
    check_whole(root, catalogue)
