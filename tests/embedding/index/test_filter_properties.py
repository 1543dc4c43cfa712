"""Filters of any combination pass exactly the rows that a comparison row by row passes."""

from __future__ import annotations

import tempfile
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from embedding.index import items
from embedding.index.filters import Filters, row_mask
from storage.errors import InputError
from tests.properties import examined

NOW = datetime(2026, 11, 20, tzinfo=UTC)
STORES, BRANDS, CURRENCIES = ("a.example", "b.example"), ("Acme", "Ärmel"), ("EUR", "USD", "JPY")
CATEGORIES = ("Women > Dresses", "Men > Shirts", "Shirts")
COLOURS = ("Red", "Navy blue", "Blue")
prices = st.decimals(Decimal(1), Decimal(50), places=2)
rows = st.fixed_dictionaries(
    {
        "store": st.sampled_from(STORES),
        "brand": st.none() | st.sampled_from(BRANDS),
        "category": st.none() | st.sampled_from(CATEGORIES),
        "colours": st.none() | st.lists(st.sampled_from(COLOURS), max_size=2, unique=True),
        "price": st.none() | prices,
        "currency": st.none() | st.sampled_from(CURRENCIES),
        "availability": st.none() | st.sampled_from(["in_stock", "out_of_stock"]),
        "first_seen": st.none() | st.integers(-5, 5).map(lambda days: NOW + timedelta(days=days)),
    }
)


def chosen(values: tuple[str, ...]) -> st.SearchStrategy[tuple[str, ...]]:
    return st.just(()) | st.lists(st.sampled_from(values), min_size=1, max_size=2, unique=True).map(tuple)


filters = st.builds(
    Filters,
    store=chosen(STORES),
    brand=chosen(BRANDS),
    category=chosen(("dresses", "Shirts", "men > shirts")),
    colour=chosen(("blue", "RED", "navy blue")),
    min_price=st.none() | prices,
    max_price=st.none() | prices,
    currency=st.sampled_from(CURRENCIES),
    in_stock=st.booleans(),
    new_since=st.none() | st.just(NOW),
)


def passes(row: dict[str, Any], wanted: Filters) -> bool:
    """The same conditions, in plain Python."""
    words = [colour.casefold().split() for colour in row["colours"] or ()]
    steps = [step.casefold() for step in (row["category"] or "").split(" > ")]
    categories = [name.casefold().split(" > ") for name in wanted.category]
    inside = any(
        steps[start : start + len(name)] == name for name in categories for start in range(len(steps))
    )
    in_currency = wanted.currency is None or row["currency"] == wanted.currency
    compared = row["price"] is not None and in_currency
    return all(
        (
            not wanted.store or row["store"] in wanted.store,
            not wanted.brand or row["brand"] in wanted.brand,
            not wanted.category or (row["category"] is not None and inside),
            not wanted.colour
            or any({*name.casefold().split()} <= {*colour} for name in wanted.colour for colour in words),
            in_currency,
            wanted.min_price is None or (compared and row["price"] >= wanted.min_price),
            wanted.max_price is None or (compared and row["price"] <= wanted.max_price),
            not wanted.in_stock or row["availability"] == "in_stock",
            wanted.new_since is None
            or (row["first_seen"] is not None and row["first_seen"] >= wanted.new_since),
        )
    )


def each_value(wanted: Filters) -> list[Filters]:
    """Filters that ask for one of the values each."""
    named = ("store", "brand", "category", "colour")
    alone = [Filters(**{name: (value,)}) for name in named for value in getattr(wanted, name)]
    return [*alone, Filters(currency=wanted.currency)]


@examined
@given(st.lists(rows, min_size=1, max_size=12), filters)
def test_filters_pass_what_a_comparison_passes(stored: list[dict[str, Any]], wanted: Filters) -> None:
    numbered = [row | {"product": number} for number, row in enumerate(stored)]
    with tempfile.TemporaryDirectory() as folder:
        items.write(pa.Table.from_pylist(numbered, items.SCHEMA), Path(folder) / items.FILE)
        table = items.read(Path(folder) / items.FILE)
        try:
            mask = row_mask(table, wanted)
        except InputError:  # a value that no row has
            assert any(not any(passes(row, one) for row in stored) for one in each_value(wanted))
            return
    assert mask is not None
    assert mask.tolist() == [passes(row, wanted) for row in stored]
