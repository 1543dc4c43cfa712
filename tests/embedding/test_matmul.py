"""BLAS's threads during a search."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from threading import Barrier

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

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


@pytest.mark.parametrize("before_search", [False, True])
def test_others_limit_blas_around_and_after_searches(before_search: bool) -> None:
    before = blas_threads()
    with threadpool_limits(1, "blas") if before_search else nullcontext(), single_thread:
        assert blas_threads() == {1}
    assert blas_threads() == before
    with threadpool_limits(1, "blas"):
        with single_thread:
            assert blas_threads() == {1}
        assert blas_threads() == {1}
    assert blas_threads() == before


SEARCH_IN_A_FORK = """
import os, signal
from threadpoolctl import threadpool_info
from embedding.matmul import single_thread

with single_thread, single_thread._lock:  # as if another thread was about to enter or to leave
    child = os.fork()
    if child:
        print(os.waitpid(child, 0)[1])
    else:
        signal.alarm(20)  # ends a process that waits for the lock
        with single_thread:
            blas = {library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"}
            os._exit(blas != {1})
"""


def test_a_forked_process_searches_while_its_parent_does() -> None:
    command = [sys.executable, "-c", SEARCH_IN_A_FORK]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.stderr) == ("0\n", "")


SEARCH_AFTER_THE_LAST_LINE = """
import threading, time
from embedding.matmul import single_thread

def search():
    time.sleep(0.2)
    with single_thread:
        print("searched")

threading.Thread(target=search).start()
"""


def test_a_thread_searches_after_the_main_one_ended() -> None:
    command = [sys.executable, "-c", SEARCH_AFTER_THE_LAST_LINE]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.stderr) == ("searched\n", "")


@pytest.mark.parametrize("count", [1, 2, 5])
def test_products_are_those_of_numpy(count: int) -> None:
    random = np.random.default_rng(count)
    vectors, matrix = random.random((count, 7), np.float32), random.random((7, 3), np.float32)
    assert np.allclose(matmul(vectors, matrix), vectors @ matrix)
