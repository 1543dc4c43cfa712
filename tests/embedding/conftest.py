"""Fixtures for tests of the encoder and the index."""

from __future__ import annotations

import ctypes
import gc
from collections.abc import Iterator

import pytest


@pytest.fixture(scope="module", autouse=True)
def _memory_given_back() -> Iterator[None]:
    """Gives a module's memory back: networks are circles of references, and glibc keeps what is freed."""
    yield
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
