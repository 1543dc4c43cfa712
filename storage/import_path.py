"""Where the processes that we start find our packages, and never a user's file of the same name."""

from __future__ import annotations

import os
import sys
from importlib.machinery import PathFinder
from pathlib import Path

PACKAGES = ("storage", "scrapers", "embedding", "flows", "dashboards")
_HOME = Path(__file__).resolve().parent.parent
_INSTALLED = ("site-packages", "dist-packages")


def import_folders() -> list[str]:
    """Folders of `sys.path`, but for those that hold a `storage.py` or the like of the user's.

    What is installed is needed even where a package there has such a name: ours come first.
    """
    folders = (os.path.abspath(folder) for folder in sys.path)  # noqa: PTH100 - '' is the current folder
    return [kept for folder in folders for kept in _kept(folder)]


def import_environment() -> dict[str, str]:
    """Environment variables by which a Python process, and those it starts, import what this one imports.

    A child runs nothing of the user's, so that it does not look in the current folder either.
    """
    return {"PYTHONPATH": os.pathsep.join(import_folders()), "PYTHONSAFEPATH": "1"}


def _kept(folder: str) -> list[str]:
    if not _hides(folder):
        return [folder]
    return [str(_HOME), folder] if Path(folder).name in _INSTALLED else []


def _hides(folder: str) -> bool:
    if Path(folder).resolve() == _HOME:
        return False
    found = (PathFinder.find_spec(name, [folder]) for name in PACKAGES)
    # A folder without `__init__.py` has no loader, and gives way to a package.
    return any(spec is not None and spec.loader is not None for spec in found)
