"""Writes a golden generation of this release's format: `python tests/golden/write_generation.py`.

Run it once a format. Every release must open all golden generations and find in them what was found; a
released one is never written again. Those of earlier formats were written by `write` with the code of their
time (`git archive COMMIT`): `generation-v1-one-file` by 9fdc90e, before products that show one photo were
grouped and Annoy's files were split; `generation-v1` by 3707119, before a projection held heads;
`generation-v2` by dce12a5, before an index could grow. Since then the last products are added to a whole
build.
"""

from __future__ import annotations

import shutil
import sys
from functools import partial
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))

from embedding.encoder.heads import Head
from embedding.encoder.predictions import adopt_heads
from embedding.index import build
from embedding.index.projection import fit
from storage import generations, tables
from storage.manifest import SCHEMA_VERSION
from storage.root import Root
from tests import catalogues

DIM, COUNT = 16, 32
"""Of its embeddings: enough to be projected, few enough to be kept."""

ADDED = 2
"""Products in the shard of what was added."""


def embeddings() -> np.ndarray:
    """What its photos are embedded as. float32 [COUNT, DIM], L2 norm 1."""
    vectors = np.random.default_rng(7).standard_normal((COUNT, DIM)) + 0.5
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def write(folder: Path) -> None:
    """Writes the published part of a data root into a new folder."""
    root = Root.open(folder, create=True)
    image_ids = [f"{number:064x}" for number in range(COUNT)]
    products = [
        catalogues.product("shop.example", f"p{number}", [image_id])
        for number, image_id in enumerate(image_ids)
    ]
    photo = catalogues.jpeg((30, 60, 140), (8, 8))
    vectors = dict(zip(image_ids, embeddings(), strict=True))
    encoder = root.encoders / catalogues.MODEL
    encoder.mkdir()
    facts = catalogues.spec().model_copy(update={"dim": DIM})
    (encoder / "encoder.json").write_text(facts.model_dump_json())
    catalogues.write(root, products[:-ADDED], dict.fromkeys(image_ids, photo), vectors)
    kernel = np.random.default_rng(8).standard_normal((DIM, 2)).astype(np.float32)
    adopt_heads(
        root, catalogues.MODEL, {"colour": Head("colour", ("navy", "red"), kernel, np.zeros(2, np.float32))}
    )
    build.fit = partial(fit, min_images=COUNT - ADDED)  # so few photos are not projected otherwise
    build.build_index(root, catalogues.MODEL)
    tables.merge(root, "products", products[-ADDED:])
    assert build.build_index(root, catalogues.MODEL).grown
    for whole in generations.names(root)[:-1]:
        shutil.rmtree(root.index / whole)
    for rest in ("tables", "locks", "staging"):
        shutil.rmtree(folder / rest, ignore_errors=True)


if __name__ == "__main__":
    write(Path(__file__).parent / f"generation-v{SCHEMA_VERSION}")
