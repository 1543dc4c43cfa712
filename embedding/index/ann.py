"""Annoy's side of a generation: built the same way every time, opened only when it is what was built.

Annoy numbers memory by the largest id, samples at random, and loads a file cut short without a word: so ids
are dense, the seed is fixed, one thread builds, and who opens has checked the file's hash.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from annoy import AnnoyIndex

from storage.errors import LookalikeError
from storage.manifest import GenerationError

FILE = "vectors.ann"
SEED = 20_261
TREES = 32


def build(file: Path, vectors: np.ndarray, trees: int, seed: int = SEED) -> None:
    """Builds the index of some vectors, row numbers as ids.

    It grows in the file and not in memory: what Annoy leaves unused is then zero and equal builds give equal
    bytes.

    :param vectors: float16 or float32 [n, dimensions], memory-mapped or not.
    :raises LookalikeError: the disk is too full for it.
    """
    rows, dimensions = vectors.shape
    _check_space(file.parent, rows, dimensions, trees)
    index = AnnoyIndex(dimensions, "angular")
    index.set_seed(seed)
    index.on_disk_build(str(file))
    for row, vector in enumerate(_each(vectors)):
        index.add_item(row, vector)
    index.build(trees, n_jobs=1)
    index.unload()


def load(file: Path, rows: int, dimensions: int) -> AnnoyIndex:
    """Opens an index, memory-mapped.

    :raises GenerationError: it does not hold that many vectors of that length.
    """
    index = AnnoyIndex(dimensions, "angular")
    try:
        index.load(str(file), prefault=False)
    except OSError as error:
        raise GenerationError(f"{file} cannot be read ({error}). Run `lookalike index`.") from None
    if index.get_n_items() != rows:
        raise GenerationError(
            f"{file} holds {index.get_n_items()} vectors, not {rows}. Run `lookalike index`."
        )
    return index


def _each(vectors: np.ndarray, block: int = 4096) -> Iterator[np.ndarray]:
    for start in range(0, len(vectors), block):
        yield from vectors[start : start + block].astype(np.float32)


def _check_space(folder: Path, rows: int, dimensions: int, trees: int) -> None:
    """Annoy writes through a memory map, and a memory map into a full disk kills the process."""
    node = 12 + 4 * dimensions
    # A leaf holds up to dimensions + 2 ids and is rarely less than a third full; each needs one inner node.
    # While it grows, the file is up to 1.3 times as large as it needs to be.
    nodes = rows + trees * (6 * rows // (dimensions + 2) + 2)
    needed = int(1.3 * node * nodes)
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise LookalikeError(
            f"The index needs {needed / 1e6:,.0f} MB in {folder.parent}, where {free / 1e6:,.0f} MB are "
            "free. Free some space and try again."
        )
