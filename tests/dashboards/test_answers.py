"""Answers under their headings, and as CSV."""

from __future__ import annotations

import csv
import io
from decimal import Decimal

import pytest

from dashboards.answers import CSV_COLUMNS, alike, csv_of, sections
from embedding.bands import Band
from lookalike.facets import Order, sort
from tests.lookalike.test_facets import match

SAME, VERY, ALIKE = Band.NEARLY_THE_SAME, Band.VERY_ALIKE, Band.ALIKE
ANSWERS = [
    match("1", band=SAME),
    match("2", band=SAME, availability="out_of_stock"),
    match("3", band=VERY, availability="in_stock"),
    match("4", band=ALIKE),
    match("5"),
]


def test_only_what_has_a_band_is_similar_enough() -> None:
    assert [one.product_id for one in alike(ANSWERS, banded=True)] == ["1", "2", "3", "4"]
    assert alike(ANSWERS, banded=False) == ANSWERS


def test_bands_are_headings_and_out_of_stock_is_the_last() -> None:
    found = sections(sort(ANSWERS, Order.LIKENESS), Order.LIKENESS, banded=True)
    assert [(heading, [one.product_id for one in some]) for heading, some in found] == [
        ("Nearly the same", ["1"]),
        ("Very alike", ["3"]),
        ("Alike", ["4"]),
        ("Less alike", ["5"]),
        ("Out of stock", ["2"]),
    ]


@pytest.mark.parametrize(("order", "banded"), [(Order.CHEAPEST, True), (Order.LIKENESS, False)])
def test_answers_by_price_and_without_bands_have_no_headings(order: Order, banded: bool) -> None:
    assert sections(ANSWERS, order, banded) == [("", ANSWERS)]
    assert sections([], order, banded) == []


@pytest.mark.parametrize(
    "title", ["=1+1", "+cmd|' /C calc'!A0", "-2", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1+1", "＠SUM(A1)"]
)
def test_a_spreadsheet_computes_nothing_that_a_store_wrote(title: str) -> None:
    [_, row] = rows(csv_of([match(title=title, price=Decimal("49.9"))]))
    assert dict(zip(CSV_COLUMNS, row, strict=True)) | {"title": ""} == {
        **dict.fromkeys(CSV_COLUMNS, ""),
        "store": "a.example",
        "price": "49.90",
        "currency": "EUR",
    }
    assert row[CSV_COLUMNS.index("title")] == f"'{title}"


def test_csv_keeps_commas_quotes_and_every_script() -> None:
    [head, row] = rows(csv_of([match(title='A "red", wide\nدress 裙子')]))
    assert tuple(head) == CSV_COLUMNS
    assert row[CSV_COLUMNS.index("title")] == 'A "red", wide\nدress 裙子'


def rows(data: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")))
