"""Fixtures for tests of the encoder and the index."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from scrapers.session import malloc_trim


@pytest.fixture(scope="module", autouse=True)
def _memory_given_back() -> Iterator[None]:
    """Gives a module's memory back: networks are circles of references, and glibc keeps what is freed."""
    yield
    gc.collect()
    malloc_trim.trim_after(malloc_trim.LARGE_BYTES)
