"""The whole night over three demo stores, by the command line."""

import hashlib
import json
from decimal import Decimal

from storage import generations, tables
from storage.root import Root

MATCH_KEYS = [
    *("rank", "score", "store", "product_id", "title", "brand", "category", "price", "currency"),
    *("availability", "url", "image_url", "seen"),
]


def sold(shops):
    """Everything on sale, by store and product id."""
    return {(shop.name, product.product_id): product for shop in shops for product in shop.products}


def by_title(root, column):
    rows = tables.read(root, "products", columns=["store", "title", column]).to_pylist()
    return {(row["store"], row["title"]): row[column] for row in rows}


def test_the_first_night_stores_everything_once(installation):
    seen = installation.first_night
    assert seen.returncode == 0, seen.stderr
    assert "Traceback" not in seen.stderr
    products = sold(installation.shops)
    prices = by_title(installation.root, "price")
    assert prices == {(store, product.title): product.price for (store, _), product in products.items()}
    photos = {
        hashlib.sha256(photo()).hexdigest() for product in products.values() for photo in product.photos
    }
    images = tables.read(installation.root, "images", columns=["image_id"])["image_id"].to_pylist()
    assert sorted(images) == sorted(photos)
    vectors = tables.read(installation.root, "embeddings", columns=["image_id"])["image_id"].to_pylist()
    assert sorted(vectors) == sorted(photos)
    published = generations.current_name(installation.root)
    assert published in seen.stdout
    for shop in installation.shops:
        assert shop.name in seen.stdout


def test_a_second_night_downloads_embeds_and_publishes_nothing(installation, stored):
    before = stored(installation.root)
    crawls = len(tables.read(installation.root, "crawls"))
    seen = installation.run("nightly", "--no-prefect", "--json")
    assert seen.returncode == 0, seen.stderr
    night = json.loads(seen.stdout)
    assert [crawl["images_new"] for crawl in night["crawls"]] == [0, 0, 0]
    assert night["embed"]["embedded"] == 0
    assert night["index"]["generation"] is None
    assert night["failures"] == []
    assert stored(installation.root) == before
    assert len(tables.read(installation.root, "crawls")) == crawls + 3


def test_a_products_own_photo_comes_first(installation, photo):
    seen = installation.run("search", photo, "--json")
    assert seen.returncode == 0, seen.stderr
    answer = json.loads(seen.stdout)
    assert set(answer) == {"generation", "matches", "warning"}
    assert answer["generation"] == generations.current_name(installation.root)
    assert [match["rank"] for match in answer["matches"]] == [1, 2, 3, 4, 5]
    # A product of the same photo may be named beside them.
    assert all(list(match)[: len(MATCH_KEYS)] == MATCH_KEYS for match in answer["matches"])
    assert {key for match in answer["matches"] for key in match} <= {*MATCH_KEYS, "also_at"}
    first, own = answer["matches"][0], installation.shops[0].products[0]
    assert (first["store"], first["title"]) == (installation.shops[0].name, own.title)
    assert Decimal(first["price"]) == own.price
    assert first["currency"] == own.currency
    assert first["url"].startswith(installation.shops[0].front.url)


def test_matches_are_lines_outside_a_terminal(installation, photo):
    seen = installation.run("search", photo, "-k", "3")
    assert seen.returncode == 0, seen.stderr
    lines = [line.split("\t") for line in seen.stdout.splitlines()]
    assert [line[0] for line in lines if line[0] != "also at"] == ["1", "2", "3"]
    links = [line[-1] for line in lines]
    assert all(link.startswith("http://127.0.0.1") for link in links)


def test_filters_reach_the_search(installation, photo):
    other = installation.shops[2].name
    seen = installation.run("search", photo, "--store", other, "--in-stock", "--json")
    assert seen.returncode == 0, seen.stderr
    matches = json.loads(seen.stdout)["matches"]
    assert matches
    assert {match["store"] for match in matches} == {other}
    assert {match["availability"] for match in matches} == {"in_stock"}


def test_status_shows_stores_tables_and_generations(installation):
    status = json.loads(installation.run("status", "--json").stdout)
    assert [store["name"] for store in status["stores"]] == sorted(shop.name for shop in installation.shops)
    assert [store["products"] for store in status["stores"]] == [8, 8, 8]
    assert all(store["last_crawl"]["status"] == "complete" for store in status["stores"])
    assert status["tables"]["products"]["rows"] == 24
    assert status["current"] == generations.current_name(installation.root)
    assert [generation["products"] for generation in status["generations"]] == [24]
    shown = installation.run("status")
    assert shown.returncode == 0
    assert all(shop.name in shown.stdout for shop in installation.shops)


def test_extract_reads_a_store_page(installation):
    shop = installation.shops[2]
    (page,) = {
        row["url"]
        for row in tables.read(installation.root, "products", columns=["store", "title", "url"]).to_pylist()
        if (row["store"], row["title"]) == (shop.name, shop.products[0].title)
    }
    seen = installation.run("extract", page, "--json")
    assert seen.returncode == 0, seen.stderr
    product = json.loads(seen.stdout)
    assert product["title"] == shop.products[0].title
    assert Decimal(product["price"]) == shop.products[0].price
    assert product["source"]["price"]
    shown = installation.run("extract", page)
    assert f"price\t{product['price']}" in shown.stdout


def test_maintain_joins_files_and_changes_no_row(installation):
    before = tables.read(installation.root, "products").sort_by(
        [("store", "ascending"), ("product_id", "ascending")]
    )
    seen = installation.run("maintain", "--json")
    assert seen.returncode == 0, seen.stderr
    assert "products" in json.loads(seen.stdout)["tables"]
    after = tables.read(installation.root, "products").sort_by(
        [("store", "ascending"), ("product_id", "ascending")]
    )
    assert after == before


def test_a_store_that_is_down_stops_nothing_else_and_is_read_the_next_night(
    tmp_path, shops, install, lookalike
):
    install(tmp_path, shops)
    shops[0].front.down = True
    seen = lookalike("nightly", "--no-prefect", cwd=tmp_path)
    assert seen.returncode == 1
    *_, sentence = seen.stderr.strip().splitlines()
    assert sentence.startswith("lookalike: ")
    assert shops[0].name in sentence
    assert "Traceback" not in seen.stderr
    root = Root.open(tmp_path / "data")
    assert stores_in(root) == {shop.name for shop in shops[1:]}
    first = generations.current_name(root)
    assert first in seen.stdout

    shops[0].front.down = False
    seen = lookalike("nightly", "--no-prefect", cwd=tmp_path)
    assert seen.returncode == 0, seen.stderr
    assert stores_in(root) == {shop.name for shop in shops}
    second = generations.current_name(root)
    assert second != first

    seen = lookalike("rollback", "--json", cwd=tmp_path)
    assert json.loads(seen.stdout) == {"generation": first}
    assert generations.current_name(root) == first
    assert lookalike("rollback", cwd=tmp_path).returncode == 2
    assert generations.current_name(root) == first


def stores_in(root):
    return set(tables.read(root, "products", columns=["store"])["store"].to_pylist())
