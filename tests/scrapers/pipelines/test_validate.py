"""What is tidied in a product, and what cannot be kept."""

import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from scrapers.extract.fields.options import is_colour, is_size
from scrapers.extract.text import clean, plain, unescape
from scrapers.items import Offer, Photo, ProductItem
from scrapers.pipelines.validate import MAX_LIST, MAX_TITLE, tidy
from scrapers.session.rows import product_row

NOW = datetime(2026, 11, 21, tzinfo=UTC)


def item(**fields) -> ProductItem:
    given = {"store": "s", "product_id": "1", "url": "https://shop.example/p", "title": "Shirt"} | fields
    return ProductItem(**given)


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"title": ""}, "it has no title"),
        ({"title": " \u200b\x00 "}, "it has no title"),
        ({"title": "x" * 20_000}, "its title has 20000 characters"),
        ({"product_id": ""}, "it has no usable id"),
        ({"product_id": "x" * 201}, "it has no usable id"),
        ({"url": "javascript:alert(1)"}, "only http and https"),
        ({"url": "http://127.0.0.1/"}, "private address"),
        ({"url": "https://shop.example/" + "x" * 2000}, "longer than 2000"),
        ({"url": "https://shop.example/\ud83d"}, "control characters"),
        ({"product_id": "1\ud83d"}, "it has no usable id"),
    ],
)
def test_what_cannot_be_kept(fields, problem):
    assert problem in tidy(item(**fields))


def test_texts_are_tidied():
    given = item(
        title=" A\n\tshirt\x07\u202e ", brand="\u200b", description="x" * 30_000, sku=" 1 ", category=""
    )
    assert tidy(given) is None
    assert (given.title, given.brand, given.sku, given.category) == ("A shirt", None, "1", None)
    assert len(given.description) == 20_000


def test_half_characters_are_taken_out_of_every_field():
    given = item(
        **dict.fromkeys(["title", "brand", "description", "category", "gtin", "sku"], "A \ud83d\x00 b"),
        colours=["red\udfff"],
        sizes=["\ud83d"],
        related=["https://shop.example/\ud83d", "https://shop.example/1"],
        images=[Photo("https://shop.example/1.jpg", colour="\ud83dblue")],
        offers=[Offer("\ud83d", None, None, None, None), Offer("1", None, None, "\ud83d", "\ud83d")],
    )
    assert tidy(given) is None
    row = product_row(given, now=NOW, first_seen=NOW, crawl_id="c")
    json.dumps(row, default=str, ensure_ascii=False).encode()
    assert (row["title"], row["colours"], row["sizes"]) == ("A b", ["red"], [])
    assert (row["related"], row["images"][0]["colour"]) == (["https://shop.example/1"], "blue")
    assert given.offers == [Offer("1", None, None, None, None)]


def test_a_long_title_is_cut():
    given = item(title="x" * (MAX_TITLE + 1))
    assert tidy(given) is None
    assert len(given.title) == MAX_TITLE


@pytest.mark.parametrize(
    ("price", "kept"),
    [
        (Decimal("5"), Decimal("5.0000")),
        (Decimal("5.123456"), Decimal("5.1235")),
        (Decimal("0"), None),
        (Decimal("-1"), None),
        (Decimal("NaN"), None),
        (Decimal("Infinity"), None),
        (Decimal("1e12"), None),
        (None, None),
    ],
)
def test_prices(price, kept):
    given = item(price=price, currency="EUR")
    tidy(given)
    assert given.price == kept


def test_prices_that_say_nothing_are_dropped():
    given = item(price=Decimal(5), price_max=Decimal(5), was_price=Decimal(4), currency="???")
    tidy(given)
    assert (given.price_max, given.was_price, given.currency) == (None, None, None)
    given = item(price_max=Decimal(5), was_price=Decimal(4), availability="maybe")
    tidy(given)
    assert (given.price_max, given.was_price, given.availability) == (None, None, None)


def test_offers_and_lists_are_bounded():
    offer = Offer("1", Decimal("0"), Decimal(5), "eur", "maybe")
    given = item(offers=[offer] * 5000, sizes=["S", "S", " ", *map(str, range(1000))], related=["/a", "/a"])
    tidy(given)
    assert given.offers[0] == Offer("1", None, None, None, None)
    assert len(given.offers) == 10 * MAX_LIST
    assert (given.sizes[0], len(given.sizes), given.related) == ("S", MAX_LIST, ["/a"])


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [(" a  b ", "a b"), ("", None), (None, None), (5, "5"), (True, None), ([], None), ("x" * 99, "x" * 10)],
)
def test_clean(text, cleaned):
    assert clean(text, 10) == cleaned


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>A</p><p>B</p>", "A B"),
        ("5 < 6 > 4", "5 < 6 > 4"),
        ("A&nbsp;B &amp; C", "A B & C"),
        ("<style>p{}</style>A<script>alert(1)</script>", "A"),
        ("<b>bold</b>", "bold"),
    ],
)
def test_plain(html, text):
    assert plain(html) == text


def test_unescape():
    assert unescape("&amp;amp; &#8211;") == "& –"


@pytest.mark.parametrize("name", ["Color", "Colour", "pa_color", "Farbe", "Couleur", "Main colour", "색상"])
def test_names_for_colour(name):
    assert is_colour(name)
    assert not is_size(name)


@pytest.mark.parametrize("name", ["Size", "Größe (EU)", "pa_size", "Taille", "TALLA", "サイズ"])
def test_names_for_size(name):
    assert is_size(name)
    assert not is_colour(name)


@pytest.mark.parametrize("name", ["Title", "Fit", "Material", "Logo", None, "", "x" * 100])
def test_names_for_neither(name):
    assert not is_size(name)
    assert not is_colour(name)
