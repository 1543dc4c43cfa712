"""Reads vectors from the `embeddings` table into a memory-mapped matrix."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from storage import row_groups, tables
from storage.root import Root

BLOCK_ROWS = 4096
"""Vectors handled at a time: 32 MB of 2048 float32."""


def embedded_ids(root: Root, model: str) -> pa.Array:
    """Identifiers of the images that have a vector of this model, sorted."""
    ids = tables.read(root, "embeddings", columns=["image_id"], where=pc.field("model") == model)["image_id"]
    unique = pc.unique(ids)
    return unique.take(pc.sort_indices(unique))


class EmbeddingMatrix:
    """An encoder's vectors in the order of their images' ids, in a temporary file.

    With a fixed order, sums over them are reproducible, whatever the layout of the table's files.

    :ivar ids: string [n], sorted.
    :ivar vectors: float32 [n, dim], L2 norm 1, memory-mapped; rows that are not `usable` are 0.
    :ivar usable: bool [n], False where the vector is missing, zero or not finite.
    :param on_progress: called with the number of vectors of each portion read.
    """

    def __init__(
        self,
        root: Root,
        model: str,
        ids: pa.Array,
        dim: int,
        file: Path,
        on_progress: Callable[[int], None] = lambda done: None,
    ) -> None:
        self.ids = ids
        self.usable = np.zeros(len(ids), bool)
        with file.open("w+b") as stream:
            # A memory map into a full disk kills the process; asking for the space first raises instead.
            os.posix_fallocate(stream.fileno(), 0, max(1, len(ids) * dim * 4))
            self.vectors = np.memmap(stream, np.float32, "r+", shape=(len(ids), dim))
        # Hashed once; Arrow's `index_in` would hash all ids for each batch.
        rows_of = pd.Index(ids.to_numpy(zero_copy_only=False))
        for batch in row_groups.scan(
            root,
            "embeddings",
            ids,
            key="image_id",
            columns=("image_id", "vector"),
            batch_size=BLOCK_ROWS,
            where=pc.field("model") == model,
        ):
            places = rows_of.get_indexer(batch.column("image_id").to_numpy(zero_copy_only=False))
            lengths = pc.fill_null(pc.list_value_length(batch.column("vector")), 0)
            wanted = (places >= 0) & (lengths.to_numpy(zero_copy_only=False) == dim)
            rows = places[wanted]
            kept = batch.column("vector").filter(pa.array(wanted))
            raw = kept.flatten().to_numpy(zero_copy_only=False).reshape(-1, dim)
            norms = np.linalg.norm(raw, axis=1)
            good = np.isfinite(norms) & (norms > 1e-6)
            self.vectors[rows[good]] = raw[good] / norms[good, None]
            self.usable[rows[good]] = True
            on_progress(len(rows))

    def blocks(self) -> Iterator[np.ndarray]:
        """The usable vectors, float32 [m, dim] at a time."""
        for start in range(0, len(self.ids), BLOCK_ROWS):
            part = slice(start, start + BLOCK_ROWS)
            yield self.vectors[part][self.usable[part]]
