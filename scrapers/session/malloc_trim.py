"""Memory that is free again goes back to the system."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable

LARGE_BYTES = 256 * 1024
"""From this size on, what a page leaves behind is worth the two milliseconds."""


def trim_after(size_bytes: int) -> None:
    """Gives back what a large page left behind, once it is no longer used.

    glibc keeps memory that is free below memory in use: after three megabytes of HTML, 60 MB. Another C
    library is left to itself.

    :param size_bytes: how large the page was.
    """
    if size_bytes >= LARGE_BYTES and _malloc_trim is not None:
        _malloc_trim(0)


def _of_glibc() -> Callable[[int], int] | None:
    if not sys.platform.startswith("linux"):
        return None
    return getattr(ctypes.CDLL(None), "malloc_trim", None)


_malloc_trim = _of_glibc()
