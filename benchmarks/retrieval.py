"""Precision@5 of encoders on the published validation split, as a Markdown table.

    python benchmarks/labelled_photos.py ../shared/data PHOTOS
    python benchmarks/retrieval.py PHOTOS [ENCODER…]

ENCODER is a name or file of weights; without any: `untrained fashion`. A colour histogram stands beside them.
Each row is given as is, and with gallery photos of the query's own name or near-equal perceptual hash
removed.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import imagehash
import numpy as np
import pyarrow.parquet as pq

from embedding.encoder.convert import convert
from embedding.encoder.runtime import load_encoder
from embedding.encoder.weights import load_weights
from embedding.index import projection
from embedding.training.datasets import LabelledPhotos, read_labelled
from embedding.training.evaluate import embed_photos, nearest_five, precision
from storage.photos import decode

_CATALOGUE_LABELS = ("article_type", "colour", "article_type+colour")
_BINS = 8
_NEAR_EQUAL_BITS = 6


def main(photos: Path, encoders: list[str]) -> None:
    """Prints the table."""
    splits = [
        read_labelled([photos / f"{prefix}queries.parquet", photos / f"{prefix}gallery.parquet"], labels)
        for prefix, labels in (("", _CATALOGUE_LABELS), ("street_", ("category",)))
    ]
    asked = [
        pq.ParquetFile(photos / f"{prefix}queries.parquet").metadata.num_rows for prefix in ("", "street_")
    ]
    hidden = [_near_equal(splits[0], asked[0], _names(photos)), np.zeros((asked[1], 1), bool)]
    print("| encoder | type | colour | both | street | no near-equals: type | colour | both |")
    print("|---|---|---|---|---|---|---|---|")
    for name in ["colour histogram", *encoders]:
        vectors = [_vectors(name, split) for split in splits]
        plain = [
            figure
            for found, split, count in zip(vectors, splits, asked, strict=True)
            for figure in _figures(found, split, count, None)
        ]
        strict = _figures(vectors[0], splits[0], asked[0], hidden[0])
        print(f"| {name} | " + " | ".join(f"{figure:.3f}" for figure in [*plain, *strict]) + " |", flush=True)


def _vectors(name: str, photos: LabelledPhotos) -> np.ndarray:
    if name == "colour histogram":
        return np.stack([_histogram(photos.image(row)) for row in range(len(photos))])
    with tempfile.TemporaryDirectory() as scratch:
        convert(load_weights(name), Path(scratch) / "encoder")
        return embed_photos(photos, load_encoder(Path(scratch) / "encoder"))


def _histogram(data: bytes) -> np.ndarray:
    """Joint RGB histogram, square-rooted so that its cosine is the Bhattacharyya coefficient."""
    pixels = np.asarray(decode(data, fit=96)).reshape(-1, 3).astype(int) * _BINS // 256
    counts = np.bincount(pixels @ [_BINS * _BINS, _BINS, 1], minlength=_BINS**3)
    return np.sqrt(counts / counts.sum()).astype(np.float32)


def _figures(
    vectors: np.ndarray, photos: LabelledPhotos, asked: int, hidden: np.ndarray | None
) -> list[float]:
    gallery = vectors[asked:]
    if vectors.shape[1] > projection.MAX_DIMENSIONS * 2:
        projected = projection.fit(lambda: [gallery], gallery.shape[1])
        vectors, gallery = projected.apply(vectors), projected.apply(gallery)
    if hidden is None:
        nearest = nearest_five(vectors[:asked], gallery)
    else:
        shown = [np.flatnonzero(~hidden[query]) for query in range(asked)]
        nearest = np.concatenate(
            [
                rows[nearest_five(vectors[query : query + 1], gallery[rows])]
                for query, rows in enumerate(shown)
            ]
        )
    return [precision(codes[:asked], codes[asked:][nearest]) for codes in photos.codes.values()]


def _near_equal(photos: LabelledPhotos, asked: int, names: np.ndarray) -> np.ndarray:
    """Which gallery photos show the query's own product: bool [queries, gallery]."""
    bits = np.stack(
        [imagehash.phash(decode(photos.image(row))).hash.reshape(-1) for row in range(len(photos))]
    )
    distances = (bits[:asked, None, :] != bits[None, asked:, :]).sum(axis=2)
    return (distances <= _NEAR_EQUAL_BITS) | (names[:asked, None] == names[None, asked:])


def _names(photos: Path) -> np.ndarray:
    files = ("queries", "gallery")
    columns = [pq.read_table(photos / f"{file}.parquet", columns=["name"])["name"] for file in files]
    return np.array([name for column in columns for name in column.to_pylist()])


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:] or ["untrained", "fashion"])
