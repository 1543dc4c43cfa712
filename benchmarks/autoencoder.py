"""The convolutional autoencoder: its losses by epochs and learning rate, and what it finds.

    python benchmarks/labelled_photos.py ../shared/data PHOTOS
    python benchmarks/autoencoder.py PHOTOS OUT [--epochs 30,50,100] [--rates 0.01,0.001] [--photos-used N]

OUT keeps the trainings: stopped and run again, the script goes on. Retrieval is precision@5 on the published
validation split by Euclidean distance of the codes, as in the paper, with the weights of the lowest
validation loss.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from embedding.encoder import autoencoder as network
from embedding.encoder.preprocess import pixels_of
from embedding.encoder.weights import Weights, load_weights
from embedding.training.autoencoder import AutoencoderRecipe, train_autoencoder
from embedding.training.datasets import is_validation, read_labelled
from embedding.training.evaluate import precision

_SPLITS = (("", ("article_type", "colour", "article_type+colour")), ("street_", ("category",)))
_BATCH = 64


def main(photos: Path, out: Path, epochs: list[int], rates: list[float], most: int | None) -> None:
    """Prints both tables."""
    files = [_some(photos / "catalogue.parquet", out, most)]
    found: dict[tuple[int, float], tuple[float, float, Path]] = {}
    for rate in rates:
        folder = out / f"rate-{rate:g}"
        for count in epochs:
            weights = train_autoencoder(files, AutoencoderRecipe(epochs=count, learning_rate=rate), folder)
            history = json.loads((folder / "history.json").read_text())
            kept = folder / f"epochs-{count}.npz"
            if not kept.exists():  # a finished training of more epochs is not gone back in
                kept.write_bytes(weights.read_bytes())
            found[count, rate] = (history["loss"][count - 1], history["val_loss"][count - 1], kept)
    rows = pq.read_metadata(files[0]).num_rows
    print(
        f"{rows:,} photos, the validation split among them.\n\n| epochs | learning rate | loss | validation |"
    )
    print("|---|---|---|---|")
    for (count, rate), (loss, validation, _) in sorted(found.items()):
        print(f"| {count} | {rate:g} | {loss:.4f} | {validation:.4f} |", flush=True)
    best = min(found.values(), key=lambda figures: figures[1])[2]
    print(f"\n| {best.parent.name}, {best.stem}: type | colour | both | street |\n|---|---|---|---|")
    weights = load_weights(str(best))
    figures = [figure for prefix, labels in _SPLITS for figure in _retrieval(photos, prefix, labels, weights)]
    print("| " + " | ".join(f"{figure:.3f}" for figure in figures) + " |")


def _some(file: Path, out: Path, most: int | None) -> Path:
    """The file, or its first rows and as large a share of them for validation as the whole has."""
    if most is None:
        return file
    out.mkdir(parents=True, exist_ok=True)
    some = out / f"first-{most}.parquet"
    if not some.exists():
        pq.write_table(pq.read_table(file).slice(0, most), some)
    assert any(map(is_validation, pq.read_table(some, columns=["id"])["id"].to_pylist()))
    return some


def _retrieval(photos: Path, prefix: str, labels: tuple[str, ...], weights: Weights) -> list[float]:
    read = read_labelled([photos / f"{prefix}queries.parquet", photos / f"{prefix}gallery.parquet"], labels)
    asked = pq.read_metadata(photos / f"{prefix}queries.parquet").num_rows
    autoencoder = network.build_autoencoder(weights.input_px)
    network.put(weights, autoencoder)
    code = network.code_of(autoencoder)
    codes = []
    for first in range(0, len(read), _BATCH):
        rows = range(first, min(first + _BATCH, len(read)))
        pixels = np.stack([pixels_of(read.image(row), weights.input_px) for row in rows])
        codes.append(np.asarray(code.predict_on_batch(pixels.astype(np.float32) / 255)))
    vectors = np.concatenate(codes)
    nearest = _nearest_five(vectors[:asked], vectors[asked:])
    return [precision(values[:asked], values[asked:][nearest]) for values in read.codes.values()]


def _nearest_five(queries: np.ndarray, gallery: np.ndarray) -> np.ndarray:
    """Rows of the five nearest by Euclidean distance, exactly: int64 [q, 5]."""
    distances = (gallery**2).sum(axis=1) - 2 * queries @ gallery.T
    return np.argpartition(distances, 5, axis=1)[:, :5]


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("photos", type=Path)
    arguments.add_argument("out", type=Path)
    arguments.add_argument("--epochs", default="30,50,100")
    arguments.add_argument("--rates", default="0.01,0.001")
    arguments.add_argument(
        "--photos-used", type=int, metavar="N", help="train on the first N; all if not given"
    )
    given = arguments.parse_args()
    main(
        given.photos,
        given.out,
        [int(count) for count in given.epochs.split(",")],
        [float(rate) for rate in given.rates.split(",")],
        given.photos_used,
    )
