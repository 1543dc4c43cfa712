"""Which files were found to hold what they should, remembered for as long as nothing touches them.

A generation of a million items takes seconds to read to the last byte, too long for every `lookalike.open`.
The system notes when a file's content (mtime) and anything about it (ctime) last changed, and no program can
set the latter back: while device, inode, size and both times are as they were when every byte was checked,
so is the content. What this does not notice is a disk that forgets (bit rot) or is written to past its file
system; `lookalike maintain` reads every byte, whatever is remembered.
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
"""A file that changed less long ago is not remembered: within one tick of a file system's clock (2 s on FAT,
milliseconds elsewhere) it could change again and keep its times."""

_MOST = 8192
"""Marks kept; the oldest half goes when there are more."""


class Verified:
    """What this user's processes have verified; an empty file, a mark, for each file and its sha256.

    :param folder: where the marks are; made when the first is written. Where that fails nothing is
        remembered, and every byte is read again.
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

        :param identity: its status, from before anything was read of it.
        :param sha256: hexadecimal, whole or its beginning.
        :param digest: reads all of it and gives its sha256; called only where no mark tells.
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
        """Runs a check of what a file holds, unless the file passed it before.

        :param name: of the check; another one where it looks for something else.
        :param check: raises where the file does not pass.
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
            if len(marks) > _MOST:
                for old in sorted(marks, key=_age)[: _MOST // 2]:
                    old.unlink(missing_ok=True)
        except OSError:
            pass  # a home that is full or read-only: next time every byte is read again


class Unremembered(Verified):
    """Remembers nothing: every byte is read."""

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
