"""JSON of any shape, from a platform's API or a page, is read or refused, and never raises anything else."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scrapers.extract.api import shopify_item, woocommerce_item
from scrapers.extract.fields.amount import MAX_AMOUNT, MIN_AMOUNT
from scrapers.extract.fields.currency import currency_code
from scrapers.extract.page import parse_page
from scrapers.extract.product import extract_product
from scrapers.extract.sources import jsonld
from scrapers.extract.sources.markup import read_markup
from scrapers.items import ProductItem
from storage.money import display_price
from tests.properties import ODD_TEXTS, examined, json_values, scalars

STORE = "https://shop.example/"
SHOPIFY = {
    "id": 1,
    "handle": "cap",
    "title": "Cap",
    "vendor": "Acme",
    "tags": ["a"],
    "body_html": "A cap.",
    "product_type": "Caps",
    "options": [{"name": "Colour", "values": ["Red"]}],
    "images": [{"src": "/a.jpg", "variant_ids": [2]}],
    "variants": [{"id": 2, "price": "10.00", "available": True, "option1": "Red", "sku": "1"}],
}
WOOCOMMERCE = {
    "id": 1,
    "name": "Cap",
    "permalink": f"{STORE}p/cap",
    "prices": {"price": "1000", "currency_code": "EUR", "currency_minor_unit": 2, "price_range": None},
    "images": [{"src": "/a.jpg"}],
    "categories": [{"id": 5, "name": "Caps", "link": f"{STORE}c/caps"}],
    "attributes": [{"name": "Colour", "terms": [{"name": "Red"}]}],
    "brands": [{"name": "Acme"}],
    "is_in_stock": True,
}
KEYS = st.sampled_from(sorted({*SHOPIFY, *WOOCOMMERCE, *WOOCOMMERCE["prices"], *SHOPIFY["variants"][0]}))
ODD = (None, True, -1, 1.5, float("inf"), 10**400, *ODD_TEXTS, [], {}, [[]], [None], {"id": {}}, [{"id": []}])


def shopify(entry: object) -> ProductItem:
    return shopify_item(entry, store="shop", base_url=STORE, currency="EUR")


def woocommerce(entry: object) -> ProductItem:
    return woocommerce_item(entry, store="shop", base_url=STORE)


def check(read: object, entry: object) -> None:
    """An entry is an item whose prices can be shown, or one kind of error."""
    try:
        item = read(entry)
    except ValueError:
        return
    for price in (item.price, item.was_price, item.price_max, *(offer.price for offer in item.offers)):
        assert price is None or MIN_AMOUNT <= price < MAX_AMOUNT
        assert len(display_price(price, item.currency)) < 40


def test_an_entry_is_read() -> None:
    assert shopify(SHOPIFY).price == woocommerce(WOOCOMMERCE).price == Decimal(10)


@pytest.mark.parametrize(("read", "entry"), [(shopify, SHOPIFY), (woocommerce, WOOCOMMERCE)])
def test_an_entry_with_one_odd_value(read: object, entry: dict[str, object]) -> None:
    for field in entry:
        for odd in ODD:
            check(read, entry | {field: odd})
    for field in ("variants", "prices", "images", "options", "categories", "attributes"):
        inner = entry.get(field)
        parts = [inner] if isinstance(inner, dict) else inner or []
        for part in parts:
            for name in part:
                for odd in ODD:
                    changed = part | {name: odd}
                    check(read, entry | {field: changed if isinstance(inner, dict) else [changed]})


@examined
@given(json_values(KEYS))
def test_an_entry_of_any_shape(entry: object) -> None:
    for read, usual in ((shopify, SHOPIFY), (woocommerce, WOOCOMMERCE)):
        check(read, entry)
        check(read, usual | entry if isinstance(entry, dict) else entry)


def test_an_odd_photo_or_brand_does_not_cost_the_product() -> None:
    images = [{"src": "http://[bad"}, {"src": "/b.jpg"}]
    for read, entry in ((shopify, SHOPIFY), (woocommerce, WOOCOMMERCE)):
        assert [photo.url for photo in read(entry | {"images": images}).images] == [f"{STORE}b.jpg"]


@examined
@given(scalars | st.lists(scalars))
def test_a_currency_of_any_type(value: object) -> None:
    assert currency_code(value) is None or len(currency_code(value)) == 3


PROPERTIES = """
    @id @type @graph @context name offers price priceCurrency image url brand sku gtin hasVariant isVariantOf
    itemListElement description availability priceSpecification lowPrice
"""
SCHEMA_ORG = st.sampled_from(PROPERTIES.split())
VALUES = st.sampled_from(
    ["Product", "Offer", "#1", "#2", "19.90", "EUR", "InStock", "AggregateOffer", "ProductGroup"]
)


@examined
@given(json_values(SCHEMA_ORG) | st.dictionaries(SCHEMA_ORG, json_values(SCHEMA_ORG) | VALUES, max_size=8))
def test_json_ld_of_any_shape_is_normalised(document: object) -> None:
    written = json.dumps(document).replace("</", "<\\/")
    html = f'<title>Cap</title><h1>Cap</h1><script type="application/ld+json">{written}</script>'
    page = parse_page(html, f"{STORE}p/cap")
    assert page is not None
    read_markup(page)
    found = extract_product(html, f"{STORE}p/cap")
    assert found is None or found.price is None or 0 < found.price < MAX_AMOUNT


@examined
@given(st.text(alphabet='{}[]",:\\/*<!->&;ae1 \n\0', max_size=60))
def test_what_is_no_json_is_mended_or_refused(text: str) -> None:
    try:
        jsonld.loads(text)
    except ValueError:
        return


@pytest.mark.parametrize(
    "price", ["1e999999", "-1e999999", "1e-999999", "NaN", "Infinity", "9" * 40, "1" * 5000]
)
def test_a_number_that_is_no_price(price: str) -> None:
    variant = SHOPIFY["variants"][0] | {"price": price}
    assert shopify(SHOPIFY | {"variants": [variant]}).price is None
    assert woocommerce(WOOCOMMERCE | {"prices": {"price": price, "currency_minor_unit": 2}}).price is None
    page = '<h1>Cap</h1><script type="application/ld+json">{"@type": "Product", "name": "Cap", "offers": '
    for written in (price, f'"{price}"'):
        found = extract_product(
            f'{page}{{"price": {written}, "priceCurrency": "EUR"}}}}</script>', f"{STORE}p/1"
        )
        assert found is None or found.price is None or found.price < MAX_AMOUNT
