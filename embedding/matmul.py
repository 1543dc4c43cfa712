"""Matrix multiplication that uses one thread for a single vector."""

from __future__ import annotations

import numpy as np


def matmul(vectors: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Multiplies vectors by a matrix.

    :param vectors: float32 [n, inputs].
    :param matrix: float32 [inputs, outputs].
    :return: float32 [n, outputs].
    """
    if len(vectors) > 1:
        product: np.ndarray = vectors @ matrix
        return product
    # For a single vector, too, BLAS wakes all its threads, which then spin for 20 ms and delay the next
    # photo's encoder.
    product = np.einsum("ij,jk->ik", vectors, matrix)
    return product
