"""The text tables that data sets come with: CSV, and DeepFashion's columns of spaces."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from embedding.training.readers.photo import Skipped

Row = tuple[int, list[str]]
"""Line number, from 1, and cells."""


def csv_rows(file: Path) -> Iterator[Row]:
    """The rows of a CSV file, its header included."""
    with file.open(encoding="utf-8-sig", errors="replace", newline="") as lines:
        rows = csv.reader(lines)
        for row in rows:
            yield rows.line_num, row


def deepfashion_rows(file: Path, last_columns: int) -> Iterator[Row | Skipped]:
    """The rows of one of DeepFashion's lists: a line with their number, a line of names, then the rows.

    Names may hold single spaces, so the last columns are split off.

    :param last_columns: cells after the name.
    :return: the name and its cells; a line with fewer is skipped, and a wrong number of rows is, too.
    """
    found = 0
    with file.open(encoding="utf-8-sig", errors="replace") as lines:
        promised = next(lines, "").strip()
        next(lines, None)
        for number, line in enumerate(lines, 3):
            if not line.strip():
                continue
            found += 1
            name, *cells = line.strip().rsplit(maxsplit=last_columns)
            if len(cells) == last_columns:
                yield number, [name.strip(), *cells]
            else:
                yield Skipped(f"{file.name} line {number}", f"has {1 + len(cells)} columns")
    if promised.isdigit() and int(promised) != found:
        yield Skipped(file.name, f"promises {promised} rows and holds {found}")


def text(cell: str) -> str | None:
    """A cell's value, None where it has none."""
    value = cell.strip()
    return value if value and value.lower() not in ("na", "nan", "null") else None
