"""Makes a process cheap to start and to end: a night starts one for each store."""

from __future__ import annotations

import atexit
import gc
import sys
from importlib.abc import MetaPathFinder


def leave_out(*packages: str) -> None:
    """Makes the import of packages fail in this process, as if they were not installed.

    For those that a library loads if they are there, and that serve nothing here.
    """
    sys.meta_path.insert(0, _LeftOut(packages))


def end_quickly() -> None:
    """Spares Python's last garbage collections, which look at every object: 0.3 s after a night's imports."""
    atexit.register(gc.freeze)


class _LeftOut(MetaPathFinder):
    def __init__(self, packages: tuple[str, ...]) -> None:
        self._packages = packages

    def find_spec(self, name: str, *_: object) -> None:
        if name in self._packages:
            raise ModuleNotFoundError(f"This process has no use for {name}.", name=name)
