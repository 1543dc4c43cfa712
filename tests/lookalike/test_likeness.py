"""What an answer shares with the photo or product that was searched for."""

from __future__ import annotations

import pytest

from lookalike.description import Description, Guess
from lookalike.likeness import Looks, shared
from tests.lookalike.test_facets import match


def described(clothing: float | None = 0.9, **seen: tuple[str, float]) -> Description:
    attributes = {name: (Guess(value, probability),) for name, (value, probability) in seen.items()}
    return Description("a photo", "fashion", clothing, attributes, bytes)


@pytest.mark.parametrize(
    ("facts", "found"),
    [
        ({"category": "Men > Shirts", "colours": ("Navy blue",)}, ["shirts", "blue"]),
        ({"category": "Shirt", "title": "Blue thing"}, ["shirts", "blue"]),
        ({"category": "Blouses", "colours": ("Red",)}, ["shirts"]),  # the same kind of garment
        ({"category": "Shoes", "colours": ("Red",), "title": "Blue suede"}, []),
        ({"category": None, "title": None}, []),
    ],
)
def test_a_photo_shares_what_it_was_seen_as(facts: dict, found: list[str]) -> None:
    wanted = Looks.of_photo([described(article_type=("Shirts", 0.9), colour=("Blue", 0.6))])
    assert shared(wanted, match(**facts)) == found


@pytest.mark.parametrize(
    "descriptions",
    [
        [],
        [described(article_type=("Shirts", 0.5))],
        [described(clothing=0.01, article_type=("Shirts", 0.9))],
        [described(article_type=("Shirts", 0.9))] * 2,
    ],
)
def test_nothing_is_shared_where_nothing_is_sure(descriptions: list[Description]) -> None:
    assert Looks.of_photo(descriptions) == Looks()
    assert shared(Looks(), match(category="Shirts", colours=("Blue",), brand="Ostra")) == []


def test_a_product_shares_its_brand_too() -> None:
    wanted = Looks.of_product(match(category="Women > Dresses", colours=("Red", "White"), brand="Ostra"))
    other = match(category="Dresses", colours=("Dark red",), brand="OSTRA")
    assert shared(wanted, other) == ["dresses", "red", "by Ostra"]
