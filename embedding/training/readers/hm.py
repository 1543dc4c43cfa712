"""H&M Personalized Fashion Recommendations (Kaggle): `articles.csv` and `images/0NN/0NNNNNNNNN.jpg`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from embedding.training.readers.photo import Photo, Reader, Skipped
from embedding.training.readers.tables import csv_rows, text

_ARTICLES = "articles.csv"
_ID_DIGITS = 10
_LABELS = {
    "product_type_name": "article_type",
    "product_group_name": "sub_category",
    "colour_group_name": "colour",
    "perceived_colour_master_name": "colour_master",
    "graphical_appearance_name": "pattern",
    "garment_group_name": "garment_group",
    "index_group_name": "department",
    "product_code": "product",
    "prod_name": "name",
}
_UNKNOWN = ("Unknown", "Undefined", "undefined")


def _read(folder: Path) -> Iterator[Photo | Skipped]:
    rows = csv_rows(folder / _ARTICLES)
    _, header = next(rows, (0, []))
    for line, cells in rows:
        row = dict(zip(header, cells, strict=False))
        article = row.get("article_id", "").strip()
        if len(cells) != len(header) or not article.isdigit():
            yield Skipped(f"{_ARTICLES} line {line}", f"has {len(cells)} columns of {len(header)}, or no id")
            continue
        # Programs that read ids as numbers and write them back lose the leading zero.
        article = article.zfill(_ID_DIGITS)
        labels = {ours: text(row[theirs]) for theirs, ours in _LABELS.items() if theirs in row}
        known = {name: None if value in _UNKNOWN else value for name, value in labels.items()}
        yield Photo(f"hm:{article}", folder / "images" / article[:3] / f"{article}.jpg", known)


def _sources(folder: Path) -> list[Path]:
    there = (folder / _ARTICLES).is_file() and (folder / "images").is_dir()
    return [folder / _ARTICLES, *sorted((folder / "images").iterdir())] if there else []


READER = Reader(
    name="hm",
    layout="H&M (articles.csv, images/)",
    labels=tuple(_LABELS.values()),
    lists=(),
    sources=_sources,
    read=_read,
)
