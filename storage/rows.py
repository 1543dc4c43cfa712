"""Prepares rows for writing: in the table's schema, one row for each key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import pyarrow as pa

from storage.schemas import TABLES

Rows: TypeAlias = pa.Table | Sequence[Mapping[str, Any]]


def fit_to_schema(table: str, rows: Rows) -> pa.Table:
    """Rows in the table's schema; a column that a mapping lacks is null.

    :raises ValueError: a row has a column that the table lacks (Arrow itself would drop it), or a value does
        not fit its column.
    :raises KeyError: an Arrow table lacks a column.
    """
    schema = TABLES[table].columns
    names = rows.schema.names if isinstance(rows, pa.Table) else {name for row in rows for name in row}
    if unknown := sorted(set(names) - set(schema.names)):
        raise ValueError(f"The table '{table}' has no column '{unknown[0]}'.")
    if isinstance(rows, pa.Table):
        return rows.select(schema.names).cast(schema)
    return pa.table([_column(table, rows, field) for field in schema], schema=schema)


def last_by_key(table: str, rows: pa.Table) -> pa.Table:
    """The last row of each key, in their order.

    :raises ValueError: the table has no key, or a row lacks a part of it.
    """
    key = list(TABLES[table].key)
    if not key:
        raise ValueError(f"The table '{table}' has no key to merge on: append to it.")
    for column in key:
        if rows[column].null_count:
            raise ValueError(f"A row for '{table}' has no '{column}', which is part of its key.")
    last = _numbered(rows, key).group_by(key).aggregate([("row", "max")])["row_max"]
    return rows if len(last) == rows.num_rows else rows.take(last.sort())


def without_stored(rows: pa.Table, stored: pa.Table) -> pa.Table:
    """The rows whose key is not stored yet, sorted by key.

    :param stored: keys, in columns of the same names and types as in `rows`.
    """
    key = stored.column_names
    missing = _numbered(rows, key).join(stored, keys=key, join_type="left anti")
    return rows.take(missing.sort_by([(name, "ascending") for name in key])["row"])


def _column(table: str, rows: Sequence[Mapping[str, Any]], field: pa.Field) -> pa.Array:
    try:
        return pa.array([row.get(field.name) for row in rows], field.type)
    except (ValueError, TypeError, OverflowError) as error:
        raise ValueError(f"A row for '{table}' has a '{field.name}' that does not fit ({error}).") from error


def _numbered(rows: pa.Table, key: list[str]) -> pa.Table:
    return rows.select(key).append_column("row", pa.array(range(rows.num_rows), pa.int64()))
