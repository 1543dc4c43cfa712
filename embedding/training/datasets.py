"""Labelled photos for training and evaluation, read from Parquet."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from storage.errors import InputError

ABSENT = -1
"""Code of a label that a row does not have."""


@dataclass(frozen=True)
class LabelledPhotos:
    """Photos with labels, row by row.

    :param ids: one identifier a photo.
    :param images: encoded image bytes a photo.
    :param codes: label name to int32 [n], an index into `classes` or `ABSENT`.
    :param classes: label name to its values, in code order.
    """

    ids: list[str]
    images: pa.ChunkedArray
    codes: dict[str, np.ndarray]
    classes: dict[str, list[str]]

    def __len__(self) -> int:
        return len(self.ids)

    def image(self, row: int) -> bytes:
        """The encoded bytes of one photo."""
        return self.images[row].as_py()


def is_validation(photo_id: str) -> bool:
    """Whether a photo belongs to the validation twelfth, which no training sees.

    The rule hashes the id, so the split stays the same whatever else a file holds.
    """
    return int(hashlib.sha1(b"v" + photo_id.encode(), usedforsecurity=False).hexdigest(), 16) % 12 == 0


def read_labelled(
    files: Sequence[Path], labels: Sequence[str], keep: Callable[[str], bool] = lambda _: True
) -> LabelledPhotos:
    """Reads the rows of several files under one set of labels.

    A label `a+b` joins two columns. A file that lacks a label's column contributes rows without that label.

    :param files: Parquet files with columns `id`, `image` and labels.
    :param labels: names of label columns.
    :param keep: which ids to read.
    :raises InputError: a file is missing or unreadable, lacks `id` or `image`, or no file has a label.
    """
    parts = [_read_one(file, labels, keep) for file in files]
    table = pa.concat_tables(parts)
    codes, classes = {}, {}
    for label in labels:
        dictionary = table[label].combine_chunks().dictionary_encode()
        if not len(dictionary.dictionary):
            names = ", ".join(str(file) for file in files)
            raise InputError(f"No column '{label}' with values in {names}. Name columns that are there.")
        codes[label] = dictionary.indices.fill_null(ABSENT).to_numpy(zero_copy_only=False).astype(np.int32)
        classes[label] = dictionary.dictionary.to_pylist()
    return LabelledPhotos(table["id"].to_pylist(), table["image"], codes, classes)


def _read_one(file: Path, labels: Sequence[str], keep: Callable[[str], bool]) -> pa.Table:
    if not file.is_file():
        raise InputError(f"{file} does not exist. Give a Parquet file with columns id, image and labels.")
    try:
        parquet = pq.ParquetFile(file)
        present = set(parquet.schema_arrow.names)
        columns = {column for label in labels for column in label.split("+")} & present
        if missing := {"id", "image"} - present:
            raise InputError(f"{file} has no column {' and '.join(sorted(missing))}. Add it.")
        table = parquet.read(columns=["id", "image", *sorted(columns)])
    except pa.ArrowInvalid as error:
        raise InputError(f"{file} is not a Parquet file ({error}). Give one.") from error
    ids = table["id"].cast(pa.string())
    table = table.set_column(table.schema.get_field_index("id"), "id", ids)
    table = table.filter(pa.array([keep(photo_id) for photo_id in ids.to_pylist()], pa.bool_()))
    values = {"id": table["id"], "image": table["image"].cast(pa.large_binary())}
    return pa.table(values | {label: _label_values(table, label) for label in labels})


def _label_values(table: pa.Table, label: str) -> pa.Array:
    columns = label.split("+")
    if not set(columns) <= set(table.schema.names):
        return pa.nulls(len(table), pa.string())
    texts = [table[column].cast(pa.string()) for column in columns]
    return pc.binary_join_element_wise(*texts, " / ")
