"""Finds files of the user's that hide a package of Lookalike's: a `storage.py` beside a notebook, for one.

Python looks in a notebook's own folder first. Imports nothing of Lookalike's, which might be hidden.
"""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path

_HOME = Path(__file__).parent.parent
"""Where all packages of Lookalike's lie side by side, in a checkout and where they are installed."""


def require_own(*names: str) -> None:
    """Checks that these names import Lookalike's own packages.

    :raises ImportError: something else has the name; the sentence says which file.
    """
    for name in names:
        try:
            spec = find_spec(name)
        except ValueError:  # a module that somebody made in memory
            spec = None
        found = spec.origin if spec is not None else None
        own = _HOME / name / "__init__.py"
        if found is not None and Path(found).resolve() == own.resolve():
            continue
        if spec is None and name not in sys.modules:
            raise ImportError(f"Lookalike is incomplete: {own} is missing. Install it again.", name=name)
        raise ImportError(
            f"Lookalike cannot be used here: {found or f'a module {name}'} has the name of its package "
            f"'{name}'. Rename that file and restart Python.",
            name=name,
            path=found,
        )
