"""Reads labelled photos for training and evaluation from Parquet."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
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
    :param codes: label name to int32 [n], an index into `classes` or `ABSENT`; of a label with several values
        a photo, int8 [n, classes] of zeros and ones, or `ABSENT` throughout a row.
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

    def take(self, rows: np.ndarray) -> LabelledPhotos:
        """Some of the photos, with the same classes.

        :param rows: int64 [m].
        """
        return LabelledPhotos(
            [self.ids[row] for row in rows],
            self.images.take(pa.array(rows)),
            {label: codes[rows] for label, codes in self.codes.items()},
            self.classes,
        )


def is_validation(photo_id: str) -> bool:
    """Whether a photo belongs to the validation split, a twelfth that is never trained on.

    The rule hashes the id, so the split stays the same whatever else a file holds.
    """
    return int(hashlib.sha1(b"v" + photo_id.encode(), usedforsecurity=False).hexdigest(), 16) % 12 == 0


def split(ids: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Splits photos into training and validation, bool [n] each.

    A file given twice teaches twice as much; it validates once.
    """
    held_out = np.array([is_validation(photo_id) for photo_id in ids], bool)
    first = ~pd.Series(ids, dtype="str").duplicated().to_numpy()
    return ~held_out, held_out & first


def read_labelled(
    files: Sequence[Path], labels: Sequence[str], keep: Callable[[str], bool] = lambda _: True
) -> LabelledPhotos:
    """Reads the rows of several files under one set of labels.

    A label `a+b` joins two columns. A file that lacks a label's column contributes rows without that label.
    A column of lists holds several values a photo.

    :param files: Parquet files with columns `id`, `image` and labels.
    :param labels: names of label columns.
    :param keep: which ids to read.
    :raises InputError: a file is missing or unreadable, lacks `id` or `image`, or no file has a label.
    """
    parts = [_read_one(file, labels, keep) for file in files]
    codes, classes = {}, {}
    for label in labels:
        codes[label], classes[label] = _coded([part[label] for part in parts])
        if not classes[label]:
            names = ", ".join(str(file) for file in files)
            raise InputError(f"No column '{label}' with values in {names}. Name columns that are there.")
    photos = pa.concat_tables([part.select(["id", "image"]) for part in parts])
    return LabelledPhotos(photos["id"].to_pylist(), photos["image"], codes, classes)


def _coded(columns: Sequence[pa.ChunkedArray]) -> tuple[np.ndarray, list[str]]:
    """The codes and classes of one label, see `LabelledPhotos`."""
    if not any(pa.types.is_list(column.type) for column in columns):
        dictionary = pa.chunked_array([chunk for column in columns for chunk in column.chunks], pa.string())
        encoded = dictionary.combine_chunks().dictionary_encode()
        codes = encoded.indices.fill_null(ABSENT).to_numpy(zero_copy_only=False).astype(np.int32)
        return codes, encoded.dictionary.to_pylist()
    rows = [
        [value] if isinstance(value, str) else value for column in columns for value in column.to_pylist()
    ]
    classes = sorted({value for row in rows if row for value in row})
    code_of = {value: code for code, value in enumerate(classes)}
    several = np.zeros((len(rows), len(classes)), np.int8)
    for row, values in zip(several, rows, strict=True):
        if values is None:
            row[:] = ABSENT
        else:
            row[[code_of[value] for value in values]] = 1
    return several, classes


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
    values = {"id": table["id"], "image": _encoded(file, table["image"])}
    return pa.table(values | {label: _label_values(table, label) for label in labels})


def _encoded(file: Path, images: pa.ChunkedArray) -> pa.ChunkedArray:
    """The photos' bytes; Hugging Face's data sets hold them in structs of `bytes` and `path`."""
    if pa.types.is_struct(images.type) and images.type.get_field_index("bytes") >= 0:
        images = pc.struct_field(images, "bytes")
    if not (pa.types.is_binary(images.type) or pa.types.is_large_binary(images.type)):
        raise InputError(f"The column 'image' of {file} holds {images.type}. Give the photos' bytes.")
    if images.null_count:
        raise InputError(
            f"{images.null_count} photos of {file} have no bytes. Add them, or leave out the rows."
        )
    return images.cast(pa.large_binary())


def _label_values(table: pa.Table, label: str) -> pa.ChunkedArray:
    columns = label.split("+")
    if not set(columns) <= set(table.schema.names):
        return pa.chunked_array([pa.nulls(len(table), pa.string())])
    if len(columns) == 1 and pa.types.is_list(table.schema.field(label).type):
        return table[label].cast(pa.list_(pa.string()))
    texts = [table[column].cast(pa.string()) for column in columns]
    return pc.binary_join_element_wise(*texts, " / ")
