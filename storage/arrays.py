"""Reading `.npz` files that somebody else may have written: without pickles, and no larger than allowed."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np

from storage.regular import open_regular

MOST_BYTES = 512 * 2**20
"""Bytes of all arrays of a file, unpacked: a projection of 2048 dimensions and its heads take 17 MB."""


def read_npz(file: Path, most_bytes: int = MOST_BYTES) -> dict[str, np.ndarray]:
    """The arrays of a file by their names.

    :raises OSError: it cannot be read.
    :raises ValueError: it holds no plain arrays, or they take more than `most_bytes`.
    """
    try:
        with open_regular(file) as stream:
            with zipfile.ZipFile(stream) as members:
                if sum(member.file_size for member in members.infolist()) > most_bytes:
                    raise ValueError(f"its arrays take more than {most_bytes:,} bytes")
            stream.seek(0)
            with np.load(stream, allow_pickle=False) as arrays:
                return {name: arrays[name] for name in arrays.files}
    except (zipfile.BadZipFile, KeyError, EOFError, IndexError, MemoryError, NotImplementedError) as error:
        raise ValueError(str(error) or type(error).__name__) from error
