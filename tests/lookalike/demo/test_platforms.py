"""What each dialect of the demo storefronts serves, asked over real HTTP."""

from __future__ import annotations

import html
import json
from decimal import Decimal

import extruct
import pytest
from bs4 import BeautifulSoup

from lookalike.demo.storefront import serve
from tests.lookalike.demo.fronts import (
    API,
    NASTY,
    PRODUCTS,
    get,
    page_of,
    product,
)

# Shopify


def test_shopify_lists_every_product_once(shopify):
    listed = []
    for number in range(1, 10):
        products = get(f"{shopify.url}/products.json?limit=25&page={number}").json()["products"]
        if not products:
            break
        listed += products
    assert [one["id"] for one in listed] == [int(one.product_id) for one in PRODUCTS]
    assert len(get(f"{shopify.url}/products.json").json()["products"]) == 30
    assert len(get(f"{shopify.url}/products.json?limit=9999").json()["products"]) == len(PRODUCTS)
    assert get(f"{shopify.url}/products.json?limit=250&page=101").status_code == 400
    assert get(f"{shopify.url}/products.json?limit=250&page=100").json() == {"products": []}


def test_a_shopify_product(shopify):
    first = get(f"{shopify.url}/products.json?limit=1").json()["products"][0]
    assert first["title"] == "Tee 101"
    assert first["vendor"] == "Anker & Söhne"
    assert first["product_type"] == "Women > Tops & Tees"
    assert first["body_html"] == "<p>Soft &lt;b&gt;cotton&lt;/b&gt; &amp; more.</p>"
    assert [option["name"] for option in first["options"]] == ["Color", "Size"]
    assert [(one["title"], one["price"], one["compare_at_price"]) for one in first["variants"]] == [
        ("red / S", "19.90", "29.90"),
        ("red / M", "19.90", "29.90"),
        ("red / L", "19.90", "29.90"),
    ]
    assert all("barcode" not in one for one in first["variants"])
    assert [image["position"] for image in first["images"]] == [1, 2]
    assert get(first["images"][1]["src"]).content == PRODUCTS[0].photos[1]()
    alone = get(f"{shopify.url}/products/{first['handle']}.json").json()["product"]
    assert alone["id"] == first["id"]
    assert alone["variants"][0]["barcode"] == "4006381333931"


def test_shopify_writes_no_sale_as_null_or_zero_and_stock_by_variant(shopify):
    listed = get(f"{shopify.url}/products.json?limit=250").json()["products"]
    by_id = {str(one["id"]): one for one in listed}
    before = {one.product_id: by_id[one.product_id]["variants"][0]["compare_at_price"] for one in PRODUCTS}
    assert set(before.values()) == {"29.90", None}
    with serve([product(7, was_price=None)], "shopify") as front:
        only = get(f"{front.url}/products.json").json()["products"][0]
    assert only["variants"][0]["compare_at_price"] == "0.00"
    for one in PRODUCTS:
        available = [variant["available"] for variant in by_id[one.product_id]["variants"]]
        assert any(available) == (one.availability == "in_stock")
    assert [variant["title"] for variant in by_id["161"]["variants"]] == ["red"]


def test_shopify_collections(shopify):
    collections = get(f"{shopify.url}/collections.json").json()["collections"]
    counts = {one["handle"]: one["products_count"] for one in collections}
    assert counts["men"] == counts["men-shirts"] == 20
    assert counts["women-tops-tees"] == 41
    for handle, count in {**counts, "all": len(PRODUCTS)}.items():
        products = get(f"{shopify.url}/collections/{handle}/products.json?limit=250").json()["products"]
        assert len(products) == count
        assert get(f"{shopify.url}/collections/{handle}").status_code == 200
    assert get(f"{shopify.url}/collections/nothing").status_code == 404
    assert get(f"{shopify.url}/collections/nothing/products.json").status_code == 404


def test_shopify_meta_and_open_graph_name_the_currency(shopify):
    meta = get(f"{shopify.url}/meta.json").json()
    assert meta["currency"] == "EUR"
    assert meta["published_products_count"] == len(PRODUCTS)
    page = BeautifulSoup(get(page_of(shopify, "shopify", PRODUCTS[0])).text, "html.parser")
    said = {tag["property"]: tag["content"] for tag in page.find_all("meta", property=True)}
    assert said["og:price:amount"] == said["product:price:amount"] == "19.90"
    assert said["og:price:currency"] == "EUR"
    assert said["product:original_price:amount"] == "29.90"
    assert said["og:type"] == "product"
    assert page.find("link", rel="canonical")["href"] == page_of(shopify, "shopify", PRODUCTS[0])


# WooCommerce


def test_the_store_api_lists_every_product_once(woocommerce):
    first = get(f"{woocommerce.url}{API}?per_page=25&orderby=id&order=asc")
    assert first.headers["X-WP-Total"] == str(len(PRODUCTS))
    assert first.headers["X-WP-TotalPages"] == "3"
    assert first.headers["Link"].endswith('page=2#038;page=1>; rel="next"')
    pages = [
        get(f"{woocommerce.url}{API}?per_page=25&orderby=id&order=asc&page={number}") for number in (1, 2, 3)
    ]
    assert 'rel="prev"' in pages[1].headers["Link"]
    assert 'rel="next"' in pages[1].headers["Link"]
    assert 'rel="next"' not in pages[2].headers["Link"]
    ids = [one["id"] for page in pages for one in page.json()]
    assert ids == [int(one.product_id) for one in PRODUCTS]
    assert len(get(f"{woocommerce.url}{API}").json()) == 10
    assert get(f"{woocommerce.url}{API}?per_page=25&page=4").json() == []
    refused = get(f"{woocommerce.url}{API}?per_page=101")
    assert refused.status_code == 400
    assert refused.json()["code"] == "rest_invalid_param"


def test_a_store_api_product(woocommerce):
    one = get(f"{woocommerce.url}{API}/161").json()
    assert "&#8211;" in one["name"]
    assert "<" not in one["name"]
    assert html.unescape(one["name"]) == NASTY
    assert one["type"] == "simple"
    prices = one["prices"]
    assert (prices["price"], prices["regular_price"]) == ("1990", "2990")
    assert (prices["currency_code"], prices["currency_minor_unit"]) == ("EUR", 2)
    assert one["on_sale"] is True
    assert one["permalink"] == page_of(woocommerce, "woocommerce", PRODUCTS[-1])
    assert [get(image["src"]).content for image in one["images"]] == [draw() for draw in PRODUCTS[-1].photos]
    assert one["categories"][0]["link"] == f"{woocommerce.url}/product-category/women/tops-tees/"
    assert get(one["categories"][0]["link"]).status_code == 200
    sold_out = get(f"{woocommerce.url}{API}/105").json()
    assert sold_out["is_in_stock"] is False
    assert sold_out["type"] == "variable"
    assert [term["name"] for term in sold_out["attributes"][1]["terms"]] == ["S", "M", "L"]
    assert len(sold_out["variations"]) == 3
    assert get(f"{woocommerce.url}{API}/9").json()["code"] == "woocommerce_rest_product_invalid_id"


def test_the_store_api_lists_categories_with_their_parents(woocommerce):
    listed = {one["id"]: one for one in get(f"{woocommerce.url}{API}/categories").json()}
    narrow = get(f"{woocommerce.url}{API}/161").json()["categories"][0]
    assert listed[narrow["id"]]["name"] == narrow["name"] == "Tops &#038; Tees"
    assert listed[narrow["id"]]["count"] == 41
    wide = listed[listed[narrow["id"]]["parent"]]
    assert (wide["name"], wide["parent"]) == ("Women", 0)


@pytest.mark.parametrize(("currency", "price", "minor"), [("JPY", "2900", 0), ("KWD", "1.234", 3)])
def test_minor_units_follow_the_currency(currency, price, minor):
    with serve([product(1, currency=currency, price=Decimal(price), was_price=None)], "woocommerce") as front:
        prices = get(f"{front.url}{API}").json()[0]["prices"]
    assert prices["currency_minor_unit"] == minor
    assert Decimal(prices["price"]).scaleb(-minor) == Decimal(price)


def test_the_store_api_has_the_shape_of_a_real_one(woocommerce, shared):
    folder = shared / "pages" / "woocommerce"
    real = [one for n in (1, 2, 3) for one in json.loads((folder / f"store-api-page{n}.json").read_text())]
    variable = next(one for one in real if one["type"] == "variable" and one["variations"])
    answer = get(f"{woocommerce.url}{API}?per_page=2")
    for ours in answer.json():
        assert list(ours) == list(variable)
        for name in ("prices", "stock_availability", "dimensions", "add_to_cart", "_links"):
            assert list(ours[name]) == list(variable[name]), name
        for name in ("images", "categories", "attributes"):
            assert list(ours[name][0]) == list(variable[name][0]), name
    headers = (folder / "store-api-page2.headers").read_text().splitlines()[1:]
    names = {line.split(":")[0] for line in headers if ":" in line}
    wanted = {
        name for name in names if name.startswith("X-WP") or name in ("Link", "Last-Modified", "X-Robots-Tag")
    }
    assert wanted <= set(answer.headers)


def test_woocommerce_pages_hold_the_json_ld_of_real_ones(woocommerce):
    page = get(page_of(woocommerce, "woocommerce", PRODUCTS[-1])).text
    graph = extruct.extract(page, syntaxes=["json-ld"])["json-ld"][0]["@graph"]
    trail, described = graph
    assert [entry["item"]["name"] for entry in trail["itemListElement"]][1:3] == ["Women", "Tops & Tees"]
    assert described["name"] == NASTY
    offer = described["offers"][0]
    assert (offer["price"], offer["priceCurrency"]) == ("19.90", "EUR")
    assert [one["price"] for one in offer["priceSpecification"]] == ["19.90", "29.90"]


# Plain pages


def test_half_of_the_plain_pages_speak_json_ld_and_half_microdata(schema):
    kinds = []
    for one in PRODUCTS[:9] + PRODUCTS[-1:]:
        url = page_of(schema, "schema", one)
        found = extruct.extract(get(url).text, base_url=url, syntaxes=["json-ld", "microdata", "opengraph"])
        documents = [part for data in found["json-ld"] for part in data.get("@graph", [data])]
        described = [part for part in documents if part["@type"] == "Product"]
        if described:
            (said,) = described
            trail = next(part for part in documents if part["@type"] == "BreadcrumbList")
            assert [entry["name"] for entry in trail["itemListElement"]][1:3] == one.category.split(" > ")
            brand, offer, images = said["brand"]["name"], said["offers"], said["image"]
        else:
            (item,) = [item for item in found["microdata"] if item["type"].endswith("/Product")]
            said = item["properties"]
            brand, offer = said["brand"]["properties"]["name"], said["offers"]["properties"]
            images = said["image"]
            graph = dict(found["opengraph"][0]["properties"])
            assert (graph["og:title"], graph["product:price:amount"]) == (one.title, "19.90")
        kinds.append(bool(described))
        assert (said["name"], said["sku"], said["gtin13"]) == (one.title, one.sku, one.gtin)
        assert brand == one.brand
        assert (offer["price"], offer["priceCurrency"]) == ("19.90", "EUR")
        stock = "InStock" if one.availability == "in_stock" else "OutOfStock"
        assert offer["availability"] == f"https://schema.org/{stock}"
        assert [get(image).content for image in images] == [draw() for draw in one.photos]
    assert kinds.count(True) == kinds.count(False) + 2


def test_listings_lead_to_every_product_of_a_category(schema):
    url, seen = f"{schema.url}/c/women/tops-tees", []
    pages = 0
    while url:
        page = BeautifulSoup(get(url).text, "html.parser")
        seen += [link["href"] for link in page.select(".grid a")]
        after = page.select_one('a[rel="next"]')
        assert (after is None) == (page.select_one('link[rel="next"]') is None)
        url, pages = after["href"] if after else None, pages + 1
    assert pages == 2
    assert seen == [
        page_of(schema, "schema", one) for one in PRODUCTS if one.category == "Women > Tops & Tees"
    ]
    assert get(f"{schema.url}/c/women?page=99").status_code == 404
