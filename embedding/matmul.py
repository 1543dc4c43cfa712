"""Matrix multiplication for searches: how many threads BLAS uses."""

from __future__ import annotations

import functools
import os
import threading
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

    The number of threads is the process's, so the last to leave sets back what the first has found. A thread
    of its own does both, and ends: threadpoolctl lets only the thread that set a limit change it, and no
    other set one until then.
    """

    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        """Begins anew, as in a forked process: it has none of the threads that were within."""
        self._lock = threading.Lock()
        self._inside = 0

    def __enter__(self) -> None:
        with self._lock:
            if not self._inside:
                limited, self._left = threading.Event(), threading.Event()
                self._keeper = threading.Thread(target=self._keep, args=(limited, self._left), daemon=True)
                self._keeper.start()
                limited.wait()
            self._inside += 1

    def __exit__(self, *error: object) -> None:
        with self._lock:
            self._inside -= 1
            if not self._inside:
                self._left.set()
                self._keeper.join()

    def _keep(self, limited: threading.Event, left: threading.Event) -> None:
        try:
            with _blas().limit(limits=1, user_api="blas"):
                limited.set()
                left.wait()
        finally:
            limited.set()


single_thread = _SingleThread()
"""A search multiplies small matrices: BLAS's other threads would spin for longer than they compute, half
of a photo's processor time."""


@functools.cache
def _blas() -> Any:
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()  # looks through all loaded libraries, which takes a millisecond


os.register_at_fork(after_in_child=single_thread.begin)
