"""Pages made to cost time and memory are read within bounds, and what is plain on them is found."""

import time
from decimal import Decimal

import pytest

from scrapers.extract.page import parse_page
from scrapers.extract.product import extract_product
from scrapers.extract.sources.scripts import read_scripts

PAGE = (
    '<html lang="en"><head><title>Cap</title></head><body><h1>Cap</h1><span class="price">$35.00</span>'
    "<button>Add to cart</button>"
)
SECONDS = 8.0
"""Processor time that is allowed; the worst of these pages takes about one second."""

LD = '<script type="application/ld+json">'
LEVELS = [
    f'{{"@id": "{n}", "price": null, "offers": [{{"@id": "{n + 1}"}}, {{"@id": "{n + 1}"}}]}}'
    for n in range(40)
]
HOSTILE = {
    "references that double at each level": f'{LD}{{"@graph": [{{"@type": "Product", "name": "Cap", '
    f'"offers": {{"@id": "0"}}}}, {", ".join(LEVELS)}]}}</script>',
    "comments without end in JSON-LD": LD + "{" + "/*" * 100_000 + "</script>",
    "groups of digits in JSON-LD": LD + '{"a": 111' + ",111" * 40_000 + "x}</script>",
    "white space before a mark in JSON-LD": LD + '{"a": ' + " " * 100_000 + "]]>x</script>",
    "styles in a description": f'{LD}{{"@type": "Product", "name": "Cap", "description": '
    f'"{"<style>" * 30_000}"}}</script>',
    "items in items": '<div itemscope itemprop="a">' * 2000 + "</div>" * 2000,
    "tags without end": "<a" * 90_000,
    "a state of 4 MB": '<script type="application/json">{"product":['
    + ",".join(f'{{"name":"Cap","price":{number},"sku":"a{number}"}}' for number in range(90_000))
    + "]}</script>",
    "a state of 20 MB": f'<script type="application/json">{{"price": "{"x" * 20_000_000}"}}</script>',
    "objects in objects": "<script>var product = {price:" + "[" * 200_000 + "</script>",
    "assignments without end": "<script>" + "price = {" * 200_000 + "</script>",
    "strings without end": "<script>" + 'price = {"a":"' * 100_000 + "</script>",
    "many small objects": "<script>" + 'var price = {"sku":"1234567","price":2};' * 50_000 + "</script>",
    "equals signs": "<script>price" + "= " * 1_000_000 + "</script>",
    "a word without end": "<script>price" + "a" * 2_000_000 + "</script>",
    "texts in texts": "<script>price " + "JSON.parse('" * 200_000 + "</script>",
    "deep elements": "<div>" * 50_000 + "$5",
    "many buttons": "<button>Add to cart</button>" * 50_000,
    "many rows": "<table>" + "<tr><th>Brand</th><td>Acme</td></tr>" * 30_000 + "</table>",
    "many pictures": "<div class=gallery>" + "".join(f"<img src=/{n}.jpg>" for n in range(50_000)) + "</div>",
    "a class of 1 MB": f'<div class="{"price " * 200_000}">$5</div>',
    "digits": ("<p>" + "1.234." * 50 + "</p>") * 5000,
    "white space": "<p>" + " " * 5_000_000 + "</p>",
    "attributes without end": "<p " + " ".join(f"a{n}=b" for n in range(300_000)) + ">",
    "attributes in quotes": "<p " + " ".join(f"a{n}='<>'" for n in range(200_000)) + ">",
    "attributes without values": "<p " + " ".join(f"a{n}" for n in range(300_000)) + ">",
    "small elements": "<p>a" * 700_000,
    "colons": ("<p>" + "a" * 40 + ":" * 100 + "b</p>") * 10_000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_page(name):
    begun = time.process_time()
    product = extract_product(PAGE + HOSTILE[name], "https://shop.example/p/cap")
    assert time.process_time() - begun < SECONDS
    assert (product.title, product.price) == ("Cap", Decimal("35.00"))


def test_a_hundred_thousand_links():
    links = "".join(f'<a href="/p/{n}"><img src="/{n}.jpg">Cap {n} ${n}.99</a>' for n in range(100_000))
    begun = time.process_time()
    extract_product(PAGE + links, "https://shop.example/p/cap")
    assert time.process_time() - begun < SECONDS


def test_a_title_of_a_megabyte():
    html = f"<title>{'x' * 1_000_000}</title><h1>{'x ' * 500_000}</h1><p>$3</p><button>Add to cart</button>"
    assert extract_product(html, "https://shop.example/p/x") is None


@pytest.mark.parametrize(
    ("script", "value"),
    [
        ("<script>var price = {a: 1, 'b': 'it\\'s', c: [1, 2,], /* no */ price: 2.50};</script>", "2.50"),
        ("<script>window.__STATE__ = JSON.parse('{\\x22price\\x22: \\x223.10\\x22}');</script>", "3.10"),
        (
            "<script>dataLayer.push({'event': 'view', price: '7.00', 'nothing': null});</script>",
            "7.00",
        ),
        ("<script>gtag('event', 'view_item', {price: 8.25, currency: 'EUR', items: []});</script>", "8.25"),
        ('<script type="application/json">{"price": "9.99", "padding": "......"}</script>', "9.99"),
        ('<script type="text/x-magento-init">{"price": "1.00", "padding": "....."}</script>', "1.00"),
    ],
)
def test_data_of_a_script(script, value):
    page = parse_page(script, "https://shop.example/")
    [data] = read_scripts(page)
    assert str(data.value["price"]) == value


@pytest.mark.parametrize(
    "script",
    [
        "<script>alert('price = {'); if (price == {}) {}</script>",
        "<script src='/x.js'>var price = {a: 1, price: 2, name: 'x'};</script>",
        "<script>var price = {a: 1, price: function() { return window.price</script>",
        '<script type="text/template">{"price": "{{ price }}", "name": "{{ name</script>',
    ],
)
def test_what_is_no_data(script):
    assert list(read_scripts(parse_page(script, "https://shop.example/"))) == []
