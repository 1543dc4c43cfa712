"""What was tried for each field, and why a page is no product."""

import pytest

from scrapers.extract.page import parse_page
from scrapers.extract.product import examine
from scrapers.extract.sources.markup import read_markup
from scrapers.extract.trace import trace

SALE = """
<html lang="en"><head><title>Tweed Cap</title></head><body><h1>Tweed Cap</h1>
<div class="price"><del>$50.00</del> <ins class="sale-price">$35.00</ins></div><button>Add to cart</button>
<script type="application/ld+json">{"@type": "Product", "name": "Tweed Cap", "gtin": "123", "brand": "N/A",
"offers": {"price": "50.00", "priceCurrency": "USD", "availability": "whatever"}}</script>
"""


def examined(html, url="https://shop.example/p/cap"):
    page = parse_page(html, url)
    return examine(page, read_markup(page))


def test_every_value_has_a_verdict():
    found = examined(SALE)
    assert found.reason is None
    tried = trace(found.product, found.candidates)
    assert [(one.source, one.value, one.verdict) for one in tried if one.field == "price"] == [
        ("json-ld", "50.00", "html is believed instead"),
        ("html", "35.00", "taken"),
    ]
    verdicts = {(one.field, one.source): one.verdict for one in tried}
    assert verdicts["title", "html"] == "agrees"
    assert verdicts["gtin", "json-ld"] == "its length or check digit is wrong"
    assert verdicts["brand", "json-ld"] == "it names nobody"
    assert verdicts["availability", "json-ld"] == "it is no word for stock"
    assert verdicts["availability", "html"] == "taken"


@pytest.mark.parametrize(
    ("html", "reason"),
    [
        ("<title>Just a moment...</title><p>Wait</p>", "it is a challenge page"),
        ("<title>Page not found</title><h1>Page not found</h1>", "it says that the page does not exist"),
        ("<title>About us</title><h1>About us</h1><p>Hello</p>", "it shows no price of its own"),
        ("<p>Hello</p>", "nothing on it is the heading of a product"),
    ],
)
def test_a_page_that_is_no_product_says_why(html, reason):
    found = examined(html)
    assert found.product is None
    assert found.reason.startswith(reason)


def test_the_home_page_is_no_product():
    html = "<title>Shop</title><h1>Shop</h1><span class='price'>$5</span><button>Buy now</button>"
    assert examined(html, "https://shop.example/").reason == "it is a home page"
