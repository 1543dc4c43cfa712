"""Remembers which files were verified, until they change.

Reading a generation of a million items to the last byte takes seconds, too long for every `lookalike.open`.
The system notes when a file's content (mtime) and its metadata (ctime) last changed, and no program can set
ctime back: as long as device, inode, size and both times are unchanged, so is the content. This does not
notice bit rot, or writes that bypass the file system; `lookalike maintain` always reads every byte.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable
from io import BufferedReader
from pathlib import Path

from storage.regular import open_regular

_SETTLED_S = 2.0
"""A file that changed more recently is not remembered: within one tick of the file system's clock (2 s on
FAT, milliseconds elsewhere) it could change again without a new time."""

_MAX_MARKS = 8192
"""Number of marks from which the oldest half is deleted."""


class Verified:
    """The cache of verified files: an empty file (a mark) for each verified file and sha256.

    :param folder: the folder of the marks, made with the first one. If it cannot be written, nothing is
        remembered and every byte is read again.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def holds(self, file: Path, sha256: str) -> bool:
        """Whether a file has this sha256.

        :param sha256: hexadecimal, whole or its beginning.
        :raises OSError: the file cannot be read.
        """
        with open_regular(file) as stream:
            return self.confirm(os.fstat(stream.fileno()), sha256, lambda: _digest_of(stream))

    def confirm(self, identity: os.stat_result, sha256: str, digest: Callable[[], str]) -> bool:
        """Whether an opened file has this sha256.

        :param identity: its status before it was read.
        :param sha256: hexadecimal, whole or its beginning.
        :param digest: reads the whole file and returns its sha256; called only if there is no mark.
        """
        mark = self._mark(identity, sha256)
        if mark.exists():
            return True
        settled = time.time() - max(identity.st_mtime, identity.st_ctime) > _SETTLED_S
        found = digest().startswith(sha256)
        if found and settled:
            self._remember(mark)
        return found

    def passes(self, file: Path, name: str, check: Callable[[], None]) -> None:
        """Runs a check of a file's content, unless the file has passed it before.

        :param name: the check's name, unique for what it checks.
        :param check: raises if the file does not pass.
        :raises OSError: the file cannot be read.
        """

        def passed() -> str:
            check()
            return name

        with open_regular(file) as stream:
            self.confirm(os.fstat(stream.fileno()), name, passed)

    def _mark(self, identity: os.stat_result, sha256: str) -> Path:
        facts = (
            *(identity.st_dev, identity.st_ino, identity.st_size, identity.st_mtime_ns, identity.st_ctime_ns),
            sha256,
        )
        return self._folder / hashlib.sha256("-".join(map(str, facts)).encode()).hexdigest()[:40]

    def _remember(self, mark: Path) -> None:
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            mark.touch()
            marks = list(self._folder.iterdir())
            if len(marks) > _MAX_MARKS:
                for old in sorted(marks, key=_age)[: _MAX_MARKS // 2]:
                    old.unlink(missing_ok=True)
        except OSError:
            pass  # the folder is full or read-only: the next time every byte is read again


class Unremembered(Verified):
    """A cache that remembers nothing, so that every byte is read."""

    def __init__(self) -> None:
        super().__init__(Path(os.devnull))

    def confirm(self, identity: os.stat_result, sha256: str, digest: Callable[[], str]) -> bool:
        """See `Verified.confirm`."""
        return digest().startswith(sha256)


def sha256_of(file: Path) -> str:
    """A file's sha256, hexadecimal.

    :raises OSError: it cannot be read.
    """
    with open_regular(file) as stream:
        return _digest_of(stream)


def _digest_of(stream: BufferedReader) -> str:
    return hashlib.file_digest(stream, "sha256").hexdigest()


def _age(mark: Path) -> float:
    try:
        return mark.stat().st_mtime
    except FileNotFoundError:
        return 0.0
