"""What finding garments brings to search: queries whole, cut to their largest garment, or on a pale ground.

    python benchmarks/garment_queries.py PHOTOS ../shared/outfits/products.parquet [--scratch DIR]

Precision@5 of `fashion`, as search compares, on the validation split's people's own photos and shop photos,
on shop photos of the validation split on another ground, and on the store that no training saw; of those on
another ground also how often their original is the nearest of the whole catalogue. Only queries change:
galleries are embedded as they are.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from alterations import altered
from contenders import ResNet50, kept
from PIL import Image
from unseen_store import model_fold

from embedding.encoder.convert import convert
from embedding.encoder.preprocess import letterbox
from embedding.encoder.regions import crop_box, on_pale_ground, regions
from embedding.encoder.runtime import load_encoder
from embedding.encoder.segmentation import Segmenter
from embedding.encoder.weights import BUNDLED, load_weights
from embedding.exact import nearest
from embedding.training.datasets import LabelledPhotos, read_labelled
from embedding.training.retrieval_metrics import PRECISION_AT
from storage.images import decode, image_id

_BATCH = 16


@dataclass(frozen=True)
class Question:
    """Queries and the gallery that they are asked of.

    :ivar gallery: its vectors, float32 [n, dim], as the encoder gives them.
    :ivar labels: values of queries and gallery, by label.
    """

    name: str
    queries: list[Image.Image]
    gallery: np.ndarray
    labels: dict[str, tuple[np.ndarray, np.ndarray]]


def main(photos: Path, unseen: Path, scratch: Path) -> None:
    """Measures and prints."""
    contender = ResNet50(load_weights(BUNDLED), None)

    def vectors_of(some: LabelledPhotos) -> np.ndarray:
        return kept(scratch, contender.key, some, contender.vectors)

    folder = scratch / "fused-encoder"
    if not folder.exists():
        convert(load_weights(BUNDLED), folder)
    encoder, segmenter = load_encoder(folder, many=True), Segmenter(folder)
    ways: dict[str, Callable[[Image.Image, np.ndarray], Image.Image]] = {
        "whole": lambda photo, _: photo,
        "cut to the largest garment": _cut,
        "on a pale ground": on_pale_ground,
        "cut, on a pale ground": lambda photo, seen: _cut(on_pale_ground(photo, seen), seen),
    }
    for question in _questions(photos, unseen, vectors_of):
        seen = segmenter.segment(question.queries)
        print(f"\n| {question.name} ({len(seen)}) | " + " | ".join(question.labels) + " |")
        print("|---" * (1 + len(question.labels)) + "|")
        for name, way in ways.items():
            asked = [way(photo, one) for photo, one in zip(question.queries, seen, strict=True)]
            pixels = [letterbox(photo, encoder.spec.size) for photo in asked]
            vectors = np.concatenate(
                [encoder.encode(np.stack(pixels[at : at + _BATCH])) for at in range(0, len(pixels), _BATCH)]
            )
            found = nearest(*contender.comparable(vectors, question.gallery), PRECISION_AT)
            print(f"| {name} | " + " | ".join(_figures(question, found)) + " |", flush=True)


def _figures(question: Question, found: np.ndarray) -> Iterator[str]:
    """Precision of each label; of `original`, how often it is the very first.

    :param found: rows of the gallery, int64 [queries, k].
    """
    for label, (wanted, there) in question.labels.items():
        right = there[found] == wanted[:, None]
        yield f"{(right[:, 0] if label == 'original' else right).mean():.3f}"


def _cut(photo: Image.Image, seen: np.ndarray) -> Image.Image:
    """A photo cut to the garment that fills most of it; the photo itself where there is none."""
    found = regions(seen)
    return photo.crop(crop_box(found[0].box, photo.size)) if found else photo


def _questions(
    photos: Path, unseen: Path, vectors_of: Callable[[LabelledPhotos], np.ndarray]
) -> Iterator[Question]:
    for name, prefix, labels in (
        ("people's own photos", "street_", ("category",)),
        ("shop photos", "", ("article_type", "colour")),
    ):
        files = [photos / f"{prefix}{part}.parquet" for part in ("queries", "gallery")]
        split, asked = read_labelled(files, labels), pq.read_metadata(files[0]).num_rows
        vectors = vectors_of(split)
        values = {label: (codes[:asked], codes[asked:]) for label, codes in split.codes.items()}
        queries = [decode(split.image(row)) for row in range(asked)]
        yield Question(name, queries, vectors[asked:], values)
        if prefix:
            continue
        changed = {row: altered(split.image(row), "background") for row in range(asked)}
        rows = np.array([row for row, image in changed.items() if image is not None])
        same = np.array([image_id(image.as_py()) for image in split.images])
        values = {label: (codes[rows], codes) for label, codes in split.codes.items()}
        values["original"] = (same[rows], same)
        grounds = [decode(image) for image in changed.values() if image is not None]
        yield Question("shop photos on another ground", grounds, vectors, values)
    yield _unseen_store(unseen, vectors_of)


def _unseen_store(file: Path, vectors_of: Callable[[LabelledPhotos], np.ndarray]) -> Question:
    table = pq.read_table(file, columns=["product_id", "model", "family", "colour", "image"])
    store = LabelledPhotos(table["product_id"].to_pylist(), table["image"].cast(pa.large_binary()), {}, {})
    asked = np.array([model_fold(model) == 0 for model in table["model"].to_pylist()])
    values = {name: np.array(table[name].to_pylist(), object) for name in ("family", "colour")}
    known = asked & np.array([value is not None for value in values["colour"]])
    queries = [decode(store.image(row)) for row in np.flatnonzero(known)]
    labels = {name: (of[known], of[~asked]) for name, of in values.items()}
    return Question("the unseen store", queries, vectors_of(store)[~asked], labels)


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("photos", type=Path, metavar="PHOTOS")
    arguments.add_argument("unseen", type=Path, metavar="UNSEEN")
    arguments.add_argument("--scratch", type=Path, metavar="DIR", help="keeps vectors for the next run")
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory() as passing:
        main(given.photos, given.unseen, given.scratch or Path(passing))
