"""The interface of an engine."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np


class Engine(Protocol):
    """Finds near vectors by cosine.

    :ivar name: what the table calls it.
    :ivar efforts: what its knob for a query is set to, the least effort first; one value where it has none.
    """

    name: str
    efforts: Sequence[int]

    def fit(self, vectors: Path, folder: Path) -> None:
        """Builds an index of a `.npy` of float16 [n, dimensions], L2 norm 1, and saves it in a folder."""

    def load(self, vectors: Path, folder: Path) -> None:
        """Opens a saved index, memory-mapped where it can be."""

    def query(self, vector: np.ndarray, k: int, effort: int) -> np.ndarray:
        """Rows of the `k` nearest, int [k], for float32 [dimensions]."""
