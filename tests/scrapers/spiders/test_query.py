"""A search crawl asks each kind of store's own search, stores what it finds and removes nothing."""

import pytest

from lookalike.demo.storefront import serve
from scrapers.config.selectors import Selectors
from scrapers.config.store import Store
from scrapers.crawl import run_crawl
from storage import tables
from tests.scrapers.shelves import image_ids, products
from tests.scrapers.webserver import Answer, product_page

DIALECTS = {"shopify": "shopify", "woocommerce": "woocommerce", "sitemap": "schema"}
COUNT = 36
"""Of which twelve are red: more than Shopify suggests."""
RED = [product for product in products(COUNT, photos=1) if product.colour == "red"]


def store_at(front, strategy: str) -> Store:
    recipe = None
    if strategy == "sitemap":
        recipe = Selectors(search_url=f"{front.url}/search?q={{query}}")
    return Store(name="shop.example", url=front.url, strategy=strategy, recipe=recipe)


def crawl(root, store, query=None):
    return run_crawl(root, store, allow_private=True, throttle=False, query=query)


def rows(root) -> dict[str, dict]:
    stored = tables.read(root, "products").to_pylist()
    assert len({row["title"] for row in stored}) == len(stored)
    return {row["title"]: row for row in stored}


@pytest.mark.parametrize("strategy", DIALECTS)
def test_what_a_search_finds_is_stored(root, strategy):
    with serve(products(COUNT, photos=1), DIALECTS[strategy], open_search=True) as front:
        found = crawl(root, store_at(front, strategy), "  red  shirt ")
    assert (found.status, found.products, found.products_new) == ("query", len(RED), len(RED)), found
    assert found.message == "A search for 'red shirt'."
    stored = rows(root)
    assert set(stored) == {product.title for product in RED}
    for product in RED:
        row = stored[product.title]
        assert (row["price"], row["currency"]) == (product.price, product.currency)
        assert row["availability"] == product.availability
        assert [image["image_id"] for image in row["images"]] == image_ids(product)


@pytest.mark.slow
@pytest.mark.parametrize("strategy", DIALECTS)
def test_a_whole_crawl_stores_what_a_search_found_as_it_is(root, strategy):
    with serve(products(COUNT, photos=1), DIALECTS[strategy], open_search=True) as front:
        store = store_at(front, strategy)
        crawl(root, store, "red shirt")
        stored = rows(root)
        assert crawl(root, store).products_new == COUNT - len(RED)
        again = rows(root)
        assert {title: again[title] for title in stored} == stored


@pytest.mark.slow
def test_a_search_removes_nothing_and_is_not_the_last_complete_crawl(root):
    with serve(products(COUNT, photos=1), "shopify", open_search=True) as front:
        store = store_at(front, "shopify")
        assert crawl(root, store).status == "complete"
        assert crawl(root, store, "red").products_removed == 0
        nothing = crawl(root, store, "violet trousers")
        assert (nothing.status, nothing.products) == ("query", 0)
        assert nothing.message == "A search for 'violet trousers' found nothing."
        assert all(row["removed_at"] is None for row in rows(root).values())
        front.replace_products(products(COUNT - 1, photos=1))
        whole = crawl(root, store)
        assert (whole.status, whole.products_removed) == ("complete", 1)


def test_a_shopify_store_whose_robots_txt_forbids_its_search_is_searched_in_its_list(root):
    with serve(products(COUNT, photos=1), "shopify") as front:
        found = crawl(root, store_at(front, "shopify"), "RED shirt")
        assert not [path for path in front.requests.paths() if path.startswith("/search")]
    assert (found.status, found.products) == ("query", len(RED))
    assert found.message == (
        "A search for 'RED shirt' in its product list (its own search: robots.txt forbids it)."
    )
    assert tables.read(root, "images").num_rows == len(RED)


def test_a_search_that_robots_txt_forbids_is_a_failure(root):
    with serve(products(COUNT, photos=1), "schema") as front:
        found = crawl(root, store_at(front, "sitemap"), "red")
    assert found.status == "failed"
    assert "could not be searched" in found.message
    assert "robots.txt forbids it" in found.message


def test_result_pages_are_followed_as_the_recipe_says(root, site):
    links = "".join(f'<b data-to="/p/{number}">x</b>' for number in range(3))
    site.pages["/find?words=red+dress%26co"] = Answer(
        f"{links}<i href='/find/2'>more</i><a href='/p/9'><img></a>"
    )
    site.pages["/find/2"] = Answer('<b data-to="/p/3">x</b>')
    for number in (0, 1, 2, 3, 9):
        site.pages[f"/p/{number}"] = Answer(product_page(f"Dress {number}"))
    recipe = Selectors(
        search_url=f"{site.url}/find?words={{query}}", product_links="b::attr(data-to)", next_page="i"
    )
    store = Store(name="shop.example", url=site.url, strategy="listing", recipe=recipe)
    found = crawl(root, store, "red dress&co")
    assert found.status == "query", found
    assert sorted(rows(root)) == [f"Dress {number}" for number in range(4)]
