"""WooCommerce: the Store API's pages, minor units, price ranges and variable products."""

import json
from dataclasses import replace
from decimal import Decimal

import pytest

from lookalike.demo.storefront import serve
from scrapers.config.store import Store
from scrapers.crawl import run_crawl
from scrapers.extract.api import woocommerce_item
from scrapers.extract.sources.woocommerce import categories_of, read_categories
from storage import tables
from tests.scrapers.shelves import products
from tests.scrapers.webserver import Answer

PRICES = {
    "price": "129900",
    "regular_price": "149900",
    "sale_price": "129900",
    "price_range": None,
    "currency_code": "EUR",
    "currency_minor_unit": 2,
}
SHIRT = {
    "id": 7,
    "name": "Shirt &#038; tie &#8211; &quot;No. 7&quot;",
    "permalink": "https://shop.example/product/shirt/",
    "type": "variable",
    "description": "<p>Soft &amp; warm.</p>",
    "on_sale": True,
    "prices": PRICES,
    "images": [{"src": "https://shop.example/1.jpg"}, {"src": ""}],
    "categories": [{"id": 3, "name": "Shirts", "link": "https://shop.example/product-category/men/shirts/"}],
    "attributes": [
        {"name": "Color", "terms": [{"name": "Red"}, {"name": "Blue"}]},
        {"name": "Size", "terms": [{"name": "S"}, {"name": "M"}]},
    ],
    "variations": [{"id": 71, "attributes": [{"name": "Size", "value": "s"}]}],
    "is_in_stock": True,
    "is_purchasable": True,
}


def read(**changes):
    return woocommerce_item(SHIRT | changes, store="s", base_url="https://shop.example/")


def test_a_product_behind_a_password_is_not_for_show():
    assert read(is_password_protected=False).title
    with pytest.raises(ValueError, match="/product/shirt/ is behind a password"):
        read(is_password_protected=True)


def test_a_variable_product():
    item = read()
    assert item.title == 'Shirt & tie – "No. 7"'
    assert (item.price, item.was_price, item.currency) == (Decimal("1299.00"), Decimal("1499.00"), "EUR")
    assert (item.colours, item.sizes) == (["Red", "Blue"], ["S", "M"])
    # A variation is listed without a price of its own: nothing is said about it.
    assert item.offers == []
    assert [photo.url for photo in item.images] == ["https://shop.example/1.jpg"]


@pytest.mark.parametrize(
    ("prices", "price", "highest", "before"),
    [
        ({"price_range": {"min_amount": "1000", "max_amount": "2500"}}, "10.00", "25.00", "1499.00"),
        ({"price_range": {"min_amount": "1000", "max_amount": "1000"}}, "10.00", None, "1499.00"),
        ({"regular_price": "129900"}, "1299.00", None, None),
        ({"currency_minor_unit": 0, "currency_code": "JPY"}, "129900", None, "149900"),
        ({"currency_minor_unit": 3, "currency_code": "KWD"}, "129.900", None, "149.900"),
        ({"price": "0", "regular_price": "0"}, None, None, None),
        ({"price": "", "regular_price": ""}, None, None, None),
    ],
)
def test_prices_are_in_minor_units(prices, price, highest, before):
    item = read(prices=PRICES | prices)
    found = tuple(
        str(one) if one is not None else None for one in (item.price, item.price_max, item.was_price)
    )
    assert found == (price, highest, before)


def test_what_a_path_is_made_of_is_kept_with_its_product():
    known = read_categories(
        [
            {"id": 1, "name": "Men", "parent": 0},
            {"id": 3, "name": "Shirts &amp; tops", "parent": 1},
            {"id": 9, "name": "Women", "parent": 0},
        ]
    )
    kept = categories_of(SHIRT, known)
    assert [entry["id"] for entry in kept] == [1, 3]
    for categories in (known, read_categories(kept)):
        item = woocommerce_item(SHIRT, store="s", base_url="https://shop.example/", categories=categories)
        assert item.category == "Men > Shirts & tops"
    circle = {1: ("A", 3), 3: ("B", 1)}
    assert [entry["id"] for entry in categories_of(SHIRT, circle)] == [1, 3]


def test_pages_are_counted_by_the_header(root):
    catalogue = [replace(product, currency="JPY", price=Decimal(4000)) for product in products(130, photos=0)]
    with serve(catalogue, "woocommerce") as front:
        store = Store(name="shop.example", url=front.url, strategy="woocommerce")
        outcome = run_crawl(root, store, allow_private=True, throttle=False)
        asked = [path for path in front.requests.paths() if "store/v1/products?" in path]
    assert (outcome.status, outcome.products) == ("complete", 130)
    assert len(asked) == 2
    assert all("orderby=id" in path and "per_page=100" in path for path in asked)
    rows = tables.read(root, "products").to_pylist()
    assert {(row["price"], row["currency"]) for row in rows} == {(Decimal(4000), "JPY")}


def test_a_cache_that_strips_the_header_hides_no_page(root, site):
    def page(seen):
        number = 1 if "page=1&" in seen.target else 2
        ids = range(1, 101) if number == 1 else range(101, 104)
        listed = [
            SHIRT | {"id": one, "name": f"Shirt {one}", "permalink": f"/p/{one}", "images": []} for one in ids
        ]
        return Answer(json.dumps(listed), content_type="application/json")

    site.pages["/wp-json/wc/store/v1/products"] = page
    store = Store(name="shop.example", url=site.url, strategy="woocommerce")
    outcome = run_crawl(root, store, allow_private=True, throttle=False)
    assert (outcome.status, outcome.products) == ("complete", 103)
