"""docs/tables.md lists the columns that the tables have."""

from __future__ import annotations

import re

import pytest

from storage.schemas import TABLES
from tests.docs.pages import REPO

PAGE = (REPO / "docs/tables.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("table", TABLES)
def test_every_column_is_described(table: str) -> None:
    section = re.search(rf"^### `{table}`\n(.*?)(?=^##|\Z)", PAGE, re.MULTILINE | re.DOTALL)
    assert section, f"docs/tables.md has no section on {table}"
    columns = re.findall(r"^\| (`[^|]+) \|", section[1], re.MULTILINE)
    assert [name for cell in columns for name in re.findall(r"`(\w+)`", cell)] == TABLES[table].columns.names
    head = section[1].split("|")[0]
    for name in (*TABLES[table].key, *TABLES[table].partition_by):
        assert f"`{name}`" in head
