"""Compares encoders on a store that no training saw: precision@5 as search compares.

    python benchmarks/unseen_store.py ../shared/outfits/products.parquet [ENCODER…] [--scratch DIR]

Queries are the photos of every sixth model (by its sha1), the gallery those of all others, so that no query
finds its own product in another colour. ENCODER is as for `retrieval.py`; without any, `fashion-fast` and
`fashion`. A colour histogram stands beside them.
"""

from __future__ import annotations

import argparse
import hashlib
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from contenders import ColourHistogram, contender_of, kept

from embedding.exact import nearest
from embedding.training.datasets import LabelledPhotos
from embedding.training.retrieval_metrics import PRECISION_AT

_ONE_IN = 6


def main(file: Path, encoders: list[str], scratch: Path) -> None:
    """Measures and prints."""
    columns = ["product_id", "model", "family", "colour", "image"]
    table = pq.read_table(file, columns=columns).combine_chunks()
    photos = LabelledPhotos(table["product_id"].to_pylist(), table["image"].cast(pa.large_binary()), {}, {})
    asked = np.array([model_fold(model) == 0 for model in table["model"].to_pylist()])
    family, colour = table["family"], table["colour"]
    labels = {
        "family": family,
        "colour": colour,
        "both": pc.binary_join_element_wise(family.cast(pa.string()), colour.cast(pa.string()), "|"),
    }
    print(f"| encoder ({asked.sum()} queries) | " + " | ".join(labels) + " |\n|---|---|---|---|")
    for name in ["colour histogram", *encoders]:
        contender = ColourHistogram() if name == "colour histogram" else contender_of(name, None)
        if contender is None:
            continue
        vectors = kept(scratch, contender.key, photos, contender.vectors)
        found = nearest(*contender.comparable(vectors[asked], vectors[~asked]), PRECISION_AT)
        print(
            f"| {name} | "
            + " | ".join(f"{_precision(of, asked, found):.3f}" for of in labels.values())
            + " |"
        )


def model_fold(model: object) -> int:
    """The fold of a product's model, 0 to 5; fold 0 are the queries."""
    return int(hashlib.sha1(str(model).encode(), usedforsecurity=False).hexdigest(), 16) % _ONE_IN


def _precision(label: pa.ChunkedArray, asked: np.ndarray, found: np.ndarray) -> float:
    """Mean share of the nearest that have the query's value, over the queries that have one."""
    values = np.array(label.to_pylist(), object)
    known = np.array([value is not None for value in values[asked]])
    return float((values[~asked][found[known]] == values[asked][known, None]).mean())


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("file", type=Path, metavar="FILE")
    arguments.add_argument("encoders", nargs="*", metavar="ENCODER", default=["fashion-fast", "fashion"])
    arguments.add_argument("--scratch", type=Path, metavar="DIR", help="keeps vectors for the next run")
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory() as passing:
        main(given.file, given.encoders, given.scratch or Path(passing))
