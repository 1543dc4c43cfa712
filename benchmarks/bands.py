"""Measures the cut-offs of the bands of likeness, prints their precision, and stores them with the weights.

    python benchmarks/labelled_photos.py ../shared/data PHOTOS
    python benchmarks/bands.py WEIGHTS.npz PHOTOS ../shared/outfits/products.parquet [--scratch DIR]

WEIGHTS is a file, which is changed in place, or `fashion` or `fashion-fast`, which get a file beside theirs.
The pairs are the held-out photos of PHOTOS and some models of the store that no training saw, each with its
five nearest; half of the weight is either's. By isotonic regression a pair of a cosine is of one kind, or of
one kind and colour, with some probability; a cut-off is the least cosine of the probability in `_LEAST`. The
unseen store's models that `benchmarks/unseen_store.py` asks for are not looked at.
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from contenders import ResNet50, kept
from sklearn.isotonic import IsotonicRegression
from unseen_store import model_fold

from embedding.bands import Band, CutOffs, band_of
from embedding.encoder.weights import BUNDLED, BUNDLED_FAST, load_weights, write_beside, write_with_heads
from embedding.exact import nearest
from embedding.training.datasets import LabelledPhotos, is_validation, read_labelled
from embedding.training.retrieval_metrics import PRECISION_AT

_LEAST = {Band.NEARLY_THE_SAME: ("both", 0.8), Band.VERY_ALIKE: ("both", 0.5), Band.ALIKE: ("kind", 0.5)}
"""What a pair of photos at the cut-off has in common, and how probably."""


@dataclass(frozen=True)
class Collection:
    """Labelled photos of one store.

    :ivar asked: bool [n], the queries.
    :ivar gallery: bool [n], what is searched.
    :ivar labels: values [n] by label.
    """

    photos: LabelledPhotos
    asked: np.ndarray
    gallery: np.ndarray
    labels: dict[str, np.ndarray]


@dataclass(frozen=True)
class Pairs:
    """Queries with their nearest.

    :ivar cosines: float [pairs].
    :ivar same: bool [pairs], by what the two photos have in common.
    """

    cosines: np.ndarray
    same: dict[str, np.ndarray]


def main(source: str, photos: Path, unseen: Path, scratch: Path) -> None:
    """Measures, prints and writes."""
    weights = load_weights(source)
    contender = ResNet50(weights, None)
    collections = [_catalogue(photos), _store(unseen)]
    encoded, projected = [], []
    for collection in collections:
        vectors = kept(scratch, contender.key, collection.photos, contender.vectors)
        queries, gallery = vectors[collection.asked], vectors[collection.gallery]
        encoded.append(_pairs(collection, queries, gallery))
        projected.append(_pairs(collection, *contender.comparable(queries, gallery)))
    found = CutOffs(cut_offs(encoded), cut_offs(projected))
    for space, pairs in (("encoded", encoded), ("projected", projected)):
        _print(space, pairs, getattr(found, space))
    if source not in (BUNDLED, BUNDLED_FAST):
        write_with_heads(Path(source), Path(source), weights.heads, found)
        return
    with resources.as_file(resources.files("embedding.encoder") / "weights" / f"{source}.npz") as path:
        write_beside(path, {}, found)


def cut_offs(stores: list[Pairs]) -> tuple[float, ...]:
    """The least cosine of each band, in the order of `Band`."""
    cosines = np.concatenate([pairs.cosines for pairs in stores])
    counted = np.concatenate([np.full(len(pairs.cosines), 1 / len(pairs.cosines)) for pairs in stores])
    found = []
    for common, least in (_LEAST[band] for band in Band):
        same = np.concatenate([pairs.same[common] for pairs in stores]).astype(float)
        likely = IsotonicRegression(out_of_bounds="clip").fit(cosines, same, counted).predict(cosines)
        found.append(round(float(cosines[likely >= least].min()), 3))
    return tuple(np.maximum.accumulate(found[::-1])[::-1].tolist())


def _catalogue(photos: Path) -> Collection:
    read = read_labelled([photos / "catalogue.parquet"], ["article_type", "colour"])
    asked = np.array([is_validation(photo_id) for photo_id in read.ids])
    kind, colour = (read.codes[label] for label in ("article_type", "colour"))
    return Collection(read, asked, ~asked, {"kind": kind, "colour": colour})


def _store(file: Path) -> Collection:
    table = pq.read_table(file, columns=["product_id", "model", "family", "colour", "image"])
    photos = LabelledPhotos(table["product_id"].to_pylist(), table["image"].cast(pa.large_binary()), {}, {})
    folds = np.array([model_fold(model) for model in table["model"].to_pylist()])
    labels = {
        "kind": np.array(table["family"].to_pylist(), object),
        "colour": np.array(table["colour"].to_pylist(), object),
    }
    # Fold 0 are the queries that encoders are judged by.
    return Collection(photos, folds == 1, folds > 1, labels)


def _pairs(collection: Collection, queries: np.ndarray, gallery: np.ndarray) -> Pairs:
    found = nearest(queries, gallery, PRECISION_AT)
    cosines = np.einsum("qd,qkd->qk", queries, gallery[found]).reshape(-1)
    same = {
        label: (values[collection.gallery][found] == values[collection.asked][:, None]).reshape(-1)
        for label, values in collection.labels.items()
    }
    return Pairs(cosines, same | {"both": same["kind"] & same["colour"]})


def _print(space: str, stores: list[Pairs], least: tuple[float, ...]) -> None:
    print(f"| {space} | least cosine | pairs | kind | colour | both | unseen: pairs | kind | colour | both |")
    bands = [np.array([band_of(cosine, least) for cosine in pairs.cosines], object) for pairs in stores]
    for band, cosine in [*zip(Band, least, strict=True), (None, -1.0)]:
        cells = []
        for pairs, of in zip(stores, bands, strict=True):
            within = of == band
            cells.append(within.mean())
            cells += [pairs.same[common][within].mean() for common in ("kind", "colour", "both")]
        print(
            f"| {band or 'not alike'} | {cosine:.3f} | " + " | ".join(f"{cell:.3f}" for cell in cells) + " |"
        )


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("weights", metavar="WEIGHTS")
    arguments.add_argument("photos", type=Path, metavar="PHOTOS")
    arguments.add_argument("unseen", type=Path, metavar="UNSEEN")
    arguments.add_argument("--scratch", type=Path, metavar="DIR", help="keeps vectors for the next run")
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory() as passing:
        main(given.weights, given.photos, given.unseen, given.scratch or Path(passing))
