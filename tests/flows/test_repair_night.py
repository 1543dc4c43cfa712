"""Damage, repair, and the night after: everything is as it would be without the damage."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

import lookalike
from flows.config import Config
from flows.night import run_nightly
from flows.repair import repair
from lookalike.demo.storefront import serve
from scrapers.config.store import Limits, Store
from storage import audit, tables
from storage.root import Root
from storage.schemas import TABLES
from tests.scrapers.shelves import products

DAMAGED = sorted(set(TABLES) - {"rejects", "recommendations"})

PER_CRAWL = {
    "first_seen",
    "changed_at",
    "crawl_id",
    "fetched_at",
    "due_at",
    "observed_at",
    "rejected_at",
    "month",
}
"""Columns that say when something was done."""

COMPARED = ("products", "pages", "images", "embeddings", "predictions")


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory, small_weights: Path) -> Iterator[Config]:
    """Two stores that are open, and a data root after their first night."""
    shelf = products(12, photos=2)
    with serve(shelf[:6], "schema") as one, serve(shelf[6:], "shopify") as other:
        stores = (
            Store(name="pages.example", url=one.url, limits=Limits(retries=0)),
            Store(name="feed.example", url=other.url, strategy="shopify", limits=Limits(retries=0)),
        )
        config = Config(
            file=None,
            data=tmp_path_factory.mktemp("night") / "data",
            stores=stores,
            embed={"weights": str(small_weights)},
            crawl={"allow_private": True, "throttle": False},
        )
        night = run_nightly(config)
        assert night.ok, night.failures
        yield config


def stored(root: Root) -> dict[str, list[str]]:
    """The rows of the tables, but for when they were written."""
    found = {}
    for table in COMPARED:
        rows = tables.read(root, table).to_pylist()
        found[table] = sorted({repr({k: v for k, v in row.items() if k not in PER_CRAWL}) for row in rows})
    prices = tables.read(root, "offers").to_pylist()
    found["offers"] = sorted({repr({k: v for k, v in row.items() if k not in PER_CRAWL}) for row in prices})
    return found


def answer(root: Root, photo: bytes) -> list[tuple[object, ...]]:
    shop = lookalike.open(root.path)
    return [(match.id, match.title, match.price, match.photo()) for match in shop.similar(photo, k=12)]


@pytest.mark.slow
# A real night each: every table once, every kind of damage twice.
@pytest.mark.parametrize(
    ("table", "how"), list(zip(DAMAGED, itertools.cycle(["flipped", "cut", "emptied", "deleted"])))
)
def test_the_night_after_a_repair_is_as_if_nothing_had_been(
    config: Config, tmp_path: Path, table: str, how: str
) -> None:
    right = Root.open(config.data)
    photo = tables.read(right, "images").to_pylist()[0]["bytes"]
    root = Root.open(shutil.copytree(config.data, tmp_path / "data"))
    settings = config.model_copy(update={"data": root.path})
    for file in root.table_path(table).rglob("*.parquet"):
        whole = file.read_bytes()
        file.unlink()
        if how != "deleted":
            at = len(whole) // 2
            flip = whole[:at] + bytes([whole[at] ^ 8]) + whole[at + 1 :]
            file.write_bytes({"flipped": flip, "cut": whole[:at], "emptied": b""}[how])
    assert any(f"tables/{table}/" in sentence for sentence in audit.damage(root))
    repair(root, settings)
    night = run_nightly(settings)
    assert night.ok, night.failures
    assert audit.damage(root) == []
    assert stored(root) == stored(right)
    assert answer(root, photo) == answer(right, photo)
    again = run_nightly(settings)
    assert again.ok
    assert sum(crawl.images_new for crawl in again.crawls) == 0
