"""Reads untrusted `.npz` and `.npy` files: regular files only, without pickles, and only up to a size."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np

from storage.regular import open_regular

MAX_BYTES = 512 * 2**20
"""Largest size of a file's arrays, decompressed; a 2048-dimensional projection with its heads takes 17 MB."""


def read_npz(file: Path, max_bytes: int = MAX_BYTES) -> dict[str, np.ndarray]:
    """The arrays of a file by their names.

    :raises OSError: it cannot be read.
    :raises ValueError: it holds no plain arrays, or they take more than `max_bytes`.
    """
    try:
        with open_regular(file) as stream:
            with zipfile.ZipFile(stream) as members:
                if sum(member.file_size for member in members.infolist()) > max_bytes:
                    raise ValueError(f"its arrays take more than {max_bytes:,} bytes")
            stream.seek(0)
            with np.load(stream, allow_pickle=False) as arrays:
                return {name: _plain_array(name, arrays[name]) for name in arrays.files}
    except OSError:
        raise
    except Exception as error:  # NumPy and zipfile raise whatever their parsing of hostile bytes runs into.
        raise ValueError(str(error) or type(error).__name__) from error


def _plain_array(name: str, member: object) -> np.ndarray:
    if not isinstance(member, np.ndarray):  # NumPy returns the bytes of what has no header of an array
        raise ValueError(f"its {name} is no array")
    return member


def map_array(file: Path) -> np.ndarray:
    """The array of a `.npy` file as `numpy.save` writes it, memory-mapped and read-only.

    :raises OSError: it cannot be read, or is no regular file.
    :raises ValueError: it holds no plain array.
    """
    try:
        with open_regular(file) as stream:
            if np.lib.format.read_magic(stream) != (1, 0):
                raise ValueError("its format is of another version")
            shape, is_transposed, dtype = np.lib.format.read_array_header_1_0(stream)
            if is_transposed:
                raise ValueError("its axes are in another order")
            if dtype.hasobject:  # the file's bytes would be taken for addresses of memory
                raise ValueError("it holds Python objects")
            return np.memmap(stream, dtype, "r", stream.tell(), shape)
    except OSError:
        raise
    except Exception as error:  # NumPy evaluates the header as Python, and raises whatever comes of it.
        raise ValueError(str(error) or type(error).__name__) from error
