"""How often an encoder takes other things for clothing, and warns of garments; fits the head that tells them.

    python benchmarks/labelled_photos.py ../shared/data PHOTOS
    python benchmarks/clothing.py ../shared/data/other.parquet PHOTOS/{catalogue,street,small}.parquet \
      [--encoder NAME] [--fit] [--garments ../shared/outfits/products.parquet]

Of `other.parquet`, photos of things that nobody wears, it prints the share that a search does not warn of,
in all and by category; of the labelled files, the share of the validation split's garments that it warns of;
and the same of files that nothing is fitted to (`--garments`). `--fit` first fits the head, to the labelled
files, drawings and `other.parquet`, and writes it beside the bundled weights; then it also prints how many of
a quarter of `other.parquet` pass that the head was not fitted to, by photo and by category.
"""

from __future__ import annotations

import argparse
import hashlib
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from contenders import ResNet50, kept

from embedding.encoder.heads import CLOTHING, CLOTHING_LEAST, Head, clothing_probability
from embedding.encoder.weights import BUNDLED, BUNDLED_FAST, load_weights, write_beside
from embedding.training.clothing import CLASSES, MASTER_CATEGORY, NOT_WORN
from embedding.training.datasets import LabelledPhotos, is_validation
from embedding.training.heads import Whitening, fit_head
from embedding.training.not_clothing import not_clothing

_WORN_SHARE = 0.87
"""Share of clothing that the photos are weighted to: with 0.9 more of other things pass, with 0.8 more
garments are warned of."""

_SHOWN = 12
_FOLDS = 4


@dataclass(frozen=True)
class Labelled:
    """Vectors of one file's photos, by whether somebody wears what they show.

    :ivar worn: bool [n].
    :ivar held_out: bool [n], of the validation split.
    """

    name: str
    vectors: np.ndarray
    worn: np.ndarray
    held_out: np.ndarray


def main(given: argparse.Namespace, scratch: Path) -> None:
    """Fits if asked to, measures and prints."""
    weights = load_weights(given.encoder)
    contender = ResNet50(weights, None)

    def vectors(photos: LabelledPhotos) -> np.ndarray:
        return kept(scratch, contender.key, photos, contender.vectors)

    labelled = [_labelled(file, vectors) for file in given.labelled]
    others = vectors(_photos(given.other))
    names = np.array(pq.read_table(given.other, columns=["category"])["category"].to_pylist())
    head = weights.heads[CLOTHING]
    if given.fit:
        drawn = list(not_clothing("train"))
        images = pa.chunked_array([pa.array(drawn, pa.large_binary())])
        drawings = vectors(LabelledPhotos([str(row) for row in range(len(drawn))], images, {}, {}))
        whitening = Whitening.of(np.concatenate([*(one.vectors for one in labelled), drawings, others]))
        head = _fitted(labelled, drawings, others, whitening)
        with resources.as_file(resources.files("embedding.encoder") / "weights") as folder:
            write_beside(folder / f"{given.encoder}.npz", {CLOTHING: head})
        for by, keys in (("photos", np.arange(len(names)).astype(str)), ("categories", names)):
            folds = np.array([_fold(key) for key in keys])
            passing = [
                _clothing(
                    _fitted(labelled, drawings, others[folds != fold], whitening), others[folds == fold]
                ).mean()
                for fold in range(_FOLDS)
            ]
            print(f"Of {by} not fitted to {np.mean(passing):.1%} pass for clothing.")
    taken = _clothing(head, others)
    print(f"{given.encoder}: of {len(taken):,} photos of other things {taken.mean():.1%} pass for clothing.")
    found, counts = np.unique(names[taken], return_counts=True)
    worst = np.argsort(-counts, kind="stable")[:_SHOWN]
    print(", ".join(f"{found[row]} {counts[row]} of {(names == found[row]).sum()}" for row in worst))
    for one in labelled:
        _print_warned(one.name, head, one.vectors[one.worn & one.held_out])
    for file in given.garments:
        _print_warned(file.stem, head, vectors(_photos(file)))


def _print_warned(name: str, head: Head, garments: np.ndarray) -> None:
    print(
        f"Of {len(garments):,} garments of {name} {1 - _clothing(head, garments).mean():.1%} are warned of."
    )


def _clothing(head: Head, vectors: np.ndarray) -> np.ndarray:
    """Which photos pass for clothing, bool [n]."""
    likely = clothing_probability({CLOTHING: head}, vectors)
    assert likely is not None
    return likely >= CLOTHING_LEAST


def _fitted(labelled: list[Labelled], drawings: np.ndarray, others: np.ndarray, whitening: Whitening) -> Head:
    """The head for clothing; each kind of what is none has the same weight."""
    worn = np.concatenate([one.vectors[one.worn & ~one.held_out] for one in labelled])
    unworn = np.concatenate([one.vectors[~one.worn & ~one.held_out] for one in labelled])
    kinds = [worn, unworn, drawings, others]
    shares = np.array([_WORN_SHARE, *[(1 - _WORN_SHARE) / 3] * 3])
    counts = [len(kind) for kind in kinds]
    every = np.concatenate(kinds)
    codes = np.repeat([CLASSES.index("yes"), *[CLASSES.index("no")] * 3], counts).astype(np.int32)
    return fit_head(
        CLOTHING,
        every,
        codes,
        CLASSES,
        whitening=whitening,
        weights=np.repeat(shares / counts, counts) * len(every),
    )


def _labelled(file: Path, vectors: Callable[[LabelledPhotos], np.ndarray]) -> Labelled:
    photos = _photos(file)
    held_out = np.array([is_validation(one) for one in photos.ids])
    worn = np.ones(len(photos), bool)
    if MASTER_CATEGORY in pq.read_schema(file).names:
        said = pq.read_table(file, columns=[MASTER_CATEGORY])[MASTER_CATEGORY].to_pylist()
        worn = np.array([value not in NOT_WORN for value in said])
    return Labelled(file.stem, vectors(photos), worn, held_out)


def _photos(file: Path) -> LabelledPhotos:
    names = pq.read_schema(file).names
    table = pq.read_table(file, columns=[name for name in ("id", "image") if name in names])
    ids = [str(one) for one in (table["id"].to_pylist() if "id" in names else range(len(table)))]
    return LabelledPhotos(ids, table["image"].cast(pa.large_binary()), {}, {})


def _fold(key: str) -> int:
    return int(hashlib.sha1(key.encode(), usedforsecurity=False).hexdigest(), 16) % _FOLDS


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("other", type=Path, metavar="OTHER")
    arguments.add_argument("labelled", type=Path, nargs="+", metavar="LABELLED")
    arguments.add_argument("--encoder", default=BUNDLED, choices=(BUNDLED, BUNDLED_FAST))
    arguments.add_argument("--fit", action="store_true")
    arguments.add_argument("--garments", type=Path, nargs="*", default=[], metavar="FILE")
    arguments.add_argument("--scratch", type=Path, metavar="DIR", help="keeps vectors for the next run")
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory() as passing:
        main(given, given.scratch or Path(passing))
