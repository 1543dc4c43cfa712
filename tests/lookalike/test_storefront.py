"""Demo storefronts, asked over real HTTP."""

from __future__ import annotations

import dataclasses
import gzip
import html
import io
import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path
from urllib.parse import quote, urlsplit
from urllib.robotparser import RobotFileParser

import extruct
import pytest
import requests
from bs4 import BeautifulSoup
from PIL import Image

from lookalike.demo.faults import Faults
from lookalike.demo.product import DemoProduct
from lookalike.demo.storefront import Storefront, serve
from storage.errors import LookalikeError

REPO = Path(__file__).parents[2]
NASTY = 'Tee "Été" & <script>alert(1)</script> – it\'s </script> fine'
DIALECTS = ("shopify", "woocommerce", "schema")
PAGE = {"shopify": "/products/{}", "woocommerce": "/product/{}/", "schema": "/p/{}.html"}
API = "/wp-json/wc/store/v1/products"


class Photo:
    """A photo of one colour that counts how often it was read."""

    def __init__(self, colour: tuple[int, int, int]) -> None:
        self.colour, self.reads = colour, 0

    def __call__(self) -> bytes:
        self.reads += 1
        buffer = io.BytesIO()
        Image.new("RGB", (60, 80), self.colour).save(buffer, "JPEG")
        return buffer.getvalue()


def product(number: int, **fields: object) -> DemoProduct:
    """A product; odd ones are on sale, every fifth is sold out."""
    made = DemoProduct(
        product_id=str(number),
        title=f"Tee {number}",
        brand="Anker & Söhne",
        description="Soft <b>cotton</b> & more.",
        kind="t-shirt",
        colour="red",
        category="Women > Tops & Tees" if number % 3 else "Men > Shirts",
        price=Decimal("19.9"),
        currency="EUR",
        availability="in_stock" if number % 5 else "out_of_stock",
        gtin="4006381333931",
        sku=f"T-{number}",
        sizes=("S", "M", "L"),
        photos=(Photo((number % 256, 80, 30)), Photo((number % 256, 160, 30))),
        was_price=Decimal("29.9") if number % 2 else None,
    )
    return dataclasses.replace(made, **fields)


PRODUCTS = [product(number) for number in range(101, 161)] + [product(161, title=NASTY, sizes=())]


@pytest.fixture(scope="module")
def fronts() -> Iterator[dict[str, Storefront]]:
    """One storefront a dialect, all with the same products; tests do not change them."""
    with (
        serve(PRODUCTS, "shopify") as shopify,
        serve(PRODUCTS, "woocommerce") as woocommerce,
        serve(PRODUCTS, "schema", crawl_delay=0.5) as schema,
    ):
        yield {"shopify": shopify, "woocommerce": woocommerce, "schema": schema}


@pytest.fixture
def shopify(fronts: dict[str, Storefront]) -> Storefront:
    return fronts["shopify"]


@pytest.fixture
def woocommerce(fronts: dict[str, Storefront]) -> Storefront:
    return fronts["woocommerce"]


@pytest.fixture
def schema(fronts: dict[str, Storefront]) -> Storefront:
    return fronts["schema"]


def page_of(front: Storefront, dialect: str, one: DemoProduct) -> str:
    return front.url + PAGE[dialect].format(quote(one.handle))


def get(url: str, **headers: str) -> requests.Response:
    return requests.get(
        url, headers={name.replace("_", "-"): value for name, value in headers.items()}, timeout=5
    )


def locations(text: str, tag: str = "loc") -> list[str]:
    return [
        found.text
        for found in BeautifulSoup(text, "xml").find_all(tag)
        if found.prefix != "image" or ":" in tag
    ]


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


# Every dialect


@pytest.mark.parametrize(
    ("dialect", "index", "products"),
    [
        ("shopify", "/sitemap.xml", "sitemap_products_1.xml"),
        ("woocommerce", "/wp-sitemap.xml", "posts-product-1.xml"),
        ("schema", "/sitemap_index.xml", "products-1.xml.gz"),
    ],
)
def test_robots_lead_to_sitemaps_and_these_to_every_page(fronts, dialect, index, products):
    front = fronts[dialect]
    robots = RobotFileParser(f"{front.url}/robots.txt")
    robots.parse(get(f"{front.url}/robots.txt").text.splitlines())
    assert robots.site_maps() == [front.url + index]
    assert "Crawl-delay: 0.5" in get(f"{front.url}/robots.txt").text or dialect != "schema"
    for url in locations(get(front.url + index).text):
        assert get(url).status_code == 200, url
    (address,) = [url for url in locations(get(front.url + index).text) if products in url]
    body = get(address).content
    text = (gzip.decompress(body) if address.endswith(".gz") else body).decode()
    pages = [entry.find("loc").text for entry in BeautifulSoup(text, "xml").find_all("url")]
    assert sorted(pages) == sorted(page_of(front, dialect, one) for one in PRODUCTS)
    assert all(robots.can_fetch("lookalike", page) for page in pages)
    assert text.count("<lastmod>2026-11-01T06:00:00+00:00</lastmod>") == len(PRODUCTS)
    if dialect != "woocommerce":
        assert text.count("<image:loc>") == 2 * len(PRODUCTS)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_no_text_of_a_product_becomes_markup(fronts, dialect):
    front = fronts[dialect]
    text = get(page_of(front, dialect, PRODUCTS[-1])).text
    assert "<script>alert" not in text
    page = BeautifulSoup(text, "html.parser")
    assert page.h1.text == NASTY
    assert page.select_one(".description").text.strip() == "Soft <b>cotton</b> & more."
    assert NASTY in page.title.text


@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_link_of_the_shop_works(fronts, dialect):
    front = fronts[dialect]
    seen, todo = set(), [f"{front.url}/", page_of(front, dialect, PRODUCTS[0])]
    with requests.Session() as session:
        while todo and len(seen) < 60:
            url = todo.pop()
            if url in seen:
                continue
            seen.add(url)
            answer = session.get(url, timeout=5)
            assert answer.status_code == 200, url
            page = BeautifulSoup(answer.text, "html.parser")
            found = [link["href"] for link in page.find_all("a")] + [
                image["src"] for image in page.find_all("img")
            ]
            absolute = [link if link.startswith("http") else front.url + link for link in found]
            images = [link for link in absolute if ".jpg" in link]
            assert all(session.head(link, timeout=5).ok for link in images[:2])
            todo += [link for link in absolute if link not in images]


@pytest.mark.parametrize("dialect", DIALECTS)
def test_what_a_visitor_has_is_not_sent_again(fronts, dialect):
    front = fronts[dialect]
    photo = BeautifulSoup(get(page_of(front, dialect, PRODUCTS[1])).text, "html.parser").select_one(
        ".gallery img"
    )
    lists = {"shopify": "/products.json", "woocommerce": API, "schema": "/sitemaps/products-1.xml.gz"}
    for url in (page_of(front, dialect, PRODUCTS[0]), photo["src"], front.url + lists[dialect]):
        first = get(url)
        etag = first.headers["ETag"]
        for known in (etag, f"W/{etag}", f'"other", {etag}', "*"):
            again = get(url, If_None_Match=known)
            assert (again.status_code, again.content) == (304, b"")
            assert again.headers["ETag"] == etag
        assert get(url, If_None_Match='"other"').content == first.content
        head = requests.head(url, timeout=5)
        assert head.headers["Content-Length"] == str(len(first.content))
        assert head.content == b""
        if since := first.headers.get("Last-Modified"):
            assert get(url, If_Modified_Since=since).status_code == 304
            assert get(url, If_Modified_Since="Sun, 01 Nov 2020 00:00:00 GMT").status_code == 200
            assert get(url, If_Modified_Since="nonsense").status_code == 200
            # The tag decides where a visitor sends both.
            assert get(url, If_Modified_Since=since, If_None_Match='"other"').status_code == 200


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize(
    "path", ["/nothing", "/products/x", "/p/x.html", "/product/x/", "//", "/%00", "/?x=%ff"]
)
def test_strange_addresses_get_an_answer(fronts, dialect, path):
    assert get(fronts[dialect].url + path).status_code in (200, 404)


def test_a_photo_is_not_read_for_a_visitor_who_has_it():
    one = product(1)
    with serve([one], "schema") as front:
        url = f"{front.url}/media/{one.handle}_1.jpg"
        with ThreadPoolExecutor(4) as pool:
            bodies = {answer.content for answer in pool.map(get, [url] * 12)}
        assert len(bodies) == 1
        etag = requests.head(url, timeout=5).headers["ETag"]
        reads = one.photos[0].reads
        answer = get(url, If_None_Match=etag)
        assert (answer.status_code, answer.content) == (304, b"")
        assert one.photos[0].reads == reads
        assert one.photos[1].reads == 0


def test_connections_are_kept(shopify):
    host = urlsplit(shopify.url)
    with socket.create_connection((host.hostname, host.port), timeout=5) as connection:
        for _ in range(3):
            connection.sendall(b"GET /meta.json HTTP/1.1\r\nHost: x\r\n\r\n")
            answer = b""
            while b"}" not in answer:
                answer += connection.recv(65536)
            assert answer.startswith(b"HTTP/1.1 200 OK")


def test_the_log_counts_what_was_asked():
    with serve(PRODUCTS[:3], "shopify") as front:
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(get, [f"{front.url}/meta.json"] * 40))
        get(f"{front.url}/products.json?limit=2")
        requests.head(f"{front.url}/nothing", timeout=5)
        assert front.requests.count("/meta.json") == 40
        assert front.requests.count("/products.json") == front.requests.count("/products.json?limit=2") == 1
        assert front.requests.count(method="HEAD", status=404) == 1
        assert len(front.requests) == front.requests.count() == 42
        assert front.requests.paths("/p") == ["/products.json?limit=2"]
        front.requests.clear()
        assert front.requests.count() == 0


# Change and trouble


def test_products_can_be_replaced_and_only_what_changed_looks_changed():
    kept, cheaper, gone, new = (product(number) for number in (1, 2, 3, 4))
    with serve([kept, cheaper, gone], "schema") as front:
        urls = [page_of(front, "schema", one) for one in (kept, cheaper, gone, new)]
        photo = f"{front.url}/media/{cheaper.handle}_1.jpg"
        before = [get(url) for url in urls[:2]]
        assert get(photo).ok
        lowered = dataclasses.replace(cheaper, price=Decimal("9.50"))
        # The same product made anew, as a restarted shop would make it, is no change.
        front.replace_products([dataclasses.replace(kept, photos=product(1).photos), lowered, new])
        assert front.products[1] == lowered
        after = [get(url) for url in urls]
        assert [answer.status_code for answer in after] == [200, 200, 404, 200]
        assert after[0].headers["Last-Modified"] == before[0].headers["Last-Modified"]
        assert after[1].headers["Last-Modified"] != before[1].headers["Last-Modified"]
        assert "9.50" in after[1].text
        assert get(photo).ok
        front.replace_products([kept, dataclasses.replace(lowered, photos=(Photo((1, 2, 3)),))])
        assert get(photo).status_code == 404
        page = BeautifulSoup(get(urls[1]).text, "html.parser")
        (image,) = page.select(".gallery img")
        assert get(image["src"]).content == Photo((1, 2, 3))()


def test_faults_are_the_same_at_every_run():
    def met(faults: Faults) -> list[int | str]:
        outcomes: list[int | str] = []
        with serve(PRODUCTS[:2], "shopify", faults=faults) as front:
            for _ in range(30):
                try:
                    outcomes.append(get(f"{front.url}/meta.json").status_code)
                except requests.RequestException as error:
                    outcomes.append(type(error).__name__)
            assert front.requests.count() == 30
        return outcomes

    faults = Faults(0.5, seed=3, kinds=("500", "429", "cut"))
    first = met(faults)
    assert first == met(faults)
    assert first != met(dataclasses.replace(faults, seed=4))
    assert {200, 429, 500} < set(first)
    assert set(first) - {200, 429, 500} <= {"ChunkedEncodingError", "ConnectionError"}
    assert met(Faults(0.0)) == [200] * 30


def test_a_429_says_how_long_to_wait_and_a_hanging_answer_does_not_come():
    with serve(PRODUCTS[:1], "shopify", faults=Faults(1.0, kinds=("429",), retry_after_s=7)) as front:
        assert get(front.url).headers["Retry-After"] == "7"
    with serve(PRODUCTS[:1], "shopify", faults=Faults(1.0, kinds=("hang",))) as front:
        with pytest.raises(requests.ReadTimeout):
            requests.get(front.url, timeout=0.3)
        started = time.monotonic()
    assert time.monotonic() - started < 2


@pytest.mark.parametrize(
    "wrong", [{"rate": 1.5}, {"rate": 0.1, "kinds": ()}, {"rate": 0.1, "kinds": ("fire",)}]
)
def test_faults_that_are_none_are_refused(wrong):
    with pytest.raises(ValueError, match=r"from|choose"):
        Faults(**wrong)


def test_a_store_can_be_down_and_come_back():
    with serve(PRODUCTS[:1], "shopify") as front:
        front.down = True
        assert get(f"{front.url}/products.json").status_code == 503
        front.down = False
        assert get(f"{front.url}/products.json").status_code == 200


def test_stopping_ends_kept_connections_and_refuses_new_ones():
    with serve(PRODUCTS[:1], "shopify") as front:
        with requests.Session() as session:
            assert session.get(front.url, timeout=5).ok
            front.stop()
            with pytest.raises(requests.ConnectionError):
                session.get(front.url, timeout=5)
        front.stop()


def test_a_port_that_is_taken_is_one_sentence(shopify):
    port = urlsplit(shopify.url).port
    with (
        pytest.raises(LookalikeError, match=f"cannot open on 127.0.0.1:{port}"),
        serve([], "schema", port=port),
    ):
        pass


@pytest.mark.parametrize("ids", [("1", "1"), ("07", "1"), ("x", "1")])
def test_ids_that_cannot_be_served_are_refused(ids):
    with pytest.raises(ValueError, match="id"), serve([product(1, product_id=one) for one in ids], "shopify"):
        pass


@pytest.mark.parametrize("dialect", DIALECTS)
def test_an_empty_store_is_open(dialect):
    with serve([], dialect) as front:
        assert get(f"{front.url}/").status_code == 200
        assert get(f"{front.url}/robots.txt").status_code == 200


def test_a_storefront_by_hand(tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    photo = Photo((9, 9, 9))()
    rows = [{"id": str(number), "name": f"Coat {number}", "image": photo} for number in range(1, 6)]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "coats.parquet")
    command = [sys.executable, "-m", "lookalike.demo.storefront", "--dialect", "woocommerce", "--port", "0"]
    command += ["--catalogue", str(tmp_path / "coats.parquet"), "--products", "3"]
    with subprocess.Popen(command, cwd=REPO, stdout=subprocess.PIPE, text=True) as process:
        stopper = threading.Timer(20, process.kill)
        stopper.start()
        try:
            line = process.stdout.readline()
            assert line.startswith("3 products at http://127.0.0.1:")
            assert len(get(f"{line.split()[3]}{API}").json()) == 3
        finally:
            stopper.cancel()
            process.terminate()
