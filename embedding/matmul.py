"""Matrix multiplication for searches: how many threads BLAS uses."""

from __future__ import annotations

import functools
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

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


class _SingleThread:
    """Keeps BLAS at one thread while anything runs within it, in whichever threads of the process.

    The number of threads is the process's, so the last to leave sets back what the first has found. Both are
    done by one thread: threadpoolctl lets only the thread that set a limit change it.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._limit: Any = None

    def __enter__(self) -> None:
        with self._lock:
            if not self._inside:
                self._limit = _worker().submit(lambda: _blas().limit(limits=1, user_api="blas")).result()
            self._inside += 1

    def __exit__(self, *error: object) -> None:
        with self._lock:
            self._inside -= 1
            if not self._inside:
                _worker().submit(self._limit.restore_original_limits).result()


single_thread = _SingleThread()
"""A search multiplies small matrices: BLAS's other threads would spin for longer than they compute, half
of a photo's processor time."""


@functools.cache
def _blas() -> Any:
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()  # looks through all loaded libraries, which takes a millisecond


@functools.cache
def _worker() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(1)


os.register_at_fork(after_in_child=_worker.cache_clear)  # threads do not survive a fork
