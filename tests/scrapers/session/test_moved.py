"""Which products of a store are the same at another address."""

import pytest

from scrapers.session.moved import match_products


def row(product_id, title="Shirt", brand=None, gtin=None, sku=None, photos=()):
    images = [{"image_id": photo} for photo in photos]
    named = {"product_id": product_id, "title": title, "brand": brand, "gtin": gtin, "sku": sku}
    return named | {"images": images}


@pytest.mark.parametrize(
    ("old", "new", "same"),
    [
        ({"gtin": "1"}, {"gtin": "1", "title": "Blouse"}, True),
        ({"gtin": "1"}, {"gtin": "2"}, False),
        ({"sku": "a", "brand": "Acme"}, {"sku": "a", "brand": "ACME "}, True),
        ({"sku": "a", "brand": "Acme"}, {"sku": "a", "brand": "Orme"}, False),
        ({"sku": "a"}, {"sku": "a"}, False),
        ({"photos": "xy"}, {"photos": "yz"}, True),
        ({"photos": "x"}, {"photos": "x", "title": "Blouse"}, False),
        ({"photos": "x"}, {"photos": "z"}, False),
        ({"photos": [None]}, {"photos": [None]}, False),
        ({}, {}, False),
    ],
)
def test_one_product_is_another(old, new, same):
    assert match_products([row("old", **old)], [row("new", **new)]) == ({"new": "old"} if same else {})


def test_what_several_share_tells_none_of_them_apart():
    shared = [row("1", gtin="1"), row("2", gtin="1")]
    assert match_products(shared, [row("new", gtin="1")]) == {}
    assert match_products([row("old", gtin="1")], shared) == {}


def test_no_product_is_two():
    olds = [row("1", gtin="1", sku="a", brand="b"), row("2", photos="x")]
    news = [row("3", gtin="1"), row("4", sku="a", brand="b"), row("5", photos="x")]
    assert match_products(olds, news) == {"3": "1", "5": "2"}
