"""Merges in any order and any parts leave what a dictionary by key holds."""

from __future__ import annotations

import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from storage import tables
from storage.root import Root
from tests.properties import examined

NOW = datetime(2026, 11, 21, tzinfo=UTC)
nights = st.lists(
    st.lists(
        st.tuples(st.sampled_from("ab"), st.sampled_from("123"), st.sampled_from(["Cap", "Hat", "\0", "ä"])),
        max_size=4,
    ),
    min_size=1,
    max_size=4,
)
few = settings(examined, max_examples=12)  # each example writes Delta tables


def product(store: str, number: str, title: str, night: int) -> dict[str, Any]:
    return {
        "store": f"{store}.example",
        "product_id": number,
        "title": title,
        "content_hash": title,
        "first_seen": NOW + timedelta(days=night),
    }


@few
@given(nights)
def test_upserts_leave_the_last_of_each_key_and_when_it_was_first_seen(
    read: list[list[tuple[str, str, str]]],
) -> None:
    expected: dict[tuple[str, str], tuple[str, datetime]] = {}
    with tempfile.TemporaryDirectory() as folder:
        root = Root.open(Path(folder) / "data", create=True)
        for night, found in enumerate(read):
            tables.merge(root, "products", [product(*row, night) for row in found])
            for store, number, title in found:
                first = expected.get((store, number), ("", NOW + timedelta(days=night)))[1]
                expected[store, number] = (title, first)
        stored = tables.read(root, "products").to_pylist()
    held = {(row["store"][0], row["product_id"]): (row["title"], row["first_seen"]) for row in stored}
    assert len(stored) == len(held)
    assert held == expected


@few
@given(nights)
def test_a_merge_of_what_is_there_changes_nothing(read: list[list[tuple[str, str, str]]]) -> None:
    rows = [product(*row, 0) for found in read for row in found]
    with tempfile.TemporaryDirectory() as folder:
        root = Root.open(Path(folder) / "data", create=True)
        tables.merge(root, "products", rows)
        before, version = tables.read(root, "products"), tables.version(root, "products")
        last = {(row["store"], row["product_id"]): row for row in rows}
        assert tables.merge(root, "products", [*last.values()]) == tables.Merged(0, 0)
        assert tables.version(root, "products") == version
        assert tables.read(root, "products").equals(before)
