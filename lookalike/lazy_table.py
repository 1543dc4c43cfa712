"""A table that is read when it is asked for, as Arrow or pandas."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from storage.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

Reader = Callable[[Sequence[str], pc.Expression | None], pa.Table]
"""Reads columns of the rows that a condition selects; None selects all."""


class LazyTable:
    """A table whose schema is known and whose rows are read with each call.

    It is an Arrow stream (`__arrow_c_stream__`): Polars, DuckDB and `pyarrow.table` take it as it is.

    :ivar schema: columns and their types.
    :ivar warning: what was left out that a caller may miss; else None.
    """

    def __init__(
        self, schema: pa.Schema, read: Reader, where: pc.Expression | None = None, warning: str | None = None
    ) -> None:
        self.schema = schema
        self.warning = warning
        self._read, self._where = read, where

    def filter(self, where: pc.Expression) -> LazyTable:
        """Only the rows that fulfil a condition, such as `pyarrow.compute.field("store") == "a.example"`.

        :raises InputError: it is no condition on these columns.
        """
        if not isinstance(where, pc.Expression):
            raise InputError(
                f"A condition cannot be a {type(where).__name__}. Give an expression such as "
                "pyarrow.compute.field('store') == 'a.example'."
            )
        try:
            self.schema.empty_table().filter(where)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError, TypeError) as error:
            reason = str(error).splitlines()[0]
            raise InputError(
                f"The condition does not fit the columns {', '.join(self.schema.names)} ({reason})."
            ) from None
        return LazyTable(
            self.schema, self._read, where if self._where is None else self._where & where, self.warning
        )

    def to_arrow(self, columns: Sequence[str] | None = None) -> pa.Table:
        """The rows; prices are exact decimals.

        :param columns: names of columns; all by default.
        :raises InputError: there is no such column.
        """
        names = self.schema.names if columns is None else _names(columns)
        unknown = [name for name in names if name not in self.schema.names]
        if unknown:
            raise InputError(
                f"There is no column '{unknown[0]}'. The columns are {', '.join(self.schema.names)}."
            )
        return self._read(names, self._where)

    def to_pandas(self, columns: Sequence[str] | None = None) -> pd.DataFrame:
        """The rows; prices are float64, times are UTC."""
        table = self.to_arrow(columns)
        for place, field in enumerate(table.schema):
            if pa.types.is_decimal(field.type):
                table = table.set_column(place, field.name, table[field.name].cast(pa.float64()))
        return table.to_pandas()

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        return self.to_arrow().__arrow_c_stream__(requested_schema)

    def __len__(self) -> int:
        return self.to_arrow(self.schema.names[:1]).num_rows

    def __repr__(self) -> str:
        columns = ", ".join(f"{field.name}: {field.type}" for field in self.schema)
        return f"<LazyTable of {columns}; read it with to_pandas() or to_arrow()>"


def _names(columns: Any) -> list[str]:
    named = isinstance(columns, Sequence) and not isinstance(columns, str)
    if not named or not all(isinstance(name, str) for name in columns):
        raise InputError(f"The columns are {columns!r}. Give a list of names.")
    return list(columns)
