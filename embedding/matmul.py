"""Multiplying vectors by a matrix, where one vector must not wake all processors."""

from __future__ import annotations

import numpy as np


def matmul(vectors: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """The vectors times a matrix.

    :param vectors: float32 [n, inputs].
    :param matrix: float32 [inputs, outputs].
    :return: float32 [n, outputs].
    """
    if len(vectors) > 1:
        product: np.ndarray = vectors @ matrix
        return product
    # BLAS wakes its threads for one vector, too, and they go on spinning: 20 ms of processor time that the
    # next photo's encoder waits for.
    product = np.einsum("ij,jk->ik", vectors, matrix)
    return product
