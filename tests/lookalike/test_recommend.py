"""`Shop.recommend`: histories in all their forms."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import pandas as pd
import pytest

import lookalike
from lookalike.query import Shop
from storage.errors import InputError
from storage.root import Root
from tests import customers


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Root:
    return customers.fill(Root.open(tmp_path_factory.mktemp("recommend") / "data", create=True))


@pytest.fixture
def shop(filled: Root) -> Shop:
    return lookalike.open(filled.path)


def kinds(matches: lookalike.Matches) -> list[str | None]:
    return [match.category for match in matches]


def test_a_history_is_answered_with_what_was_not_bought_and_why(shop: Shop) -> None:
    matches = shop.recommend(["b.example:d2", "a.example:d3"], k=6)
    assert kinds(matches) == ["Dresses"] * 6
    assert {match.because for match in matches} <= {"b.example:d2", "a.example:d3"}
    assert not {match.id for match in matches} & {"b.example:d2", "a.example:d3"}
    assert all("looks" in match.evidence for match in matches)
    assert matches.to_dict()["matches"][0]["because"] in ("b.example:d2", "a.example:d3")


def test_each_interest_is_answered(shop: Shop) -> None:
    history = [f"{'a' if at % 2 else 'b'}.example:{kind}{at}" for kind in "db" for at in range(4)]
    found = kinds(shop.recommend(history, k=8))
    assert set(found) == {"Dresses", "Boots"}
    assert min(found.count("Dresses"), found.count("Boots")) >= 2


def test_the_same_photo_as_a_purchase_is_left_out_unless_wished(shop: Shop) -> None:
    assert "a.example:d1" not in [match.id for match in shop.recommend("b.example:d0", k=25)]
    everything = shop.recommend(["b.example:d0"], k=25, include_owned=True)
    assert "b.example:d0" in [match.id for match in everything] + [
        offer.id for match in everything for offer in match.also_at
    ] or "a.example:d1" in [match.id for match in everything]


def test_filters_hold(shop: Shop) -> None:
    matches = shop.recommend(["a.example:d3"], k=5, max_price=20, store="a.example", colour="blue")
    assert len(matches) == 5
    assert all(match.store == "a.example" and match.price <= 20 for match in matches)
    with pytest.raises(InputError, match="No product here has the colour 'pinkish'"):
        shop.recommend(["a.example:d3"], colour="pinkish")


@pytest.mark.parametrize(
    "history",
    [
        [("b.example:d2", "2026-11-01"), ("a.example:d3", customers.NOW)],
        [("b.example:d2", customers.NOW.date()), ("a.example:d3", None)],
        [("b.example:d2", customers.NOW + timedelta(days=9000)), ("a.example:d3", datetime(1970, 1, 1))],
        ["b.example:d2", "b.example:d2", "a.example:d3"],
        ["https://b.example/p/d2", "https://a.example/p/d3/"],
        pd.DataFrame(
            {
                "store": ["b.example", "a.example"],
                "product_id": ["d2", "d3"],
                "bought_at": [customers.NOW, pd.NaT],
            }
        ),
        pd.DataFrame({"url": ["https://b.example/p/d2", "https://a.example/p/d3"]}),
        pd.DataFrame(
            {
                "store": ["b.example", None],
                "product_id": ["d2", None],
                "url": [None, "https://a.example/p/d3"],
            }
        ),
        pd.DataFrame({"product_id": [1, 2], "url": ["https://b.example/p/d2", "https://a.example/p/d3"]}),
        pd.Series(["b.example:d2", "a.example:d3"]),
        np.array(["b.example:d2", "a.example:d3"]),
    ],
    ids=[
        "pairs",
        "days",
        "future",
        "twice",
        "urls",
        "frame",
        "frame of urls",
        "mixed",
        "sku",
        "series",
        "array",
    ],
)
def test_histories_come_in_many_forms(shop: Shop, history: object) -> None:
    matches = shop.recommend(history, k=4)
    assert kinds(matches) == ["Dresses"] * 4
    assert not {"b.example:d2", "a.example:d3"} & {match.id for match in matches}
    assert matches.skipped == ()


def test_matches_are_a_history_too(shop: Shop) -> None:
    assert kinds(shop.recommend([shop.product("b.example:b4")], k=3)) == ["Boots"] * 3


def test_unknown_products_are_named_in_skipped(shop: Shop) -> None:
    matches = shop.recommend(["a.example:gone", "a.example:d3", "https://a.example/p/away"])
    assert matches.skipped == ("a.example:gone", "https://a.example/p/away")
    assert matches.to_dict()["skipped"] == list(matches.skipped)
    assert matches[:2].skipped == matches.skipped


@pytest.mark.parametrize(
    ("history", "sentence"),
    [
        ([], "The history is empty"),
        (["a.example:gone"], "None of the history's products is in generation .*: a.example:gone"),
        (pd.DataFrame({"store": [], "product_id": []}), "The history is empty"),
        (pd.DataFrame({"sku": ["1"]}), "The DataFrame names no product: it has sku"),
        (7, "A history cannot be a int"),
        ([7], "A purchase cannot be a int"),
        (b"a.example:d3", "A history cannot be a bytes"),
        ([("a.example:d3", customers.NOW), ("a.example:d5", 3)], "A purchase cannot be a tuple"),
        ("nobody", "holds nothing for this customer"),
    ],
)
def test_a_history_that_cannot_be_used_is_said_in_one_sentence(
    shop: Shop, history: object, sentence: str
) -> None:
    with pytest.raises(InputError, match=sentence):
        shop.recommend(history)


def test_more_products_than_can_be_ranked_are_a_sentence(shop: Shop) -> None:
    assert len(shop.recommend(["a.example:d3"], k=1000)) < 60
    for k in (1001, 10**9):
        with pytest.raises(InputError, match=f"k={k} is too many for one customer. Give at most 1000"):
            shop.recommend(["a.example:d3"], k=k)


def test_ten_thousand_purchases_of_one_customer(shop: Shop) -> None:
    every = [
        (f"a.example:{kind}{at}", customers.NOW - timedelta(days=at))
        for kind in "dsb"
        for at in range(1, 20, 2)
    ]
    matches = shop.recommend(every * 334, k=5)
    assert len(matches) == 5
    assert all(match.store == "b.example" for match in matches)


def test_other_customers_say_what_is_bought_together(shop: Shop) -> None:
    pytest.importorskip("implicit")
    others = customers.purchases()
    matches = shop.recommend(["b.example:d4"], k=25, purchases=others)
    # Most customers buy one kind, so dresses come first; of all else, what the same customers bought.
    together = next(match for match in matches if match.category != "Dresses")
    assert together.id == "b.example:s4"
    assert "bought together" in together.evidence
    assert together.because == "b.example:d4"
    assert any(match.evidence == ("looks",) for match in shop.recommend(["b.example:d4"], k=8))


def test_a_product_that_nobody_bought_is_found_by_its_photo(shop: Shop) -> None:
    random = np.random.default_rng(0)
    days = np.sort(random.integers(0, 300, 60 * 5))
    # All but two of the dresses are bought, one of them for the first time in the last fifth.
    known = [at for at in range(customers.EACH) if at not in (7, 8, 9)]
    bought = [int(random.choice(known if day < 270 else [*known, 9, 9, 9])) for day in days]
    purchases = pd.DataFrame(
        {
            "customer_id": [f"c{at}" for at in random.permutation(np.repeat(np.arange(60), 5))],
            "store": ["a.example" if at % 2 else "b.example" for at in bought],
            "product_id": [f"d{at}" for at in bought],
            "bought_at": [customers.NOW - timedelta(days=int(300 - day)) for day in days],
        }
    )
    matches = shop.recommend(["b.example:d2"], k=12, purchases=purchases)
    assert len({match.id for match in matches}) == 12
    new = [match for match in matches if match.product_id in ("d7", "d8")]
    assert new
    assert all("looks" in match.evidence for match in new)
