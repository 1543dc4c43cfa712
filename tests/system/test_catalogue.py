"""Thousands of real products over three dialects: each stored once and right, and nothing done twice."""

import hashlib
import json

import pytest

from lookalike.demo.catalogue_table import from_parquet
from storage import tables
from storage.root import Root

pytestmark = pytest.mark.slow

PRODUCTS = 2100


@pytest.fixture(scope="module")
def shops(shared, open_shops):
    with open_shops(from_parquet(shared / "data/catalogue.parquet", PRODUCTS)) as opened:
        yield opened


@pytest.fixture(scope="module")
def folder(shops, install, tmp_path_factory):
    """An installation that names these stores."""
    return install(tmp_path_factory.mktemp("catalogue"), shops).parent


@pytest.fixture(scope="module")
def first(folder, lookalike):
    """The outcome of the first night, and the data root after it."""
    seen = lookalike("nightly", "--no-prefect", "--json", cwd=folder)
    assert seen.returncode == 0, seen.stderr
    return json.loads(seen.stdout), Root.open(folder / "data")


def handle(url):
    """The last part of a product page's address, which tells the product in all three dialects."""
    return url.rstrip("/").rsplit("/", 1)[1].removesuffix(".html")


def test_every_product_is_stored_once_with_its_title_price_currency_and_link(first, shops):
    night, root = first
    assert [crawl["products_new"] for crawl in night["crawls"]] == [len(shop.products) for shop in shops]
    rows = tables.read(root, "products", columns=["store", "url", "title", "price", "currency"]).to_pylist()
    stored = {
        (row["store"], handle(row["url"])): (row["title"], row["price"], row["currency"]) for row in rows
    }
    sold = {
        (shop.name, product.handle): (product.title, product.price, product.currency)
        for shop in shops
        for product in shop.products
    }
    assert len(rows) == PRODUCTS
    assert stored == sold
    fronts = {shop.name: shop.front.url for shop in shops}
    assert all(row["url"].startswith(fronts[row["store"]]) for row in rows)


def test_every_photo_is_stored_once_and_belongs_to_its_product(first, shops):
    _, root = first
    sold = {
        (shop.name, product.handle): [hashlib.sha256(photo()).hexdigest() for photo in product.photos]
        for shop in shops
        for product in shop.products
    }
    rows = tables.read(root, "products", columns=["store", "url", "images"]).to_pylist()
    shown = {
        (row["store"], handle(row["url"])): [image["image_id"] for image in row["images"]] for row in rows
    }
    assert shown == sold
    distinct = sorted({photo for photos in sold.values() for photo in photos})
    for table in ("images", "embeddings"):
        assert sorted(tables.read(root, table, columns=["image_id"])["image_id"].to_pylist()) == distinct


def test_a_second_night_downloads_no_photo_embeds_nothing_and_changes_no_table(
    first, shops, folder, lookalike, stored
):
    _, root = first
    before = stored(root)
    asked = {shop.name: len(shop.front.requests) for shop in shops}
    seen = lookalike("nightly", "--no-prefect", "--json", cwd=folder)
    assert seen.returncode == 0, seen.stderr
    night = json.loads(seen.stdout)
    assert [crawl["images_new"] for crawl in night["crawls"]] == [0, 0, 0]
    assert night["embed"]["embedded"] == 0
    assert night["index"]["generation"] is None
    assert stored(root) == before
    for shop in shops:
        later = list(shop.front.requests)[asked[shop.name] :]
        assert [
            request.path for request in later if request.status == 200 and request.path.endswith(".jpg")
        ] == []

    status = json.loads(lookalike("status", "--json", cwd=folder).stdout)
    assert sum(store["products"] for store in status["stores"]) == PRODUCTS
    assert status["tables"]["images"]["rows"] == len(tables.read(root, "images", columns=["image_id"]))
    assert status["tables"]["crawls"]["rows"] == 6
