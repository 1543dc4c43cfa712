"""Thousands of real products over three dialects: each stored once and right, and nothing done twice."""

import hashlib
import json
from collections import Counter

import pytest
from lookalike.demo.catalogue_table import from_parquet

from storage import tables
from storage.root import Root

pytestmark = pytest.mark.slow

PRODUCTS = 2100


def test_a_night_over_2100_products_and_a_second_one(
    shared, tmp_path, open_shops, install, lookalike, stored, exit_stack
):
    catalogue = from_parquet(shared / "data/catalogue.parquet", PRODUCTS)
    shops = open_shops(exit_stack, catalogue)
    install(tmp_path, shops)

    first = lookalike("nightly", "--no-prefect", "--json", cwd=tmp_path)
    assert first.returncode == 0, first.stderr
    root = Root.open(tmp_path / "data")
    columns = ["store", "title", "price", "currency", "url", "images"]
    rows = tables.read(root, "products", columns=columns).to_pylist()
    assert len(rows) == PRODUCTS

    expected, served = Counter(), set()
    for shop in shops:
        for product in shop.products:
            photos = [hashlib.sha256(photo()).hexdigest() for photo in product.photos]
            served.update(photos)
            expected[shop.name, product.title, product.price, product.currency, tuple(photos)] += 1
    assert expected == Counter(
        (
            row["store"],
            row["title"],
            row["price"],
            row["currency"],
            tuple(i["image_id"] for i in row["images"]),
        )
        for row in rows
    )
    assert len({row["url"] for row in rows}) == PRODUCTS
    fronts = {shop.name: shop.front.url for shop in shops}
    assert all(row["url"].startswith(fronts[row["store"]]) for row in rows)
    images = tables.read(root, "images", columns=["image_id"])["image_id"].to_pylist()
    assert sorted(images) == sorted(served)
    assert len(tables.read(root, "embeddings", columns=["image_id"])) == len(served)

    before = stored(root)
    second = lookalike("nightly", "--no-prefect", "--json", cwd=tmp_path)
    assert second.returncode == 0, second.stderr
    night = json.loads(second.stdout)
    assert [crawl["images_new"] for crawl in night["crawls"]] == [0, 0, 0]
    assert night["embed"]["embedded"] == 0
    assert night["index"]["generation"] is None
    assert stored(root) == before

    status = json.loads(lookalike("status", "--json", cwd=tmp_path).stdout)
    assert sum(store["products"] for store in status["stores"]) == PRODUCTS
    assert status["tables"]["images"]["rows"] == len(served)
    assert status["tables"]["crawls"]["rows"] == 6
