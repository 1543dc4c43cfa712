"""Shopify: its product list, its currency, and lists longer than it gives out."""

import json
from dataclasses import replace
from decimal import Decimal
from urllib.parse import parse_qs, urlsplit

import pytest

from lookalike.demo.storefront import serve
from scrapers.config.store import Store
from scrapers.crawl import run_crawl
from scrapers.extract.api import shopify_item
from scrapers.extract.sources import shopify
from storage import tables
from tests.scrapers import shelves
from tests.scrapers.by_hand import crawl_with
from tests.scrapers.webserver import Answer


def variant(number, colour, size, price, before, available):
    return {
        "id": number,
        "option1": colour,
        "option2": size,
        "price": price,
        "compare_at_price": before,
        "available": available,
        "sku": f"{colour}-{size}",
    }


SHIRT = {
    "id": 11,
    "title": "Shirt &amp; tie",
    "handle": "shirt",
    "body_html": "<p>Soft.</p><script>track()</script><p>Warm &amp; light.</p>",
    "vendor": "Acme",
    "product_type": "Shirts",
    "options": [{"name": "Farbe"}, {"name": "Größe (EU)"}, {"name": "Fit"}],
    "variants": [
        variant(1, "Red", "S", "30.00", "0.00", False),
        variant(2, "Red", "M", "25.00", "40.00", True),
        variant(3, "Blue", "M", "35.00", "20.00", True),
    ],
    "images": [
        {"src": "//cdn.example/red.jpg?v=1", "variant_ids": [1, 2]},
        {"src": "https://cdn.example/all.jpg", "variant_ids": []},
        {"src": "/both.jpg", "variant_ids": [2, 3]},
        {"src": None},
    ],
}


def read(**changes):
    return shopify_item(SHIRT | changes, store="s", base_url="https://shop.example/", currency="EUR")


def test_a_product():
    item = read()
    assert (item.product_id, item.url) == ("11", "https://shop.example/products/shirt")
    assert (item.title, item.brand, item.category) == ("Shirt & tie", "Acme", "Shirts")
    assert item.description == "Soft. Warm & light."
    assert (item.colours, item.sizes) == (["Red", "Blue"], ["S", "M"])
    assert (item.sku, item.gtin) == (None, None)


def test_its_prices():
    item = read()
    assert (item.price, item.price_max, item.was_price, item.currency) == (
        Decimal("25.00"),
        Decimal("35.00"),
        Decimal("40.00"),
        "EUR",
    )
    offers = {offer.variant_id: offer for offer in item.offers}
    assert (offers["1"].was_price, offers["1"].availability) == (None, "out_of_stock")
    assert (offers["2"].was_price, offers["2"].availability) == (Decimal("40.00"), "in_stock")
    assert offers["3"].was_price is None


def test_its_availability():
    sold_out = [variant | {"available": False} for variant in SHIRT["variants"]]
    unsaid = [{k: v for k, v in variant.items() if k != "available"} for variant in SHIRT["variants"]]
    assert read().availability == "in_stock"
    assert read(variants=sold_out).availability == "out_of_stock"
    assert read(variants=unsaid).availability is None
    assert read(variants=[]).availability is None


def test_its_photos():
    photos = [(photo.url, photo.position, photo.colour) for photo in read().images]
    assert photos == [
        ("https://cdn.example/red.jpg?v=1", 0, "Red"),
        ("https://cdn.example/all.jpg", 1, None),
        ("https://shop.example/both.jpg", 2, None),
    ]


def test_a_product_with_one_variant_and_no_choice():
    item = read(
        options=[{"name": "Title"}],
        variants=[{"id": 1, "option1": "Default Title", "price": "5", "sku": "X"}],
    )
    assert (item.sku, item.sizes, item.price_max) == ("X", [], None)
    assert (item.price, item.was_price) == (Decimal(5), None)


@pytest.mark.parametrize("price", [None, "", "free", "0.00", "-1", "NaN", "Infinity"])
def test_a_price_that_is_none(price):
    item = read(variants=[{"id": 1, "price": price}])
    assert (item.price, item.currency) == (None, None)


@pytest.mark.parametrize(
    ("changes", "field", "value"),
    [
        ({"vendor": "n/a"}, "brand", None),
        ({"vendor": "{{ vendor }}"}, "brand", None),
        ({"product_type": "Men/Shirts"}, "category", "Men/Shirts"),
        ({"variants": [{"id": 1, "sku": "sku:A1"}]}, "sku", "A1"),
        ({"variants": [{"id": 1, "barcode": "4006381333931"}]}, "gtin", "4006381333931"),
        ({"variants": [{"id": 1, "barcode": "4006381333932"}]}, "gtin", None),
        ({"variants": [{"id": 1, "price": "24.990"}]}, "price", Decimal("24.990")),
    ],
)
def test_fields_are_decided_as_on_pages_but_for_what_an_api_states_exactly(changes, field, value):
    assert getattr(read(**changes), field) == value


@pytest.mark.parametrize("data", [{}, {"id": 1}, {"handle": "x"}, [], "text", None])
def test_an_entry_that_is_no_product(data):
    with pytest.raises(ValueError, match="no id or handle"):
        shopify_item(data, store="s", base_url="https://shop.example/", currency=None)


def products(site, path: str, handles: list[str], *, per_page: int = 250) -> None:
    """Lists products under a path, as many a page as asked for."""

    def page(seen):
        number = int(parse_qs(urlsplit(seen.target).query)["page"][0])
        listed = handles[(number - 1) * per_page : number * per_page]
        entries = [
            {
                "id": 100 + ord(handle),
                "handle": handle,
                "title": handle,
                "variants": [{"id": 1, "price": "5"}],
            }
            for handle in listed
        ]
        return Answer(json.dumps({"products": entries}), content_type="application/json")

    site.pages[path] = page


def test_the_currency_is_read_from_a_product_page_where_meta_is_hidden(site, root):
    products(site, "/products.json", ["a", "b"])
    site.pages["/products/a"] = Answer(
        '<meta property="og:type" content="product"><meta property="og:title" content="a">'
        '<meta property="og:price:amount" content="5.00"><meta property="og:price:currency" content="NOK">'
    )
    store = Store(name="shop.example", url=site.url, strategy="shopify")
    outcome = run_crawl(root, store, allow_private=True, throttle=False)
    assert outcome.status == "complete"
    assert {row["currency"] for row in tables.read(root, "products").to_pylist()} == {"NOK"}


def long_catalogue():
    return [
        replace(product, category=f"Men > {'Shirts' if number < 300 else 'Trousers'}")
        for number, product in enumerate(shelves.products(560, photos=0))
    ]


def test_a_list_longer_than_shopify_gives_out_is_read_by_collection(root):
    """The demo store gives out 500 products of a list, in place of 25,000."""
    with serve(long_catalogue(), "shopify", deepest=500) as front:
        store = Store(name="shop.example", url=front.url, strategy="shopify")
        outcome = run_crawl(root, store, allow_private=True, throttle=False)
        asked = front.requests.paths()
    assert (outcome.products, outcome.products_new) == (560, 560)
    assert any(path.startswith("/collections/men-trousers/products.json") for path in asked)
    # The collection of all men's clothing is cut, too, but those below it hold all that it has.
    assert outcome.status == "complete", outcome.message


@pytest.mark.slow
def test_products_that_no_list_gives_out_keep_a_crawl_from_being_complete(root):
    catalogue = long_catalogue()
    loose = [replace(product, category="") for product in catalogue[-5:]]
    with serve([*catalogue[:-5], *loose], "shopify", deepest=500) as front:
        store = Store(name="shop.example", url=front.url, strategy="shopify")
        outcome = run_crawl(root, store, allow_private=True, throttle=False)
    assert (outcome.status, outcome.products) == ("partial", 555)
    assert "5 products are in no list that the store gives out" in outcome.message


def test_a_list_ends_where_shopify_ends_it_even_if_the_store_does_not_say_so(site, root, tmp_path):
    """With pages of two and lists of two pages, in place of 250 and 100."""
    products(site, "/products.json", ["a", "b", "c", "d", "e", "f"], per_page=2)
    site.pages["/meta.json"] = Answer('{"currency": "EUR", "published_products_count": 6}')

    def collections(seen):
        first = "page=1" in seen.target
        return Answer(json.dumps({"collections": [{"handle": "x"}, {"handle": "y z"}] if first else []}))

    site.pages["/collections.json"] = collections
    products(site, "/collections/x/products.json", ["a", "e"], per_page=2)
    products(site, "/collections/y%20z/products.json", ["f"], per_page=2)
    code = (
        "import scrapers.extract.sources.shopify as shopify; shopify.PER_PAGE, shopify.MAX_PAGES = 2, 2\n"
        "import sys; from scrapy.cmdline import execute\n"
        "execute(['scrapy', 'crawl', 'shopify', *sys.argv[1:]])"
    )
    crawl = crawl_with(code, site, root, tmp_path, "allow_private=1")
    assert crawl.returncode == 0, crawl.stderr
    assert sorted(row["title"] for row in tables.read(root, "products").to_pylist()) == list("abcdef")
    [row] = tables.read(root, "crawls").to_pylist()
    assert row["status"] == "complete", row["message"]


MYSHOPIFY = """
import socket, sys
# A name below myshopify.com is this machine.
resolve = socket.getaddrinfo
def lookup(host, *rest, **more):
    return resolve("127.0.0.1" if str(host).endswith(".myshopify.com") else host, *rest, **more)
socket.getaddrinfo = lookup
from scrapy.cmdline import execute
execute(["scrapy", "crawl", "shopify", *sys.argv[1:]])
"""


def test_a_hidden_list_is_read_below_myshopify(site, root, tmp_path):
    home = f"linen-row.myshopify.com:{site.server.server_port}"
    products(site, "/products.json", ["a", "b"])
    listed = site.pages["/products.json"]
    site.pages["/products.json"] = lambda seen: (
        listed(seen) if seen.headers["host"] == home else Answer("<h1>Headless</h1>")
    )
    site.pages["/meta.json"] = lambda seen: (
        Answer('{"currency": "SEK"}') if seen.headers["host"] == home else Answer("", 404)
    )
    site.pages["/"] = Answer(f'<script>Shopify.shop = "{home}";</script>')
    crawl = crawl_with(MYSHOPIFY, site, root, tmp_path, "allow_private=1")
    assert crawl.returncode == 0, crawl.stderr
    [row] = tables.read(root, "crawls").to_pylist()
    assert (row["status"], row["products"]) == ("complete", 2), row["message"]
    stored = tables.read(root, "products").to_pylist()
    assert {row["url"] for row in stored} == {f"http://{home}/products/{handle}" for handle in "ab"}
    assert {row["currency"] for row in stored} == {"SEK"}


def test_a_store_without_a_list_says_so(site, root):
    site.pages["/"] = Answer("<h1>Shop</h1>")
    store = Store(name="shop.example", url=site.url, strategy="shopify")
    outcome = run_crawl(root, store, allow_private=True, throttle=False)
    assert outcome.status == "failed"
    assert "products.json?limit=250&page=1: HTTP 404" in outcome.message


def test_a_product_of_its_own_is_as_the_list_has_it():
    listed = {"id": 1, "variants": [{"id": 5, "price": "5.00", "available": True}]}
    own = {"id": 1, "variants": [{"id": 5, "price": "5.00", "barcode": "4006381333931"}]}
    assert shopify.as_listed(own, {"variants": [{"id": 5, "available": True}]}) == listed
    assert shopify.as_listed(own, None)["variants"][0]["available"] is None


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("shirt", True),
        ("SHIRT tie", True),
        ("shi", True),
        ("irt", False),
        ("red acme", True),
        ("silk", False),
    ],
)
def test_words_are_looked_for_where_shopify_looks(words, found):
    data = SHIRT | {"tags": ["new in"], "variants": [{"title": "Red / S"}]}
    assert shopify.has_words(data, words) is found


def test_the_limits_are_those_of_shopify():
    assert (shopify.PER_PAGE, shopify.MAX_PAGES) == (250, 100)
