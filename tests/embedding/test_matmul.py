"""BLAS's threads during a search."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import numpy as np
import pytest
from threadpoolctl import threadpool_info

from embedding.matmul import matmul, single_thread


def blas_threads() -> set[int]:
    return {library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"}


def test_blas_keeps_to_one_thread_until_the_last_search_ends() -> None:
    both = Barrier(2, timeout=30)

    def search(number: int) -> set[int]:
        with single_thread:
            both.wait()
            seen = blas_threads()
            both.wait()
        return seen

    before = blas_threads()
    for _ in range(2):
        with ThreadPoolExecutor(2) as pool:
            assert list(pool.map(search, range(2))) == [{1}, {1}]
        assert blas_threads() == before
    with single_thread:
        with single_thread:
            assert blas_threads() == {1}
        assert blas_threads() == {1}
    assert blas_threads() == before


def test_blas_gets_its_threads_back_after_an_error() -> None:
    before = blas_threads()
    with pytest.raises(ZeroDivisionError), single_thread:
        _ = 1 / 0
    assert blas_threads() == before


@pytest.mark.parametrize("count", [1, 2, 5])
def test_products_are_those_of_numpy(count: int) -> None:
    random = np.random.default_rng(count)
    vectors, matrix = random.random((count, 7), np.float32), random.random((7, 3), np.float32)
    assert np.allclose(matmul(vectors, matrix), vectors @ matrix)
