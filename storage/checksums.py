"""The sha256 of each file of the tables: `checksums.json`, beside `root.json`.

A table's files never change, but readers may miss a changed byte, because Parquet compresses pages without a
checksum. So every night notes the sha256 of its new files. A bucket checks its objects itself.
"""

from __future__ import annotations

import json
from collections.abc import Iterable

from storage.errors import ForeignFileError
from storage.root import Root
from storage.verification_cache import sha256_of

_FILE = "checksums.json"


def read(root: Root) -> dict[str, str]:
    """The noted sha256 of each file, hexadecimal, by name below the root; empty if damaged."""
    try:
        noted = json.loads(root.files.read(_FILE) or b"{}")
    except (OSError, ValueError, ForeignFileError):
        return {}
    return noted if isinstance(noted, dict) else {}


def note(root: Root, names: Iterable[str]) -> None:
    """Notes new files, and forgets files that are no longer part of the tables.

    :param names: names of all files of the tables, below the root.
    """
    before = read(root)
    noted = {}
    for name in names:
        try:
            noted[name] = before.get(name) or sha256_of(root.path / name)
        except OSError:
            continue  # deleted meanwhile, or damaged, which the audit reports
    if noted != before:
        _write(root, noted)


def forget(root: Root, folder: str) -> None:
    """Forgets the files of a folder that was rebuilt, since the new ones may have the same names."""
    _write(root, {name: sha256 for name, sha256 in read(root).items() if not name.startswith(f"{folder}/")})


def _write(root: Root, noted: dict[str, str]) -> None:
    try:
        stored = root.files.read(_FILE)
    except (OSError, ForeignFileError):
        stored = b""
    root.files.replace(_FILE, json.dumps(noted, sort_keys=True).encode(), stored)
