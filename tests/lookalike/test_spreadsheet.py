"""A CSV file that a spreadsheet opens computes nothing that a store wrote."""

from __future__ import annotations

import csv
from pathlib import Path

import pyarrow as pa
import pytest

from lookalike.commands.products import _write
from lookalike.lazy_table import LazyTable
from lookalike.spreadsheet import harmless

FORMULAS = [
    "=1+1",
    "+1",
    "-cmd|' /C calc'!A0",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "\n=1",
    "＝1",
    "＋1",
    "－1",
    "＠A",
]


@pytest.mark.parametrize("text", FORMULAS)
def test_a_formula_is_a_text(text: str) -> None:
    assert harmless(text) == f"'{text}"


@pytest.mark.parametrize("text", ["", "Dress", "1-2", "'=1", "a=b", "€5", "裙子"])
def test_other_texts_stay(text: str) -> None:
    assert harmless(text) == text


def test_a_table_as_csv_holds_no_formula_in_any_column(tmp_path: Path) -> None:
    table = pa.table(
        {
            "product_id": pa.array([*FORMULAS, None]),
            "title": pa.array([None, *FORMULAS]),
            "colours": pa.array([[text, "red"] for text in FORMULAS] + [None], pa.list_(pa.string())),
            "sku": pa.array([f"A{text}" for text in [*FORMULAS, ""]]),
            "price": pa.array([-1.5] * (len(FORMULAS) + 1)),
        }
    )
    _write(LazyTable(table.schema, lambda names, where: table.select(names)), tmp_path / "products.csv")
    with (tmp_path / "products.csv").open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["product_id"] for row in rows] == [*(f"'{text}" for text in FORMULAS), ""]
    assert [row["title"] for row in rows] == ["", *(f"'{text}" for text in FORMULAS)]
    assert [row["colours"] for row in rows] == [*(f"'{text}, red" for text in FORMULAS), ""]
    assert [row["sku"] for row in rows] == [f"A{text}" for text in [*FORMULAS, ""]]
    assert {row["price"] for row in rows} == {"-1.5"}
