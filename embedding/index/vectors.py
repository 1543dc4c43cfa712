"""Stores a generation's vectors as float16, and converts them back to float32."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

FILE = "vectors.npy"


def write_projected(file: Path, blocks: Iterator[np.ndarray], rows: int, dimensions: int) -> None:
    """Writes projected vectors as a `.npy` of float16 [rows, dimensions], a block at a time.

    :param blocks: float32 [m, dimensions] each, `rows` in all.
    """
    header = {"descr": "<f2", "fortran_order": False, "shape": (rows, dimensions)}
    with file.open("wb") as stream:
        np.lib.format.write_array_header_1_0(stream, header)
        for block in blocks:
            stream.write(block.astype("<f2").tobytes())


def widen(halves: np.ndarray) -> np.ndarray:
    """Converts float16 of magnitude below 65504 to float32: like `astype`, several times faster.

    NumPy converts one value at a time where it was built without the processor's instruction for it; shifting
    the bits into a float32 and putting the exponent right goes through the vector units everywhere.
    """
    bits = np.ascontiguousarray(halves).view(np.int16).astype(np.int32)
    np.left_shift(bits, 13, out=bits)
    np.bitwise_and(bits, np.int32(-0x70002000), out=bits)  # the sign, five bits of exponent, ten of fraction
    floats = bits.view(np.float32)
    floats *= np.float32(2.0**112)
    return floats


def similarities(halves: np.ndarray, query: np.ndarray) -> np.ndarray:
    """Inner products of a few thousand vectors with one.

    :param halves: float16 [n, dimensions].
    :param query: float32 [dimensions].
    :return: float32 [n].
    """
    # Not `@`: BLAS wakes its threads for this little, and waits for them wherever other work runs (measured:
    # ten times as long).
    products: np.ndarray = np.einsum("ij,j->i", widen(halves), query)
    return products
