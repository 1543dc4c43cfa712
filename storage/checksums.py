"""What the tables' files held when they were written: `checksums.json`, beside `root.json`.

A file of a table never changes, and a changed byte of it is not always noticed by who reads it: Parquet's
pages are compressed without a checksum. So every night notes the sha256 of its new files. A bucket checks its
objects itself.
"""

from __future__ import annotations

import json
from collections.abc import Iterable

from storage.errors import ForeignFileError
from storage.root import Root
from storage.verification_cache import sha256_of

_FILE = "checksums.json"


def read(root: Root) -> dict[str, str]:
    """The sha256 noted of each file, hexadecimal, by its name below the root; none where they are damaged."""
    try:
        noted = json.loads(root.files.read(_FILE) or b"{}")
    except (OSError, ValueError, ForeignFileError):
        return {}
    return noted if isinstance(noted, dict) else {}


def note(root: Root, names: Iterable[str]) -> None:
    """Notes the files that are not noted yet, and forgets all others.

    :param names: of the files that the tables are made of, below the root.
    """
    before = read(root)
    noted = {}
    for name in names:
        try:
            noted[name] = before.get(name) or sha256_of(root.path / name)
        except OSError:
            continue  # gone meanwhile, or damaged, which an audit says
    if noted != before:
        _write(root, noted)


def forget(root: Root, folder: str) -> None:
    """Forgets the files of a folder that was made anew: they have the names of others."""
    _write(root, {name: sha256 for name, sha256 in read(root).items() if not name.startswith(f"{folder}/")})


def _write(root: Root, noted: dict[str, str]) -> None:
    try:
        stored = root.files.read(_FILE)
    except (OSError, ForeignFileError):
        stored = b""
    root.files.replace(_FILE, json.dumps(noted, sort_keys=True).encode(), stored)
