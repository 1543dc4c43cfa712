"""A small shop, and the dashboard served from it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from embedding.bands import CutOffs
from embedding.encoder.heads import load_heads
from embedding.encoder.predictions import adopt_heads
from embedding.encoder.stage import embed_new_images
from embedding.index.build import build_index
from lookalike.demo.catalogue import catalogue
from lookalike.demo.product import DemoProduct
from storage import images, tables
from storage.root import Root
from tests.dashboards.visit import Visit, visiting

REPOSITORY = Path(__file__).parents[2]
STORE = "shop.example"
HOSTILE_STORE = "harm.example"
HOSTILE_TITLE = "<img src=x onerror=alert(1)> ![x](http://127.0.0.1:1/a.png)"
NOW = datetime.now(UTC)
CUT_OFFS = CutOffs(encoded=(0.9, 0.6, -1), projected=(0.9, 0.6, -1))
"""So low that all of the few garments are alike."""


def photo(product: DemoProduct) -> bytes:
    """A product's first photo."""
    return product.photos[0]()


CHROMIUM = "/usr/bin/chromium"
QUIET = [
    *("--no-sandbox", "--disable-gpu", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
    *("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"),  # a camera without a camera
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A real Chromium."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def garments() -> list[DemoProduct]:
    """What the shop sells."""
    return catalogue(10)


@pytest.fixture(scope="session")
def hostile_title() -> str:
    """The title of a product whose store means harm."""
    return HOSTILE_TITLE


@pytest.fixture(scope="session")
def shop_root(tmp_path_factory: pytest.TempPathFactory, garments: list[DemoProduct]) -> Root:
    """A data root with a published generation.

    Another store sells the second garment too, under a hostile title and with a link that is none: a search
    with its photo shows both.
    """
    root = Root.open(tmp_path_factory.mktemp("shop") / "data", create=True)
    rows = [_product(garment, garment.product_id) for garment in garments]
    hostile = {
        "store": HOSTILE_STORE,
        "title": HOSTILE_TITLE,
        "brand": "<b>&amp;</b>",
        "url": "javascript:alert(2)",
    }
    rows.append(_product(garments[1], "hostile") | hostile)
    tables.merge(root, "products", rows)
    tables.merge(root, "images", [_image(photo(garment)) for garment in garments])
    crawl = {"crawl_id": "1", "ended_at": NOW, "status": "complete"}
    tables.append(root, "crawls", [crawl | {"store": store} for store in (STORE, HOSTILE_STORE)])
    model = embed_new_images(root).model
    adopt_heads(root, model, load_heads(root, model), CUT_OFFS)
    build_index(root, model)
    return root


def _product(garment: DemoProduct, product_id: str) -> dict[str, object]:
    return {
        "store": STORE,
        "product_id": product_id,
        "url": f"https://{STORE}/products/{garment.handle}",
        "title": garment.title,
        "brand": garment.brand,
        "category": garment.category,
        "colours": [garment.colour],
        "price": garment.price,
        "was_price": garment.was_price,
        "currency": garment.currency,
        "availability": garment.availability,
        "images": [
            {"url": f"https://{STORE}/p.jpg", "image_id": images.image_id(photo(garment)), "position": 0}
        ],
        "first_seen": NOW,
        "changed_at": NOW,
        "content_hash": product_id,
        "crawl_id": "1",
    }


def _image(data: bytes) -> dict[str, object]:
    facts = images.inspect(data)
    return {
        "image_id": images.image_id(data),
        "bytes": data,
        "width": facts.width,
        "height": facts.height,
        "format": facts.format,
        "perceptual_hash": facts.perceptual_hash,
        "first_seen": NOW,
        "month": f"{NOW:%Y-%m}",
    }


@pytest.fixture(scope="session")
def dashboard(shop_root: Root, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the running dashboard; it is started far from its files, as an installed one is."""
    folder = tmp_path_factory.mktemp("elsewhere")
    with served(folder, folder / "log.txt", "--data", str(shop_root.path)) as address:
        yield address


@pytest.fixture
def visit(browser: Browser, dashboard: str) -> Iterator[Visit]:
    """A visitor on the first page."""
    with visiting(browser, dashboard) as visit:
        yield visit


@contextmanager
def served(
    folder: Path, log: Path, *arguments: str, program: Sequence[str] = ("-m", "dashboards.server")
) -> Iterator[str]:
    """Runs the dashboard.

    :param folder: its working directory.
    :param log: a file that gets all it writes.
    :param program: what Python runs.
    :return: its address.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server_options = ["--port", port, "--allow-host", "shop.example.com"]
    command = [sys.executable, *program, *server_options, *arguments]
    with log.open("wb") as stream:
        server = subprocess.Popen(
            list(map(str, command)),
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
            stdout=stream,
            stderr=stream,
        )
    try:
        address = f"http://127.0.0.1:{port}"
        _wait_for(f"{address}/_stcore/health", server, log)
        yield address
    finally:
        server.terminate()
        server.wait(timeout=20)


def _wait_for(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and server.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    pytest.fail(f"The dashboard did not start:\n{log.read_text()}")
