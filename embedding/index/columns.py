"""Views of a generation's columns as NumPy arrays, without copies.

Arrow's own conversions from and to NumPy import pandas, which would be most of the time that opening a shop
takes.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa


def integers(column: pa.ChunkedArray) -> np.ndarray:
    """The values of an integer column of one chunk that has no nulls."""
    array: np.ndarray = np.from_dlpack(column.chunk(0))
    return array


def codes(array: pa.DictionaryArray) -> tuple[np.ndarray, list[str | None]]:
    """A dictionary-encoded array, nulls encoded too: the code of each row, and the value of each code."""
    return np.from_dlpack(array.indices), array.dictionary.to_pylist()


def money(column: pa.ChunkedArray) -> tuple[np.ndarray, np.ndarray]:
    """A decimal128 column of one chunk: int64, in units of its last digit, and bool, which rows are not null.

    :raises ValueError: the decimals have more digits than an int64.
    """
    array = column.chunk(0)
    if array.type.precision > 18:
        raise ValueError(f"{array.type} does not fit an int64")
    low_words = np.frombuffer(array.buffers()[1], np.int64)[::2]
    return low_words[array.offset : array.offset + len(array)], _given(array)


def moments(column: pa.ChunkedArray) -> tuple[np.ndarray, np.ndarray]:
    """A timestamp column of one chunk: int64, in its unit since 1970, and bool, which rows are not null."""
    array = column.chunk(0)
    times = np.frombuffer(array.buffers()[1], np.int64)
    return times[array.offset : array.offset + len(array)], _given(array)


def row_numbers(rows: np.ndarray) -> pa.Array:
    """Row numbers as Arrow takes them, from int64 [n]."""
    return pa.Array.from_buffers(
        pa.int64(), len(rows), [None, pa.py_buffer(np.ascontiguousarray(rows, np.int64))]
    )


def _given(array: pa.Array) -> np.ndarray:
    """Which values are not null: bool [n]."""
    validity = array.buffers()[0]
    if validity is None:
        return np.ones(len(array), bool)
    bits = np.unpackbits(
        np.frombuffer(validity, np.uint8), bitorder="little", count=array.offset + len(array)
    )
    return bits[array.offset :].astype(bool)
