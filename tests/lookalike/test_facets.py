"""Facets, narrowing and order of a search's answers."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from lookalike.facets import (
    Choices,
    FacetValue,
    Order,
    can_be_bought,
    category_step,
    count,
    count_flag,
    narrow,
    sort,
)
from lookalike.matches import AlsoAt, Match


def match(product_id: str = "1", **facts: Any) -> Match:
    known: dict[str, Any] = {
        "rank": 1,
        "score": 0.9,
        "store": "a.example",
        "title": "Shirt",
        "brand": None,
        "category": None,
        "price": None,
        "was_price": None,
        "currency": "EUR",
        "availability": None,
        "url": None,
        "image_url": None,
        "seen": None,
        "image_id": "0" * 64,
        "photo": bytes,
    }
    return Match(product_id=product_id, **{**known, **facts})


def names(found: list[Match]) -> list[str]:
    return [one.product_id for one in found]


RED = match(
    "1",
    category="Women > Dresses",
    brand="Ostra",
    colours=("Red", "White"),
    sizes=("S", "M"),
    availability="in_stock",
)
BLUE = match(
    "2", category="Women / Dresses", brand="OSTRA", colours=("Navy blue",), sizes=("m",), store="b.example"
)
SHIRT = match("3", category="Men > Shirts", brand="Ostra", colours=("Navy blue",), availability="in_stock")
ANSWERS = [RED, BLUE, SHIRT]


def test_values_are_counted_whatever_their_case_and_path() -> None:
    counts = count(ANSWERS, Choices())
    assert counts["category"] == [FacetValue("Dresses", 2), FacetValue("Shirts", 1)]
    assert counts["colour"][0] == FacetValue("Navy blue", 2)
    assert counts["brand"] == [FacetValue("Ostra", 3)]
    assert counts["size"] == [FacetValue("M", 2), FacetValue("S", 1)]
    assert counts["gender"] == [FacetValue("Women", 2), FacetValue("Men", 1)]


def test_a_facet_counts_what_fits_the_other_choices() -> None:
    counts = count(ANSWERS, Choices(category=("dresses",)))
    assert counts["category"] == [FacetValue("Dresses", 2), FacetValue("Shirts", 1)]  # to choose another
    assert counts["store"] == [FacetValue("a.example", 1), FacetValue("b.example", 1)]
    assert count_flag(ANSWERS, Choices(category=("Dresses",)), "in_stock") == 1
    assert count_flag(ANSWERS, Choices(in_stock=True), "in_stock") == 2


def test_an_answer_of_two_searches_is_counted_once() -> None:
    assert count([*ANSWERS, *ANSWERS], Choices())["store"][0] == FacetValue("a.example", 2)


@pytest.mark.parametrize(
    ("choices", "left"),
    [
        (Choices(), ["1", "2", "3"]),
        (Choices(category=("Dresses", "Shirts")), ["1", "2", "3"]),
        (Choices(category=("women",)), ["1", "2"]),
        (Choices(colour=("blue",)), ["2", "3"]),
        (Choices(colour=("blue navy",)), ["2", "3"]),
        (Choices(colour=("sky blue",)), []),
        (Choices(brand=("ostra",), store=("b.example",)), ["2"]),
        (Choices(gender=("Men",)), ["3"]),
        (Choices(in_stock=True), ["1", "3"]),
    ],
)
def test_choices_narrow(choices: Choices, left: list[str]) -> None:
    assert names(narrow(ANSWERS, choices)) == left


def priced(product_id: str, price: str | None, **facts: Any) -> Match:
    return match(product_id, price=None if price is None else Decimal(price), **facts)


@pytest.mark.parametrize(
    ("choices", "left"),
    [
        (Choices(max_price=Decimal(20), currency="EUR"), ["cheap", "equal"]),
        (Choices(min_price=Decimal(20), currency="EUR"), ["equal", "dear"]),
        (Choices(min_price=Decimal(10), max_price=Decimal(20), currency="USD"), ["dollars"]),
        (Choices(on_sale=True), ["dear"]),
        (Choices(currency="USD"), ["cheap", "equal", "dear", "dollars", "unknown"]),
    ],
)
def test_prices_and_reductions_narrow(choices: Choices, left: list[str]) -> None:
    answers = [
        priced("cheap", "9.90", was_price=Decimal("9.90")),
        priced("equal", "20"),
        priced("dear", "50", was_price=Decimal("80")),
        priced("dollars", "15", currency="USD"),
        priced("unknown", None, was_price=Decimal("80")),
    ]
    assert names(narrow(answers, choices)) == left


def test_choices_are_the_filters_of_a_search_as_far_as_it_knows_them() -> None:
    asked = Choices(brand=("Ostra",), gender=("Men",), on_sale=True, currency="EUR").filters()
    assert {name: value for name, value in asked.items() if value} == {"brand": ("Ostra",)}
    limited = Choices(max_price=Decimal(5), currency="EUR").filters()
    assert (limited["max_price"], limited["currency"]) == (Decimal(5), "EUR")


PRICED = [
    priced("a", "30"),
    priced("b", "10"),
    priced("usd", "1", currency="USD"),
    priced("none", None),
    priced("c", "20"),
]


@pytest.mark.parametrize(
    ("order", "found"),
    [
        (Order.LIKENESS, ["a", "b", "usd", "none", "c"]),
        (Order.CHEAPEST, ["b", "c", "a", "usd", "none"]),
        (Order.DEAREST, ["a", "c", "b", "usd", "none"]),
    ],
)
def test_answers_are_sorted(order: Order, found: list[str]) -> None:
    assert names(sort(PRICED, order)) == found


def test_prices_are_compared_in_the_chosen_currency() -> None:
    assert names(sort(PRICED, Order.CHEAPEST, "USD"))[0] == "usd"


@pytest.mark.parametrize("order", Order)
def test_what_cannot_be_bought_is_last_but_the_very_picture_is_not(order: Order) -> None:
    elsewhere = AlsoAt("b.example", "9", None, None, None, "in_stock", None)
    answers = [
        priced("gone", "1", availability="out_of_stock"),
        priced("very", "2", availability="out_of_stock", evidence=("photo",)),
        priced("also", "3", availability="out_of_stock", also_at=(elsewhere,)),
        priced("there", "4", availability="in_stock"),
    ]
    assert names(sort(answers, order))[-1] == "gone"
    assert [can_be_bought(one) for one in answers] == [False, False, True, True]


def test_nothing_is_sorted_and_counted() -> None:
    assert sort([], Order.CHEAPEST) == []
    assert count([], Choices())["brand"] == []


@pytest.mark.parametrize(
    ("path", "step"),
    [("Women > Dresses", "Dresses"), ("Men/Shirts", "Shirts"), ("Kleider", "Kleider"), (" A | B ", "B")],
)
def test_the_last_step_of_a_category(path: str, step: str) -> None:
    assert category_step(path) == step
