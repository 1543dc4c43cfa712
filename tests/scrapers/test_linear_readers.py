"""What else reads strangers' text takes steps in proportion, counted as in `extract/test_linear.py`."""

import json

import pytest

from scrapers.detect.platforms import is_empty_without_scripts
from scrapers.extract.address import escaped, pairs_of, spelling, without_tracking
from scrapers.extract.api import shopify_item, woocommerce_item
from scrapers.extract.encoding import to_unicode
from scrapers.extract.fields.amount import parse_amount
from scrapers.extract.fields.currency import currency_code
from scrapers.extract.fields.money import find_money
from scrapers.extract.reading import page_links, product_page, read_front
from scrapers.extract.sources.nodes import normalise
from scrapers.extract.text import clean, unescape
from scrapers.http.addresses import hide_userinfo, origin_of
from scrapers.http.credentials import Credentials
from scrapers.http.fetch import Fetched
from storage.errors import LookalikeError
from storage.printable import printable
from tests.scrapers.extract.test_linear import HEAD, grows, lines_of

URL = "https://shop.example/"
SIZES = (140, 280, 560)
"""Each more than the 128 addresses that `urlsplit` remembers, or the smaller ones would take fewer steps."""

CARD = "<li><a href=/p/{0}><img src=/{0}.jpg>Cap {0} $5.00</a></li>"


def shopify(entry: dict) -> object:
    return shopify_item(
        {"id": 1, "handle": "cap", "title": "Cap"} | entry, store="s", base_url=URL, currency="EUR"
    )


def woocommerce(entry: dict) -> object:
    usual = {"id": 1, "name": "Cap", "permalink": f"{URL}p"}
    return woocommerce_item(usual | entry, store="s", base_url=URL)


def origin(url: str) -> object:
    try:
        return origin_of(url)
    except LookalikeError:
        return None


def variants(count: int) -> list[dict]:
    return [{"id": n, "price": f"{n}.00", "option1": f"Red {n}", "sku": f"{n}"} for n in range(count)]


def links(html: str) -> object:
    return page_links(html.encode(), URL, max_categories=10, shapes=frozenset())


def front(html: str) -> object:
    return read_front(html, URL)


def product(html: str) -> object:
    return product_page(html.encode(), f"{URL}p", shapes=frozenset())


READERS = {
    "variants of Shopify": (shopify, lambda n: {"variants": variants(n), "options": [{"name": "Colour"}]}),
    "options of Shopify": (shopify, lambda n: {"options": [{"name": f"a{k}"} for k in range(n)]}),
    "photos of Shopify": (
        shopify,
        lambda n: {"images": [{"src": f"/{k}.jpg", "variant_ids": [k]} for k in range(n)]},
    ),
    "categories of WooCommerce": (
        woocommerce,
        lambda n: {"categories": [{"id": k, "name": f"c{k}", "link": f"{URL}c/{k}"} for k in range(5 * n)]},
    ),
    "terms of WooCommerce": (
        woocommerce,
        lambda n: {"attributes": [{"name": "Colour", "terms": [{"name": f"c{k}"} for k in range(n)]}]},
    ),
    "cards of a listing": (links, lambda n: HEAD + "".join(CARD.format(k) for k in range(n))),
    "links of a menu": (
        links,
        lambda n: "<nav>" + "".join(f"<a href=/c/{k}>Caps {k}</a>" for k in range(n)) + "</nav>",
    ),
    "pages of a listing": (links, lambda n: HEAD + "".join(f"<a href=?page={k}>{k}</a>" for k in range(n))),
    "lists in lists": (links, lambda n: "<ul><li><a href=/p>x" * n),
    "forms of a front page": (front, lambda n: "<form action=/s><input name=q type=search></form>" * n),
    "hidden fields of a form": (
        front,
        lambda n: "<form action=/s><input name=q>" + "<input type=hidden name=a value=b>" * n,
    ),
    "search actions": (
        front,
        lambda n: '<script type="application/ld+json">{"urlTemplate": "/s?q={search_term_string}"' * n,
    ),
    "scripts of an empty page": (is_empty_without_scripts, lambda n: "<body>" + "<script>a</script>" * n),
    "options of a select": (product, lambda n: HEAD + "<select name=Size>" + "<option>M" * n),
    "pictures of a gallery": (
        product,
        lambda n: HEAD + "<div class=gallery>" + "".join(f"<img src=/{k}.jpg>" for k in range(n)),
    ),
    "metadata": (product, lambda n: HEAD + "".join(f"<meta property='og:x{k}' content=y>" for k in range(n))),
    "breadcrumbs": (product, lambda n: HEAD + "<nav class=breadcrumb>" + "<a href=/c>Caps</a> &gt; " * n),
    "states of scripts": (
        product,
        lambda n: (
            HEAD + "<script>" + "".join(f'var product{k} = {{"price": {k}}};' for k in range(n)) + "</script>"
        ),
    ),
    "a state of products": (
        product,
        lambda n: HEAD + f'<script type="application/json">{json.dumps({"products": variants(n)})}</script>',
    ),
    "nodes in nodes": (
        normalise,
        lambda n: {"@graph": [{"@type": "Offer", "offers": {"a": k}} for k in range(n)]},
    ),
    "a currency": (currency_code, lambda n: "€" * n),
    "an amount": (parse_amount, lambda n: "1." * n),
    "amounts in a line": (lambda text: find_money.__wrapped__(text), lambda n: "$1.00 " * n),
    "text": (lambda text: clean(text, 10**6), lambda n: "\u202e " * n),
    "entities in entities": (unescape, lambda n: "&amp;amp;" * n),
    "an address": (escaped, lambda n: f"{URL}{'%zz ä' * n}"),
    "parameters": (lambda url: spelling.__wrapped__(url), lambda n: f"{URL}?{'a=b&' * n}"),
    "tracking": (without_tracking, lambda n: f"{URL}?{'utm_a=b&' * n}"),
    "sessions in a path": (without_tracking, lambda n: f"{URL}{';jsessionid=A' * n}"),
    "names of parameters": (lambda url: pairs_of.__wrapped__(url), lambda n: f"{URL}?{'a&' * n}"),
    "an origin": (origin, lambda n: f"http://{'a@' * n}shop.example/"),
    "a host": (origin, lambda n: f"http://{'a.' * n}example/"),
    "userinfo": (hide_userinfo, lambda n: "http://a:b@c " * n),
    "secrets": (lambda text: Credentials().redacted(text), lambda n: "a@b " * n),
    "a declared charset": (
        lambda text: Fetched(URL, 200, {"content-type": text}, "", b"x").text,
        lambda n: "text/html" + "; charset=idna" * n,
    ),
    "declared charsets of a page": (lambda body: to_unicode(body), lambda n: b"<meta charset=idna>" * n),
    "what is printed": (lambda text: printable(text, lines=True), lambda n: "\x1b\n\u202e" * n),
}
"""A function that reads what strangers wrote, and what it takes longest for, by size."""


@pytest.mark.parametrize("name", READERS)
def test_a_reader_takes_steps_in_proportion(name):
    function, make = READERS[name]
    for size in (600, *SIZES):  # what it loads once, and remembers
        function(make(size))
    assert not grows(counts := [lines_of(function, make(size)) for size in SIZES]), counts
