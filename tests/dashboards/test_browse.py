"""Browsing: the choice in the address, and what it finds, against a plain loop over all products."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest
from streamlit.testing.v1 import AppTest

import lookalike
from dashboards import browse
from dashboards.browse import Choice
from lookalike import Match, Shop
from lookalike.arguments import MOST_CHARACTERS
from lookalike.browse import Order
from storage.errors import InputError
from storage.root import Root


@pytest.fixture(scope="module")
def shop(shop_root: Root) -> Shop:
    return lookalike.open(shop_root.path)


def everything(shop: Shop) -> list[Match]:
    return list(shop.browser.browse(per_page=1000).products)


@pytest.mark.parametrize(
    "choice",
    [
        Choice(),
        Choice(words="linen dress", page=3),
        Choice(stores=("a.example", "b.example"), brands=("A & B", "<b>"), in_stock=True),
        Choice(lowest=Decimal("9.99"), highest=Decimal(100), currency="EUR", order=Order.CHEAPEST),
        Choice(categories=("Women > Dresses",), colours=("navy blue",), order=Order.DEAREST),
    ],
)
def test_a_choice_survives_its_address(choice: Choice) -> None:
    assert Choice.of_address(choice.to_address()) == choice


@pytest.mark.parametrize(
    "parameters",
    [
        {"page": ["0"]},
        {"page": ["-1"]},
        {"page": ["9e9"]},
        {"page": ["²"]},
        {"page": ["99999999999"]},
        {"page": [""]},
        {"order": ["random"]},
        {"lowest": ["nan"], "highest": ["-5"]},
        {"lowest": ["inf"], "highest": ["x"]},
        {"in_stock": ["perhaps"]},
        {"words": ["  "]},
        {"stores": []},
    ],
)
def test_what_makes_no_sense_in_an_address_is_left_out(parameters: dict[str, list[str]]) -> None:
    assert Choice.of_address(parameters) == Choice()


def test_no_more_words_are_looked_for_than_a_search_takes() -> None:
    assert len(Choice.of_address({"words": ["a " * 50_000]}).words) <= MOST_CHARACTERS


def test_all_products_are_there_once_over_all_pages(shop: Shop) -> None:
    browser = shop.browser
    pages = [browser.browse(page=number, per_page=4).products for number in (1, 2, 3, 4)]
    assert [len(page) for page in pages] == [4, 4, len(shop) - 8, 0]
    assert len({product.id for page in pages for product in page}) == len(shop)
    assert all(product.rank == 0 for page in pages for product in page)


@pytest.mark.parametrize("page", [1, 3, 4, 999_999])
def test_past_the_last_page_is_the_last_page(shop: Shop, monkeypatch: pytest.MonkeyPatch, page: int) -> None:
    monkeypatch.setattr(browse, "PER_PAGE", 4)
    choice, browsed = browse.browse(shop, Choice(page=page))
    assert choice.page == min(page, 3)
    assert browsed == shop.browser.browse(page=choice.page, per_page=4)
    choice, browsed = browse.browse(shop, Choice(words="zzz", page=page))
    assert (choice.page, browsed.products, browsed.total) == (page, (), 0)


@pytest.mark.parametrize(
    "words", ["dress", "DRESS", "dré", "midi navy", "zzz", "shirt tops", "%", ".*", "<img"]
)
def test_words_are_parts_of_title_brand_or_category(shop: Shop, words: str) -> None:
    found = shop.browser.browse(words, per_page=1000)
    plain = words.casefold().replace("é", "e").split()
    expected = {
        product.id
        for product in everything(shop)
        if all(
            word in f"{product.title} {product.brand} {product.category}".casefold().replace("é", "e")
            for word in plain
        )
    }
    assert {product.id for product in found.products} == expected
    assert found.total == len(expected)


def test_a_facet_counts_what_choosing_it_would_show(shop: Shop) -> None:
    browser = shop.browser
    for chosen in ({}, {"brand": (everything(shop)[0].brand or "",)}, {"in_stock": True}):
        facets = browser.browse(**chosen).facets
        for facet, counts in facets.items():
            for value, count in counts.items():
                assert browser.browse(**{**chosen, facet: (value,)}).total == count, (facet, value)


def test_prices_are_ordered_and_limited(shop: Shop) -> None:
    browser = shop.browser
    cheapest = [product.price for product in browser.browse(order=Order.CHEAPEST).products]
    assert cheapest == sorted(cheapest)  # type: ignore[type-var]
    dearest = [product.price for product in browser.browse(order=Order.DEAREST).products]
    assert dearest == cheapest[::-1]
    limit = cheapest[3]
    assert browser.browse(max_price=limit, currency="EUR").total == sum(p <= limit for p in cheapest)


@pytest.mark.parametrize("facet", ["store", "brand", "category", "colour"])
def test_a_value_that_no_product_has_is_a_sentence(shop: Shop, facet: str) -> None:
    with pytest.raises(InputError, match="nowhere"):
        shop.browser.browse(**{facet: ("nowhere",)})  # type: ignore[arg-type]


def test_each_card_enlarges_its_own_photo(shop_root: Root) -> None:
    def script(root: str) -> None:
        import lookalike
        from dashboards.product import show_cards

        show_cards("", "browse", lookalike.open(root).browser.browse(per_page=6).products)

    app = AppTest.from_function(script, args=(str(shop_root.path),), default_timeout=60).run()
    drawn = "".join(one.proto.body for one in app.get("html"))
    pages = re.findall(r'popover id="([^"]+)"[^>]*>\s*<img src="photo/whole/([^"]+)"', drawn)
    assert len(pages) == len({name for name, _ in pages}) == 6
    assert len({photo for _, photo in pages}) > 1
    assert re.findall(r'la-magnify" popovertarget="([^"]+)"', drawn) == [name for name, _ in pages]
