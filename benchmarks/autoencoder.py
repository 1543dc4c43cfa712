"""The convolutional autoencoder's loss by epochs and learning rate.

    python benchmarks/labelled_photos.py ../shared/data PHOTOS
    python benchmarks/autoencoder.py PHOTOS OUT [--epochs 30,50,100] [--rates 0.01,0.001] [--photos-used N]
    python benchmarks/retrieval.py PHOTOS OUT/rate-0.001/epochs-100.npz

OUT keeps the trainings: stopped and run again, the script goes on. Their weights are for
`benchmarks/retrieval.py`, which compares codes by Euclidean distance, as in the paper.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import pyarrow.parquet as pq

from embedding.training.autoencoder import AutoencoderRecipe, train_autoencoder
from embedding.training.datasets import is_validation


def main(photos: Path, out: Path, epochs: list[int], rates: list[float], most: int | None) -> None:
    """Prints the table and names the best weights."""
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
    print(f"\nThe lowest validation loss: {min(found.values(), key=lambda figures: figures[1])[2]}")


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
