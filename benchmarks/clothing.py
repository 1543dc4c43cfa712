"""How often an encoder takes other things for clothing, and warns of garments.

    python benchmarks/clothing.py ../shared/data/other.parquet GARMENTS.parquet… [--encoder NAME]

Of `other.parquet`, photos of things that nobody wears, it prints the share that a search does not warn of, in
all and by category; of GARMENTS, files with `image`, the share that it warns of. Of files with `id` only the
photos of the validation split count.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from contenders import ResNet50, kept

from embedding.encoder.heads import CLOTHING_LEAST, clothing_probability
from embedding.encoder.weights import load_weights
from embedding.training.datasets import LabelledPhotos, is_validation

_SHOWN = 12


def main(other: Path, garments: list[Path], encoder: str, scratch: Path) -> None:
    """Measures and prints."""
    weights = load_weights(encoder)
    contender = ResNet50(weights, None)

    def garment(file: Path) -> np.ndarray:
        photos = _photos(file)
        likely = clothing_probability(weights.heads, kept(scratch, contender.key, photos, contender.vectors))
        if likely is None:
            raise SystemExit(
                f"The weights '{encoder}' have no head for clothing. Add one: benchmarks/heads.py."
            )
        return likely >= CLOTHING_LEAST

    taken = garment(other)
    print(f"{encoder}: of {len(taken):,} photos of other things {taken.mean():.1%} pass for clothing.")
    names = np.array(pq.read_table(other, columns=["category"])["category"].to_pylist())
    found, counts = np.unique(names[taken], return_counts=True)
    worst = np.argsort(-counts, kind="stable")[:_SHOWN]
    print(", ".join(f"{found[row]} {counts[row]} of {(names == found[row]).sum()}" for row in worst))
    for file in garments:
        passing = garment(file)
        print(f"Of {len(passing):,} garments of {file.stem} {1 - passing.mean():.1%} are warned of.")


def _photos(file: Path) -> LabelledPhotos:
    """The photos of a file; those of the validation split where it has photos of it."""
    names = pq.read_schema(file).names
    table = pq.read_table(file, columns=[name for name in ("id", "image") if name in names])
    ids = [str(row) for row in range(len(table))]
    if "id" in names and file.stem != "other":
        ids = [str(one) for one in table["id"].to_pylist()]
        held_out = np.flatnonzero([is_validation(one) for one in ids])
        table, ids = table.take(pa.array(held_out)), [ids[row] for row in held_out]
    return LabelledPhotos(ids, table["image"].cast(pa.large_binary()), {}, {})


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("other", type=Path, metavar="OTHER")
    arguments.add_argument("garments", type=Path, nargs="*", metavar="GARMENTS")
    arguments.add_argument("--encoder", default="fashion")
    arguments.add_argument("--scratch", type=Path, metavar="DIR", help="keeps vectors for the next run")
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory() as passing:
        main(given.other, given.garments, given.encoder, given.scratch or Path(passing))
