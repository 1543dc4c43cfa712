"""Fashion Product Images (Kaggle, paramaggarwal), small and large: `styles.csv` and `images/<id>.jpg`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from embedding.training.readers.photo import Photo, Reader, Skipped
from embedding.training.readers.tables import csv_rows, text

_STYLES = "styles.csv"
_LABELS = {
    "gender": "gender",
    "masterCategory": "master_category",
    "subCategory": "sub_category",
    "articleType": "article_type",
    "baseColour": "colour",
    "season": "season",
    "year": "year",
    "usage": "usage",
    "productDisplayName": "name",
}


def _read(folder: Path) -> Iterator[Photo | Skipped]:
    rows = csv_rows(folder / _STYLES)
    _, header = next(rows, (0, []))
    for line, cells in rows:
        # Some twenty names hold commas that nobody quoted; the name is the last column.
        joined = [*cells[: len(header) - 1], ",".join(cells[len(header) - 1 :])]
        if len(cells) < len(header) or not joined[0].strip().isdigit():
            yield Skipped(f"{_STYLES} line {line}", f"has {len(cells)} columns of {len(header)}, or no id")
            continue
        row = dict(zip(header, joined, strict=True))
        photo_id = row["id"].strip()
        labels = {ours: text(row[theirs]) for theirs, ours in _LABELS.items() if theirs in row}
        # The id as it is: the validation split is decided by it, and this set has a published one.
        yield Photo(photo_id, folder / "images" / f"{photo_id}.jpg", labels)


def _sources(folder: Path) -> list[Path]:
    there = (folder / _STYLES).is_file() and (folder / "images").is_dir()
    return [folder / _STYLES, folder / "images"] if there else []


READER = Reader(
    name="fashion-product-images",
    layout="Fashion Product Images (styles.csv, images/)",
    labels=tuple(_LABELS.values()),
    lists=(),
    sources=_sources,
    read=_read,
)
