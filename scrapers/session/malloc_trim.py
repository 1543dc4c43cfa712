"""Gives freed memory back to the system."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable

LARGE_BYTES = 256 * 1024
"""Size of a page from which trimming is worth its two milliseconds."""


def trim_after(size_bytes: int) -> None:
    """Gives the memory that a large page took back to the system.

    glibc keeps free memory that lies below memory in use: 60 MB after three megabytes of HTML. Nothing is
    done with another C library.

    :param size_bytes: how large the page was.
    """
    if size_bytes >= LARGE_BYTES and _malloc_trim is not None:
        _malloc_trim(0)


def _of_glibc() -> Callable[[int], int] | None:
    if not sys.platform.startswith("linux"):
        return None
    return getattr(ctypes.CDLL(None), "malloc_trim", None)


_malloc_trim = _of_glibc()
