from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from embedding.index import items
from embedding.index.filters import Filters, price, row_mask
from storage.errors import InputError

ROWS: list[dict[str, Any]] = [
    {
        "store": "a.example",
        "category": "Women > Dresses",
        "colours": ["Navy blue", "White"],
        "brand": "Ärmel & Söhne",
        "price": Decimal("59.9000"),
        "currency": "EUR",
        "availability": "in_stock",
    },
    {
        "store": "a.example",
        "category": "Men > T-Shirts",
        "colours": ["Blueberry"],
        "brand": "ACME",
        "price": Decimal("60.0000"),
        "currency": "EUR",
        "availability": "out_of_stock",
    },
    {
        "store": "b.example",
        "category": "Men / Shirts",
        "colours": [],
        "brand": "Acme",
        "price": Decimal("10.0000"),
        "currency": "USD",
        "availability": "preorder",
    },
    {"store": "b.example", "category": None, "colours": None, "brand": None, "price": None, "currency": None},
]


@pytest.fixture
def rows(tmp_path: Path) -> pa.Table:
    return stored(tmp_path, ROWS)


def stored(folder: Path, rows: list[dict[str, Any]]) -> pa.Table:
    """Rows as a generation holds them."""
    items.write(pa.Table.from_pylist(rows, items.SCHEMA), folder / items.FILE)
    return items.read(folder / items.FILE)


def passing(rows: pa.Table, **wishes: Any) -> list[int]:
    mask = row_mask(rows, Filters(**wishes))
    assert mask is not None
    assert len(mask) == rows.num_rows
    return mask.nonzero()[0].tolist()


@pytest.mark.parametrize(
    ("wishes", "expected"),
    [
        ({"store": "a.example"}, [0, 1]),
        ({"category": "Women > Dresses"}, [0]),
        ({"category": "dresses"}, [0]),
        ({"category": "WOMEN"}, [0]),
        ({"category": "Men"}, [1, 2]),
        ({"category": "Shirts"}, [2]),
        ({"category": "men > shirts"}, [2]),
        ({"colour": "blue"}, [0]),
        ({"colour": "navy"}, [0]),
        ({"colour": "blue navy"}, [0]),
        ({"colour": "WHITE"}, [0]),
        ({"brand": "acme"}, [1, 2]),
        ({"brand": "ärmel  & söhne"}, [0]),
        ({"max_price": Decimal("59.90"), "currency": "EUR"}, [0]),
        ({"max_price": Decimal("59.8999999"), "currency": "EUR"}, []),
        ({"max_price": Decimal("59.9000001"), "currency": "EUR"}, [0]),
        ({"max_price": Decimal("1e30"), "currency": "eur"}, [0, 1]),
        ({"max_price": Decimal(0), "currency": "EUR"}, []),
        ({"currency": "usd"}, [2]),
        ({"in_stock": True}, [0]),
        ({"store": "b.example", "in_stock": True}, []),
        ({"store": "a.example", "max_price": Decimal(100), "currency": "EUR", "brand": "ACME"}, [1]),
    ],
)
def test_what_passes(rows: pa.Table, wishes: dict[str, Any], expected: list[int]) -> None:
    assert passing(rows, **wishes) == expected


def test_no_wish_is_no_mask(rows: pa.Table) -> None:
    assert row_mask(rows, Filters()) is None


def test_a_price_needs_a_currency_where_there_are_several(rows: pa.Table) -> None:
    with pytest.raises(InputError, match=r"prices here are in EUR and USD\. Say which"):
        row_mask(rows, Filters(max_price=Decimal(60)))


def test_a_price_needs_no_currency_where_there_is_one(tmp_path: Path) -> None:
    assert passing(stored(tmp_path, ROWS[:2]), max_price=Decimal("59.90")) == [0]


def test_a_price_where_no_store_gives_any(tmp_path: Path) -> None:
    assert passing(stored(tmp_path, ROWS[3:]), max_price=Decimal(60)) == []


@pytest.mark.parametrize(
    ("wishes", "sentence"),
    [
        (
            {"store": "c.example"},
            r"No product here has the store 'c\.example'\. Known are: a\.example and b\.exam",
        ),
        ({"currency": "GBP"}, "the currency 'GBP'. Known are: EUR and USD"),
        (
            {"category": "Hats"},
            "the category 'Hats'. Known are: Men / Shirts, Men > T-Shirts and Women > Dresses",
        ),
        ({"colour": "red"}, "the colour 'red'. Known are: Blueberry, Navy blue and White"),
        ({"colour": "?"}, "the colour '?'"),
        ({"brand": "x"}, "the brand 'x'"),
    ],
)
def test_a_value_no_product_has_is_a_mistake(rows: pa.Table, wishes: dict[str, str], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence.replace("?", r"\?")):
        row_mask(rows, Filters(**wishes))


def test_of_many_values_the_nearest_are_named(tmp_path: Path) -> None:
    many = [{"store": "a.example", "brand": f"Brand {at}", "colours": []} for at in range(40)]
    with pytest.raises(InputError, match=r"Did you mean Brand 3"):
        row_mask(stored(tmp_path, many), Filters(brand="Brand3"))
    with pytest.raises(InputError, match=r"Known are: Brand 0, .* and 28 more"):
        row_mask(stored(tmp_path, many), Filters(brand="zzzzzz"))


def test_what_no_store_says_cannot_be_asked_for(tmp_path: Path) -> None:
    for wish in ("category", "colour", "brand"):
        with pytest.raises(InputError, match=f"No product here says its {wish}"):
            row_mask(stored(tmp_path, ROWS[3:]), Filters(**{wish: "x"}))


@pytest.mark.parametrize(
    ("value", "expected"), [(60, "60"), (59.9, "59.9"), ("59.90", "59.90"), (Decimal("1"), "1"), (0, "0")]
)
def test_a_price_limit_is_exact(value: Any, expected: str) -> None:
    assert str(price(value)) == expected


@pytest.mark.parametrize("value", [-1, float("nan"), float("inf"), "cheap", "", True])
def test_what_is_no_price(value: Any) -> None:
    with pytest.raises(InputError, match="is no price"):
        price(value)
