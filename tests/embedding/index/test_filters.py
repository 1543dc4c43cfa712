from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from embedding.index import items
from embedding.index.filter_arguments import exchange, moment, parse_filters, price
from embedding.index.filter_types import FilterArguments
from embedding.index.filters import Filters, left_out, row_mask
from storage.errors import InputError

ROWS: list[dict[str, Any]] = [
    {
        "store": "a.example",
        "category": "Women > Dresses",
        "colours": ["Navy blue", "White"],
        "brand": "Ärmel & Söhne",
        "sizes": ["M", "L", "XL"],
        "price": Decimal("59.9000"),
        "currency": "EUR",
        "availability": "in_stock",
        "first_seen": datetime(2026, 11, 19, 12, tzinfo=UTC),
    },
    {
        "store": "a.example",
        "category": "Men > T-Shirts",
        "colours": ["Blueberry"],
        "brand": "ACME",
        "sizes": ["EU 42", None],
        "price": Decimal("60.0000"),
        "currency": "EUR",
        "availability": "out_of_stock",
        "first_seen": datetime(2026, 11, 20, tzinfo=UTC),
    },
    {
        "store": "b.example",
        "category": "Men / Shirts",
        "colours": [],
        "brand": "Acme",
        "sizes": ["m", "One  size"],
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
    numbered = [row | {"product": number} for number, row in enumerate(rows)]
    items.write(pa.Table.from_pylist(numbered, items.SCHEMA), folder / items.FILE)
    return items.read(folder / items.FILE)


def passing(rows: pa.Table, **wishes: Any) -> list[int]:
    mask = row_mask(rows, parse_filters(**wishes))
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
        ({"size": "M"}, [0, 2]),
        ({"size": "l"}, [0]),
        ({"size": " eu 42"}, [1]),
        ({"size": ["xl", "one size"]}, [0, 2]),
        ({"brand": "acme"}, [1, 2]),
        ({"brand": "ärmel  & söhne"}, [0]),
        ({"max_price": Decimal("59.90"), "currency": "EUR"}, [0]),
        ({"max_price": Decimal("59.8999999"), "currency": "EUR"}, []),
        ({"max_price": Decimal("59.9000001"), "currency": "EUR"}, [0]),
        ({"max_price": Decimal("99999999999999"), "currency": "eur"}, [0, 1]),
        ({"max_price": Decimal(0), "currency": "EUR"}, []),
        ({"min_price": Decimal("59.90001"), "currency": "EUR"}, [1]),
        ({"min_price": 10, "max_price": 59.9, "currency": "EUR"}, [0]),
        ({"min_price": 0, "currency": "USD"}, [2]),
        ({"max_price": 9.2, "currency": "EUR", "rates": {"USD": "0.92"}}, [2]),
        ({"max_price": 9.19, "currency": "EUR", "rates": {"USD": "0.92"}}, []),
        ({"min_price": 9.2, "rates": {"USD": 0.92, "eur": 1, "GBP": 1.2}}, [0, 1, 2]),
        ({"min_price": 9.21, "rates": {"USD": 0.92, "EUR": 1}}, [0, 1]),
        ({"max_price": 80, "currency": "CHF", "rates": {"EUR": 1, "USD": "1.1", "CHF": 1}}, [0, 1, 2]),
        ({"max_price": 80, "currency": "CHF", "rates": {"USD": "1.1"}}, [2]),
        ({"currency": "EUR", "rates": {"USD": "0.92"}}, [0, 1, 2]),
        ({"store": ["a.example", "b.example"], "brand": ("acme", "Ärmel & Söhne")}, [0, 1, 2]),
        ({"category": ["Dresses", "Shirts"]}, [0, 2]),
        ({"colour": ["white", "blueberry"]}, [0, 1]),
        ({"new_since": "2026-11-20"}, [1]),
        ({"new_since": date(2026, 11, 19)}, [0, 1]),
        ({"new_since": "2026-11-19T12:00"}, [0, 1]),
        ({"new_since": "2026-11-19T13:00:00+01:00"}, [0, 1]),
        ({"new_since": datetime(2026, 11, 19, 12, 0, 1)}, [1]),
        ({"new_since": timedelta(hours=1)}, []),
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


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"max_price": 100, "currency": "EUR"}, "left out (1 in USD): only prices in EUR are compared"),
        ({"min_price": 1, "currency": "EUR"}, "left out (1 in USD)"),
        ({"max_price": 100, "currency": "USD"}, "left out (2 in EUR)"),
        ({"max_price": 100, "currency": "EUR", "brand": "ACME"}, "left out (1 in USD)"),
        ({"max_price": 100, "currency": "EUR", "brand": "Ärmel & Söhne"}, None),
        ({"max_price": 100, "currency": "CHF", "rates": {"USD": "1.1"}}, "left out (2 in EUR)"),
        ({"currency": "CHF", "rates": {"USD": "1.1"}}, "left out (2 in EUR)"),
        ({"max_price": 100, "currency": "EUR", "rates": {"USD": "0.9"}}, None),
        ({"currency": "EUR"}, None),
        ({"in_stock": True}, None),
    ],
)
def test_what_no_limit_can_be_compared_with_is_counted(
    rows: pa.Table, given: dict[str, Any], says: str | None
) -> None:
    sentence = left_out(rows, parse_filters(**given))
    assert (says in sentence) if says else not sentence


def test_a_price_needs_a_currency_where_there_are_several(rows: pa.Table) -> None:
    with pytest.raises(InputError, match=r"prices here are in EUR and USD\. Say which"):
        row_mask(rows, parse_filters(min_price=60))


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
        ({"currency": "GBP", "rates": {"CHF": 1.1}}, "the currency 'GBP'. Known are: EUR and USD"),
        ({"store": ["a.example", "c.example"]}, "the store 'c.example'"),
        (
            {"category": "Hats"},
            "the category 'Hats'. Known are: Men / Shirts, Men > T-Shirts and Women > Dresses",
        ),
        ({"colour": "red"}, "the colour 'red'. Known are: Blueberry, Navy blue and White"),
        ({"colour": "?"}, "the colour '?'"),
        ({"brand": "x"}, "the brand 'x'"),
        ({"size": "42"}, "the size '42'"),
    ],
)
def test_a_value_no_product_has_is_a_mistake(rows: pa.Table, wishes: dict[str, str], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence.replace("?", r"\?")):
        row_mask(rows, parse_filters(**wishes))


def test_of_many_values_the_nearest_are_named(tmp_path: Path) -> None:
    many = [{"store": "a.example", "brand": f"Brand {at}", "colours": []} for at in range(40)]
    with pytest.raises(InputError, match=r"Did you mean Brand 3"):
        row_mask(stored(tmp_path, many), Filters(brand=("Brand3",)))
    with pytest.raises(InputError, match=r"Known are: Brand 0, .* and 28 more"):
        row_mask(stored(tmp_path, many), Filters(brand=("Brand 1", "zzzzzz")))


def test_what_no_store_says_cannot_be_asked_for(tmp_path: Path) -> None:
    for wish in ("category", "colour", "brand"):
        with pytest.raises(InputError, match=f"No product here says its {wish}"):
            row_mask(stored(tmp_path, ROWS[3:]), parse_filters(**{wish: "x"}))


@pytest.mark.parametrize(
    ("value", "expected"), [(60, "60"), (59.9, "59.9"), ("59.90", "59.90"), (Decimal("1"), "1"), (0, "0")]
)
def test_a_price_limit_is_exact(value: Any, expected: str) -> None:
    assert str(price(value)) == expected


@pytest.mark.parametrize(
    "value",
    [
        *(-1, "-0.01", float("nan"), float("inf"), "-inf", "cheap", "", True, None.__class__, [5], b"5"),
        *("1e999999", "1e-999999", "9" * 5000, 10**14, Decimal("1e400"), "0x10", "٥ euros"),
    ],
)
def test_what_is_no_price(value: Any) -> None:
    with pytest.raises(InputError, match=r"^min_price=.* is no price\. Give a number such as 59\.90\.$"):
        price(value, "min_price")


NOW = datetime(2026, 11, 21, 15, 30, 20, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("7d", datetime(2026, 11, 14, 15, 30, tzinfo=UTC)),
        (" 36 h ", datetime(2026, 11, 20, 3, 30, tzinfo=UTC)),
        ("2w", datetime(2026, 11, 7, 15, 30, tzinfo=UTC)),
        (timedelta(), datetime(2026, 11, 21, 15, 30, tzinfo=UTC)),
        (date(2026, 11, 21), datetime(2026, 11, 21, tzinfo=UTC)),
        ("20261101", datetime(2026, 11, 1, tzinfo=UTC)),
        ("2026-11-01T06:00Z", datetime(2026, 11, 1, 6, tzinfo=UTC)),
        (NOW, NOW),
        (None, None),
    ],
)
def test_a_moment_in_every_form(value: Any, expected: datetime | None) -> None:
    assert moment(value, NOW) == expected


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        *(
            (value, "is no time")
            for value in ("yesterday", "", "7", "7y", "2026-13-01", 7, True, [], "9" * 500)
        ),
        *((value, "is no time") for value in ("999999w", timedelta.max, timedelta.min, "-7d")),
        ("0001-01-01T00:00+05:00", "is no time"),
        (date(2026, 11, 22), "lies in the future"),
        ("9999-12-31", "lies in the future"),
        (timedelta(days=-1), "lies in the future"),
    ],
)
def test_what_is_no_moment(value: Any, sentence: str) -> None:
    with pytest.raises(InputError, match=rf"^new_since=.* {sentence}[^\n]*\.$"):
        moment(value, NOW)


@pytest.mark.parametrize(
    ("rates", "currency", "sentence"),
    [
        ({"USD": 0.92}, None, "do not say what they are in"),
        ({"USD": 1, "EUR": 1}, None, "do not say what they are in"),
        ({"USD": 0.92, "EUR": 1.1}, "EUR", "that of EUR is 1, not 1.1"),
        ({"USD": 0}, "EUR", "The rate of 'USD' is 0"),
        ({"USD": -1}, "EUR", "The rate of 'USD' is -1"),
        ({"USD": "1e-999999"}, "EUR", "The rate of 'USD'"),
        ({"USD": None}, "EUR", "The rate of 'USD' is None"),
        ({"dollar": 1.1}, "EUR", "'dollar' is no currency"),
        ({"USD": 1.1}, "€", "'€' is no currency"),
        ({7: 1.1}, "EUR", "7 is no currency"),
        ("USD=1", "EUR", "are no exchange rates"),
        (None, 5, "5 is no currency"),
    ],
)
def test_rates_that_make_no_sense(rates: Any, currency: Any, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        exchange(rates, currency)


@pytest.mark.parametrize(
    ("wishes", "sentence"),
    [
        ({"min_price": 60, "max_price": 50}, r"min_price=60 is above max_price=50"),
        ({"store": []}, "filter store is empty"),
        ({"brand": ["Acme", " "]}, "filter brand is empty"),
        ({"colour": 5}, "filter colour is 5"),
        ({"category": {"Dresses"}}, "filter category is"),
        ({"store": ["a.example", None]}, "filter store is"),
    ],
)
def test_wishes_that_make_no_sense(wishes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        parse_filters(**wishes)


def test_a_price_without_any_currency_is_compared_as_it_is(tmp_path: Path) -> None:
    unstated = [row | {"currency": None} for row in ROWS]
    assert passing(stored(tmp_path, unstated), max_price=20) == [2]


def test_none_is_no_filter() -> None:
    nothing: dict[str, Any] = dict.fromkeys(FilterArguments.__annotations__)
    assert parse_filters(**nothing) == parse_filters()


def test_equal_wishes_are_equal_filters() -> None:
    """So that the mask of a repeated search is found again."""
    wishes = {
        "store": ["a.example"],
        "rates": {"USD": 0.92, "EUR": 1},
        "max_price": 5,
        "new_since": "2026-11-01",
    }
    assert parse_filters(**wishes) == parse_filters(**wishes)
    assert hash(parse_filters(**wishes)) == hash(parse_filters(**wishes))


def test_a_generation_without_sizes_says_so(rows: pa.Table) -> None:
    with pytest.raises(InputError, match="No product here says its size"):
        row_mask(rows.drop_columns(["sizes"]), Filters(size=("M",)))
