"""The engines of the candidate index: one class each, behind one interface."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

from storage.errors import InputError


class Candidates(Protocol):
    """An engine's open file, memory-mapped. Thread-safe."""

    def __len__(self) -> int:
        """Number of rows."""

    def nearest(self, query: np.ndarray, count: int, inspect: int) -> np.ndarray:
        """Rows that are likely among the nearest by cosine.

        :param query: float32 [dimensions].
        :param count: how many.
        :param inspect: how many to look at for that, at least.
        :return: int64 [at most count].
        """


class Engine(Protocol):
    """An approximate search for the nearest rows of a file. Equal rows give equal files.

    :ivar sizes: how much is built, the least first.
    :ivar enough: more is built where a search has to inspect more than this.
    """

    sizes: Sequence[int]
    enough: int

    def build(self, file: Path, vectors: np.ndarray, dimensions: int, size: int, seed: int) -> None:
        """Writes a file of rows.

        :param vectors: float16 [n, at least dimensions]; only the leading ones are compared.
        """

    def check(self, file: Path, rows: int, dimensions: int) -> None:
        """Looks at a whole file that somebody else may have written.

        :raises OSError: it is missing, or cannot be read.
        :raises ValueError: a search in it might crash or never end.
        """

    def open(self, file: Path, dimensions: int) -> Candidates:
        """Opens a file that `build` wrote, and that passed `check`.

        :raises OSError: it is missing, or cannot be read.
        """

    def most_bytes(self, rows: int, dimensions: int, size: int) -> int:
        """Room that building needs on the disk, at most."""


ENDINGS = {"annoy": "ann", "usearch": "usearch"}
"""The engines, and how the names of their files end."""


def engine(name: str) -> Engine:
    """An engine by its name.

    :raises InputError: there is none of this name, or its package is not installed.
    """
    if name == "annoy":
        from embedding.index.annoy_files import AnnoyFiles

        return AnnoyFiles()
    if name != "usearch":
        raise InputError(f"There is no index engine '{name}'. Choose {' or '.join(ENDINGS)}.")
    try:
        from embedding.index.usearch_files import UsearchFiles
    except ModuleNotFoundError as error:
        raise InputError(
            f"The index engine 'usearch' needs the package {error.name}. "
            "Run `pip install 'lookalike[usearch]'`."
        ) from None
    return UsearchFiles()
