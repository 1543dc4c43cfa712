"""Rows that are read by their ids."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from storage import row_groups, tables
from storage.root import Root

FILES, ROWS = 12, 5


@pytest.fixture
def ids(root: Root) -> list[str]:
    """Ids of a table of many small files, as nights append them."""
    names = [[f"{file:02}-{row}" for row in range(ROWS)] for file in range(FILES)]
    for portion in names:
        rows = [{"image_id": one, "model": "m", "vector": [float(one[-1])]} for one in portion]
        tables.append(root, "embeddings", rows)
    return [one for portion in names for one in portion]


def scan(root: Root, wanted: list[str]) -> list[dict[str, Any]]:
    found = row_groups.scan(
        root,
        "embeddings",
        pa.array(wanted, pa.string()),
        key="image_id",
        columns=("image_id", "vector"),
        batch_size=3,
    )
    return [row for batch in found for row in batch.to_pylist()]


@pytest.mark.parametrize("step", [1, 2, 7, 59])
def test_the_rows_with_the_ids_are_read_each_once(step: int, root: Root, ids: list[str]) -> None:
    wanted = ids[::step]
    found = scan(root, [*reversed(wanted), "unknown"])
    assert sorted(row["image_id"] for row in found) == wanted
    assert all(row["vector"] == [float(row["image_id"][-1])] for row in found)


def test_many_ids_are_hashed_seldom_though_there_are_many_files(
    root: Root, ids: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    hashed: list[int] = []
    real = row_groups.pc.is_in

    def counted(values: Any, value_set: Any) -> Any:
        hashed.append(len(value_set))
        return real(values, value_set=value_set)

    monkeypatch.setattr(row_groups.pc, "is_in", counted)
    assert len(scan(root, ids)) == len(ids)
    assert sum(hashed) <= 2 * len(ids)


def test_no_file_is_opened_for_no_id(root: Root, ids: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[object] = []
    monkeypatch.setattr(row_groups, "_read", lambda *given: opened.append(given))
    assert ids
    assert scan(root, []) == opened == []
