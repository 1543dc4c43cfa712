"""Compares encoders on the published validation split, one Markdown table a metric.

    python benchmarks/labelled_photos.py ../shared/data PHOTOS
    python benchmarks/retrieval.py PHOTOS [ENCODER…] [--verify] [--scratch DIR] [--json FILE]

ENCODER is a name or file of weights, of a ResNet50 or of the autoencoder; without any: `untrained imagenet
fashion`, `imagenet` where Keras has its weights on this machine. A colour histogram stands beside them.

Precision@5 and mAP@10 are given as is, and with gallery photos of the query's own name or near-equal
perceptual hash removed. Altered photos (`benchmarks/alterations.py`) are asked for among the whole
catalogue, their originals in it; with `--verify` also as `Shop.similar` answers, which compares the pixels of
the nearest (`embedding.index.spatial_verification`), and with the precision of its claim "the same photo": on
the held-out photos as they are, of which a few are in the gallery twice, and on photos whose picture is not
there: the same without near-equals, people's own, and another maker's (`--elsewhere`). Vectors are kept in
DIR by the fingerprints of weights and photos, so that another run computes only what is new.
"""

from __future__ import annotations

import argparse
import functools
import json
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from alterations import ALTERATIONS, altered
from contenders import ColourHistogram, Contender, ResNet50, contender_of, kept, perceptual_hashes

from embedding.encoder.runtime import Precision
from embedding.exact import Excluded, nearest
from embedding.index.spatial_verification import SHORTLIST, differences, same_photos
from embedding.training.datasets import LabelledPhotos, read_labelled
from embedding.training.retrieval_metrics import MAP_AT, label_figures
from storage import thumbnails
from storage.images import decode, image_id, thumbnail

_SPLITS = {"": ("article_type", "colour", "article_type+colour"), "street_": ("category",)}
_SHOWN = {"article_type": "type", "colour": "colour", "article_type+colour": "both", "category": "street"}
_NEAR_EQUAL_BITS = 6
_MOST_OTHERS = 2000

Figures = dict[str, dict[str, float]]
"""Name of a figure to label or alteration to its value."""

VectorsOf = Callable[[LabelledPhotos], np.ndarray]


@dataclass(frozen=True)
class Split:
    """Queries, followed by their gallery, and which gallery photos show a query's own product."""

    name: str
    photos: LabelledPhotos
    asked: int
    near_equal: Excluded


class _Shelf:
    """Photos as search has them.

    :param side: px that search decodes a photo asked for to, at least.
    """

    def __init__(self, photos: LabelledPhotos, side: int) -> None:
        self._photos, self._side = photos, side
        self._thumbnail = functools.cache(self._made)

    def same_photos(self, image: bytes, rows: np.ndarray, cosines: np.ndarray) -> np.ndarray:
        """The rows whose photos show a photo's very picture, the nearest first.

        :param cosines: float32 [n], of the photo and each row's.
        """
        stored = [self._thumbnail(row) for row in rows.tolist()]
        photo = decode(image, fit=self._side)
        photo.thumbnail((thumbnails.SIDE, thumbnails.SIDE))  # as `lookalike.query_inputs` hands it on
        return rows[same_photos(differences(photo, stored), cosines)]

    def _made(self, row: int) -> bytes:
        return thumbnail(decode(self._photos.image(row), fit=thumbnails.SIDE), thumbnails.SIDE)


@dataclass(frozen=True)
class Altered:
    """Queries after one alteration, and the row of the query that each was."""

    photos: LabelledPhotos
    rows: np.ndarray


def main(
    photos: Path,
    encoders: list[str],
    scratch: Path,
    out: Path | None,
    precision: Precision | None,
    verify: bool,
    elsewhere: Path | None = None,
) -> None:
    """Prints the tables."""
    splits = [_split(photos, prefix, labels, scratch) for prefix, labels in _SPLITS.items()]
    alterations = {name: _altered(splits[0], name) for name in ALTERATIONS}
    figures: dict[str, Figures] = {}
    for name in ["colour histogram", *encoders]:
        contender = contender_of(name, precision) if name in encoders else ColourHistogram()
        if contender is None:
            print(f"`{name}` is left out: Keras has no such weights on this machine.\n")
            continue

        def vectors(photos: LabelledPhotos, contender: Contender = contender) -> np.ndarray:
            return kept(scratch, contender.key, photos, contender.vectors)

        figures[name] = _figures(contender, vectors, splits)
        figures[name]["recall_at_1"] = _recall(contender, vectors, splits[0], alterations)
        if verify and isinstance(contender, ResNet50):
            shelves = [_Shelf(split.photos, contender.side) for split in splits]
            figures[name]["verified_recall_at_1"] = {
                alteration: _verified_recall(contender, vectors, splits[0], asked, shelves[0])
                for alteration, asked in alterations.items()
            }
            claims = {
                split.name: _claims(contender, vectors, split, split.near_equal, shelf)
                for split, shelf in zip(splits, shelves, strict=True)
            }
            if elsewhere is not None:
                claims["elsewhere"] = _claims_on_others(contender, vectors, splits[0], elsewhere, shelves[0])
            figures[name]["verified_in_error"] = {
                asked: float(np.mean([row is not None for row in rows])) for asked, rows in claims.items()
            }
            as_they_are = _claims(contender, vectors, splits[0], None, shelves[0])
            figures[name]["claims"] = _precision(as_they_are, splits[0].near_equal, claims)
    labels = " | ".join(_SHOWN.values())
    for title, key in (("Precision@5", "precision_at_5"), ("mAP@10", "map_at_10")):
        print(f"{title}\n\n| encoder | {labels} | no near-equals: {labels} |")
        _print_rows(
            {name: [*of[key].values(), *of[f"{key}_strict"].values()] for name, of in figures.items()}
        )
    counts = " | ".join(f"{name} ({len(of.rows)})" for name, of in alterations.items())
    print(f"Recall@1 of an altered photo of the catalogue\n\n| encoder | {counts} |")
    recalls = {name: list(of["recall_at_1"].values()) for name, of in figures.items()}
    for name, of in figures.items():
        if "verified_recall_at_1" in of:
            recalls[f"{name}, pictures verified"] = list(of["verified_recall_at_1"].values())
    _print_rows(recalls)
    for name, of in figures.items():
        for split, share in of.get("verified_in_error", {}).items():
            print(f"{name}: of {split} photos {share:.1%} are taken for another picture of the gallery.")
        if "claims" in of:
            print(
                "{0}: {made:.0f} claims of the same photo on held-out photos as they are, precision "
                "{precision:.3f}; {false:.0f} claims on {absent:.0f} photos whose picture is not "
                "there.".format(name, **of["claims"])
            )
    if out is not None:
        out.write_text(json.dumps(figures, indent=2) + "\n")


def _print_rows(rows: dict[str, list[float]]) -> None:
    print("|---" * (1 + max(map(len, rows.values()))) + "|")
    for name, figures in rows.items():
        print(f"| {name} | " + " | ".join(f"{figure:.3f}" for figure in figures) + " |")
    print(flush=True)


def _figures(contender: Contender, vectors_of: VectorsOf, splits: list[Split]) -> Figures:
    figures: Figures = {}
    for split in splits:
        vectors = vectors_of(split.photos)
        queries, gallery = contender.comparable(vectors[: split.asked], vectors[split.asked :])
        for suffix, excluded in (("", None), ("_strict", split.near_equal)):
            found = nearest(queries, gallery, MAP_AT, excluded=excluded)
            for label, codes in split.photos.codes.items():
                of_label = label_figures(codes[: split.asked], codes[split.asked :], found, excluded)
                for key, figure in vars(of_label).items():
                    figures.setdefault(f"{key}{suffix}", {})[_SHOWN[label]] = figure
    return figures


def _recall(
    contender: Contender, vectors_of: VectorsOf, catalogue: Split, alterations: dict[str, Altered]
) -> dict[str, float]:
    """How often an altered photo finds its original, or a photo of the very same bytes, first."""
    gallery = vectors_of(catalogue.photos)
    same = np.array([image_id(image.as_py()) for image in catalogue.photos.images])
    recall = {}
    for name, asked in alterations.items():
        first = nearest(*contender.comparable(vectors_of(asked.photos), gallery), 1)[:, 0]
        recall[name] = float((same[first] == same[asked.rows]).mean())
    return recall


def _verified_recall(
    contender: ResNet50, vectors_of: VectorsOf, catalogue: Split, asked: Altered, shelf: _Shelf
) -> float:
    """The same as search answers: of the nearest, one that shows the very picture comes first."""
    gallery = vectors_of(catalogue.photos)
    queries, gallery = contender.comparable(vectors_of(asked.photos), gallery)
    found = nearest(queries, gallery, SHORTLIST)
    same = np.array([image_id(image.as_py()) for image in catalogue.photos.images])
    right = 0
    for query, (row, near) in enumerate(zip(asked.rows, found, strict=True)):
        cosines = gallery[near] @ queries[query]
        first = [*shelf.same_photos(asked.photos.image(query), near, cosines), *near][0]
        right += int(same[first] == same[row])
    return right / len(found)


def _claims(
    contender: ResNet50, vectors_of: VectorsOf, split: Split, excluded: Excluded | None, shelf: _Shelf
) -> list[int | None]:
    """By query, the gallery photo that is said to be the same photo, from 0; None where none is."""
    vectors = vectors_of(split.photos)
    queries, gallery = contender.comparable(vectors[: split.asked], vectors[split.asked :])
    images = [split.photos.image(query) for query in range(split.asked)]
    return _claimed(images, queries, gallery, split.asked, shelf, excluded)


def _claims_on_others(
    contender: ResNet50, vectors_of: VectorsOf, catalogue: Split, file: Path, shelf: _Shelf
) -> list[int | None]:
    """The same of photos that have nothing to do with the catalogue, asked of its gallery."""
    table = pq.read_table(file, columns=["image"]).slice(0, _MOST_OTHERS)
    images = table["image"].cast(pa.large_binary())
    others = LabelledPhotos([str(row) for row in range(len(images))], images, {}, {})
    gallery = vectors_of(catalogue.photos)[catalogue.asked :]
    queries, gallery = contender.comparable(vectors_of(others), gallery)
    return _claimed(images.to_pylist(), queries, gallery, catalogue.asked, shelf, None)


def _claimed(
    images: list[bytes],
    queries: np.ndarray,
    gallery: np.ndarray,
    first: int,
    shelf: _Shelf,
    excluded: Excluded | None,
) -> list[int | None]:
    """:param first: row of the shelf where the gallery begins."""
    claims: list[int | None] = []
    found = nearest(queries, gallery, SHORTLIST, excluded=excluded)
    for image, query, near in zip(images, queries, found, strict=True):
        same = shelf.same_photos(image, first + near, gallery[near] @ query)
        claims.append(int(same[0]) - first if len(same) else None)
    return claims


def _precision(
    claims: list[int | None], near_equal: Excluded, absent: dict[str, list[int | None]]
) -> dict[str, float]:
    """How many claims were made on photos as they are and how many of these are near-equals of the query,
    and the claims on photos whose picture is not there, each of which is false."""
    made = [(query, row) for query, row in enumerate(claims) if row is not None]
    right = sum(row in near_equal[query] for query, row in made)
    false = sum(row is not None for rows in absent.values() for row in rows)
    return {
        "made": len(made),
        "precision": right / max(1, len(made)),
        "false": false,
        "absent": sum(map(len, absent.values())),
    }


def _split(photos: Path, prefix: str, labels: tuple[str, ...], scratch: Path) -> Split:
    files = [photos / f"{prefix}{part}.parquet" for part in ("queries", "gallery")]
    read = read_labelled(files, labels)
    asked = pq.read_metadata(files[0]).num_rows
    bits = kept(scratch, "phash", read, perceptual_hashes)
    near = (bits[:asked, None, :] != bits[None, asked:, :]).sum(axis=2) <= _NEAR_EQUAL_BITS
    if "name" in pq.read_schema(files[0]).names:
        queries, gallery = (np.array(pq.read_table(file, columns=["name"])["name"]) for file in files)
        near |= queries[:, None] == gallery[None, :]
    return Split(prefix.strip("_") or "shop", read, asked, [np.flatnonzero(row) for row in near])


def _altered(catalogue: Split, alteration: str) -> Altered:
    with ThreadPoolExecutor() as pool:
        made = list(
            pool.map(lambda row: altered(catalogue.photos.image(row), alteration), range(catalogue.asked))
        )
    rows = np.array([row for row, image in enumerate(made) if image is not None])
    images = pa.chunked_array([[made[row] for row in rows]], pa.large_binary())
    return Altered(LabelledPhotos([catalogue.photos.ids[row] for row in rows], images, {}, {}), rows)


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("photos", type=Path, metavar="PHOTOS")
    arguments.add_argument(
        "encoders", nargs="*", metavar="ENCODER", default=["untrained", "imagenet", "fashion"]
    )
    arguments.add_argument("--scratch", type=Path, metavar="DIR", help="keeps vectors for the next run")
    arguments.add_argument("--json", type=Path, metavar="FILE", help="gets the figures, unrounded")
    arguments.add_argument("--verify", action="store_true", help="also as search answers: 3 minutes more")
    arguments.add_argument(
        "--elsewhere", type=Path, metavar="FILE", help="another maker's photos, of which the gallery has none"
    )
    arguments.add_argument("--precision", choices=("f32", "bf16"), help="the product's if not given")
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory() as passing:
        main(
            given.photos,
            given.encoders,
            given.scratch or Path(passing),
            given.json,
            given.precision,
            given.verify,
            given.elsewhere,
        )
