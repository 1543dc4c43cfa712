"""Reads files of purchases as batches of rows: Parquet, CSV or JSON lines, compressed or in parts.

H&M's `transactions_train.csv` and Rent the Runway's `renttherunway_final_data.json.gz` are read as published.
No sentence quotes a row: rows name customers.
"""

from __future__ import annotations

import codecs
import csv
import io
import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from storage.errors import InputError

WANTED = "customer_id, store, product_id or url, bought_at"

COLUMNS = ("customer_id", "store", "product_id", "url", "bought_at")
_PUBLISHED = (
    dict(
        zip(("customer_id", "article_id", "t_dat"), ("customer_id", "product_id", "bought_at"), strict=True)
    ),
    dict(zip(("user_id", "item_id", "review_date"), ("customer_id", "product_id", "bought_at"), strict=True)),
)
"""Our names of the columns of H&M and of Rent the Runway."""

_KNOWN = {*COLUMNS, *(name for names in _PUBLISHED for name in names)}

_JSON = (".json", ".jsonl", ".ndjson")
_TEXT = (".csv", ".tsv", ".txt")
_PARQUET = (".parquet", ".pq")
_COMPRESSED = (".gz", ".bz2", ".zst", ".lz4")
_SEPARATORS = ",;\t|"
_MOST_HEADER_BYTES = 65_536
_JSON_LINES = 50_000
_LONGEST_ROW = 2**20
"""Characters of a row, as Arrow allows in CSV: a small compressed file may hold one of gigabytes."""
_MOST_JSON_CHARACTERS = 64 * _LONGEST_ROW
_MOST_NAMED = 12
_LARGEST = 2.0**63  # of int64


def batches(file: Path) -> Iterator[pa.RecordBatch]:
    """The rows of a file, or of all files of a folder, with the columns of `WANTED` that they have.

    :raises InputError: there is no such file, or it is malformed.
    """
    for part in parts(file):
        with damage_named(part):
            for batch in _batches(part):
                yield as_texts(_renamed(batch, part))


def parts(file: Path) -> list[Path]:
    """The file itself, or the files of a folder that hold purchases, sorted.

    Files and folders whose names begin with a dot or an underscore are left out, as Spark and Hive do.

    :raises InputError: there is no such file, or nothing in the folder.
    """
    if file.is_file():
        return [file]
    if not file.is_dir():
        raise InputError(f"There is no file {file}. Give Parquet or CSV with {WANTED}.")
    if (file / "_delta_log").is_dir():
        raise InputError(f"{file} is a Delta table. Write its current rows to a Parquet file, and give that.")
    found = [
        part
        for part in sorted(file.rglob("*"))
        if _format(part) in (*_PARQUET, *_TEXT, *_JSON)
        and not any(step[0] in "._" for step in part.relative_to(file).parts)
        and part.is_file()
    ]
    if not found:
        raise InputError(f"The folder {file} holds no file of purchases. Give Parquet or CSV with {WANTED}.")
    return found


def as_texts(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The same rows with texts in all columns but `bought_at`; whole numbers have no fraction.

    pandas stores whole numbers as floats where some are missing: customer 12 is `12`, not `12.0`.
    """
    columns = [
        column if name == "bought_at" else _as_text(column)
        for name, column in zip(batch.schema.names, batch.columns, strict=True)
    ]
    return pa.RecordBatch.from_arrays(columns, names=batch.schema.names)


def _as_text(column: pa.Array) -> pa.Array:
    if pa.types.is_floating(column.type):
        whole = pc.and_(pc.equal(pc.floor(column), column), pc.less(pc.abs(column), _LARGEST))
        if pc.all(whole, skip_nulls=True).as_py() is not False:
            column = column.cast(pa.int64())
    return column.cast(pa.string())


def text_of(value: Any) -> str | None:
    """A single value as `as_texts` has those of a column."""
    if value is None:
        return None
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def require_columns(source: Path | str, names: Sequence[str]) -> None:
    """Checks that purchases have the columns they need.

    :param source: what is read, for sentences.
    :raises InputError: a column is missing, or is there twice.
    """
    require_once(source, names)
    missing = [name for name in ("customer_id", "bought_at") if name not in names]
    if not missing and not {"product_id", "url"} & set(names):
        raise InputError(f"{source} names no product: it has {_named(names)}. Required columns: {WANTED}.")
    if missing:
        raise InputError(
            f"{source} has no column {missing[0]}{_what_it_has(names)}. Required columns: {WANTED}."
        )


def require_once(source: Path | str, names: Sequence[str]) -> None:
    """Checks that no column of purchases is there twice.

    :raises InputError: one is.
    """
    twice = sorted({name for name in names if name in _KNOWN and names.count(name) > 1})
    if twice:
        raise InputError(f"{source} has the column {twice[0]} twice. Leave one out.")


@contextmanager
def damage_named(file: Path) -> Iterator[None]:
    """Turns what readers say of a malformed file into a sentence, without the row that they quote."""
    try:
        yield
    except UnicodeError:
        raise InputError(f"{file} is not UTF-8 text. Save it as UTF-8.") from None
    except (pa.ArrowException, OSError, EOFError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
        if "invalid UTF8" in reason:
            raise InputError(f"{file} is not UTF-8 text. Save it as UTF-8.") from None
        if "straddling object" in reason:
            raise _too_long(file) from None
        raise InputError(f"{file} cannot be read ({reason}). Give Parquet or CSV with {WANTED}.") from None


def _format(file: Path) -> str:
    """A file's suffix in lower case, without that of its compression."""
    suffix = file.suffix.lower()
    return Path(file.stem).suffix.lower() if suffix in _COMPRESSED else suffix


def _batches(file: Path) -> Iterator[pa.RecordBatch]:
    suffix = _format(file)
    if suffix == ".zip":
        raise InputError(f"{file} is a zip archive. Unpack it, and give the file in it.")
    if suffix in _JSON:
        yield from _json_lines(file)
    elif suffix in _TEXT:
        yield from _rows_of_text(file)
    else:
        stored = pq.ParquetFile(file)
        have = [name for name in stored.schema_arrow.names if name.strip().lower() in _KNOWN]
        yield from stored.iter_batches(columns=have or None)


def _renamed(batch: pa.RecordBatch, file: Path) -> pa.RecordBatch:
    """The columns of purchases, under our names."""
    names = _ours([name.strip().lower() for name in batch.schema.names])
    require_columns(file, names)
    known = [name for name in COLUMNS if name in names]
    return pa.RecordBatch.from_arrays([batch.column(names.index(name)) for name in known], names=known)


def _rows_of_text(file: Path) -> Iterator[pa.RecordBatch]:
    """Rows of a text with a separator, all values as texts."""
    with _opened(file) as stream:
        start = stream.read(_MOST_HEADER_BYTES)
    encoding = "utf-16" if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8"
    text = codecs.getincrementaldecoder("utf-8-sig" if encoding == "utf-8" else encoding)().decode(start)
    lines = re.split(r"\r\n|\r|\n", text)  # as Arrow does, which skips them
    header = next((line for line in lines if line.strip()), None)
    if header is None:
        raise InputError(f"{file} cannot be read (it is empty). Give Parquet or CSV with {WANTED}.")
    separator = max(_SEPARATORS, key=lambda one: len(_KNOWN & set(_cells(header, one))))
    names = _cells(header, separator)
    require_columns(file, _ours(names))
    wrong: list[pacsv.InvalidRow] = []

    def refuse(row: pacsv.InvalidRow) -> str:
        wrong.append(row)
        return "error"

    try:
        with _opened(file) as stream:
            yield from map(
                _trimmed,
                pacsv.open_csv(
                    stream,
                    read_options=pacsv.ReadOptions(
                        column_names=names, skip_rows=1 + lines.index(header), encoding=encoding
                    ),
                    parse_options=pacsv.ParseOptions(
                        delimiter=separator, newlines_in_values=True, invalid_row_handler=refuse
                    ),
                    convert_options=pacsv.ConvertOptions(
                        column_types=dict.fromkeys(names, pa.string()),
                        include_columns=[name for name in dict.fromkeys(names) if name in _KNOWN],
                        strings_can_be_null=True,
                        null_values=[""],
                    ),
                ),
            )
    except pa.ArrowInvalid:
        if not wrong:
            raise
        raise InputError(
            f"{file} cannot be read (a row has {wrong[0].actual_columns} values, the first line names "
            f"{wrong[0].expected_columns} columns). Correct it."
        ) from None


def _trimmed(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The same texts without spaces around them, as they may stand after a separator."""
    return pa.RecordBatch.from_arrays(
        [pc.utf8_trim_whitespace(column) for column in batch.columns], names=batch.schema.names
    )


def _cells(line: str, separator: str) -> list[str]:
    """The names in a header."""
    cells = next(csv.reader([line], delimiter=separator), [])
    return [cell.strip().lower() for cell in cells]


def _ours(names: Sequence[str]) -> list[str]:
    """Our names for those of a header."""
    for published in _PUBLISHED:
        if set(published) <= set(names) and "bought_at" not in names:
            return [published.get(name, name) for name in names]
    return list(names)


def _json_lines(file: Path) -> Iterator[pa.RecordBatch]:
    """Rows of a file with a JSON document a line, all values as texts."""
    rows: list[dict[str, str | None]] = []
    characters = 0
    with _opened(file) as stream, io.TextIOWrapper(stream, encoding="utf-8-sig") as lines:
        for number, line in enumerate(iter(lambda: lines.readline(_LONGEST_ROW + 1), ""), 1):
            if len(line) > _LONGEST_ROW:
                raise _too_long(file)
            if not line.strip():
                continue
            rows.append(_row_of(line, number, file))
            characters += len(line)
            if len(rows) == _JSON_LINES or characters > _MOST_JSON_CHARACTERS:
                yield _batch(rows)
                rows, characters = [], 0
    if rows:
        yield _batch(rows)


def _row_of(line: str, number: int, file: Path) -> dict[str, str | None]:
    try:
        document: Any = json.loads(line)
    except (ValueError, RecursionError):
        raise InputError(
            f"{file} cannot be read (line {number} is no JSON document). Give a document a line."
        ) from None
    names = set(document) if isinstance(document, dict) else set()
    if not any(set(published) <= names for published in _PUBLISHED) and "customer_id" not in names:
        wanted = ", ".join(_PUBLISHED[1])
        raise InputError(
            f"Line {number} of {file} is no document with {wanted}, or with {WANTED}. Correct it."
        )
    return {name: text_of(document[name]) for name in document if name in _KNOWN}


def _too_long(file: Path) -> InputError:
    return InputError(
        f"{file} cannot be read (a row is longer than {_LONGEST_ROW:,} characters, or a quotation mark is "
        "never closed). Correct it."
    )


def _batch(rows: Sequence[dict[str, str | None]]) -> pa.RecordBatch:
    names = list(dict.fromkeys(name for row in rows for name in row))
    return pa.RecordBatch.from_pylist(
        [{name: row.get(name) for name in names} for row in rows],
        pa.schema([(name, pa.string()) for name in names]),
    )


def _opened(file: Path) -> Any:
    """The content of a file, decompressed by its suffix."""
    return pa.input_stream(str(file), compression="detect")


def _what_it_has(names: Sequence[str]) -> str:
    """The columns that there are; without one that is known, the first line may be a row."""
    if not _KNOWN & set(names):
        return ": its first line names none of the columns"
    return f"; it has {_named(names)}"


def _named(names: Sequence[str]) -> str:
    return ", ".join(names[:_MOST_NAMED])
