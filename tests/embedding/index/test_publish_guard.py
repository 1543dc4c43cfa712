from __future__ import annotations

import shutil
from decimal import Decimal
from pathlib import Path

import pytest

from embedding.index.build import build_index
from embedding.index.publish_guard import LossError
from flows import night
from flows.config import load_config
from flows.purge import purge_store
from storage import encoders, generations, manifest, tables
from storage.root import Root
from tests import catalogues
from tests.catalogues import MODEL

STORES = ("a.example", "b.example", "c.example")


def removed(root: Root, rows: list[dict[str, object]], store: str, products: int) -> None:
    """Marks a store's first products as removed."""
    gone = [row for row in rows if row["store"] == store][:products]
    tables.merge(root, "products", [row | {"removed_at": catalogues.SEEN} for row in gone])


@pytest.fixture
def rows(root: Root) -> list[dict[str, object]]:
    """Ten products of each store, published."""
    rows = catalogues.simple(root, 30, stores=STORES)
    build_index(root, MODEL)
    return rows


def test_a_build_that_loses_too_many_products_is_refused(root: Root, rows: list[dict[str, object]]) -> None:
    name = generations.current_name(root)
    removed(root, rows, "a.example", 4)
    removed(root, rows, "c.example", 6)
    with pytest.raises(LossError) as refused:
        build_index(root, MODEL)
    assert str(refused.value) == (
        "The new index would hold only 20 of 30 products (a.example 10 → 6, c.example 10 → 4); the published "
        "one stays. Run `lookalike index --allow-loss` once if that is right."
    )
    assert generations.current_name(root) == name
    assert generations.names(root) == [name]
    assert build_index(root, MODEL, max_loss=0.4).products == 20


def test_a_store_without_any_product_is_missed(root: Root, rows: list[dict[str, object]]) -> None:
    """Although it had less than may be lost."""
    tables.merge(root, "products", [rows[1] | {"price": Decimal(3), "content_hash": "1"}])
    removed(root, rows, "b.example", 10)
    with pytest.raises(
        LossError, match=r"hold no product of a store \(b\.example 10 → 0\); the published one stays"
    ):
        build_index(root, MODEL, max_loss=0.5)
    assert build_index(root, MODEL, max_loss=1.0).products == 20


def test_a_purged_store_is_not_missed(root: Root, rows: list[dict[str, object]]) -> None:
    purge_store(root, "b.example")
    purge_store(root, "c.example")
    outcome = build_index(root, MODEL)
    assert outcome.generation is not None
    assert outcome.products == 10


def test_a_damaged_generation_is_no_measure(root: Root, rows: list[dict[str, object]]) -> None:
    (generations.require_current(root) / manifest.FILE).write_text("{")
    removed(root, rows, "a.example", 10)
    assert build_index(root, MODEL).products == 20


def test_the_setting_decides_and_can_be_overruled_once(
    root: Root, rows: list[dict[str, object]], tmp_path: Path
) -> None:
    shutil.rmtree(encoders.folder(root, MODEL))
    catalogues.write_encoder(root)  # what is published has to answer a search
    (tmp_path / "lookalike.toml").write_text("[index]\nmax_loss = 0.1\n[crawl]\nserve_for = 36500\n")
    config = load_config(tmp_path / "lookalike.toml", root.path)
    removed(root, rows, "a.example", 4)
    with pytest.raises(LossError, match="only 26 of 30 products"):
        night.index_and_publish(root, config, MODEL)
    assert night.index_and_publish(root, config, MODEL, allow_loss=True).products == 26
    removed(root, rows, "a.example", 6)
    assert night.index_and_publish(root, config, MODEL).products == 24
