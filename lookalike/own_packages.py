"""Finds files of the user's that hide a package of Lookalike's: a `storage.py` beside a notebook, for one.

Python looks in a notebook's own folder first. Imports nothing of Lookalike's, which might be hidden.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

_HOME = Path(__file__).parent.parent
"""Where all packages of Lookalike's lie side by side, in a checkout and where they are installed."""


def require_own(*names: str) -> None:
    """Checks that these names import Lookalike's own packages.

    :raises ImportError: something else has the name; the sentence says which file.
    """
    for name in names:
        found = getattr(import_module(name), "__file__", None)
        if found is None or Path(found).resolve().parent != (_HOME / name).resolve():
            raise ImportError(
                f"Lookalike cannot be used here: {found or f'a module {name}'} has the name of its package "
                f"'{name}'. Rename that file and restart Python.",
                name=name,
                path=found,
            )
