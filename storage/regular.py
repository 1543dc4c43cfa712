"""Opens regular files only, never a link, a pipe or a device.

In an untrusted data folder a pipe or a device could be read for ever, and a link could lead to private files.
"""

from __future__ import annotations

import errno
import os
import stat
from io import BufferedReader
from pathlib import Path

SMALL_BYTES = 16 * 2**20
"""Largest size of a file that is read as a whole: manifests, `CURRENT` and the like take a hundredth of
it."""

_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def open_regular(path: Path) -> BufferedReader:
    """Opens a regular file for reading.

    :raises OSError: it cannot be read, or is a link, a folder, a pipe or a device.
    """
    try:
        descriptor = os.open(path, _FLAGS)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise OSError(errno.ELOOP, "it is a symbolic link", str(path)) from None
        raise
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "it is no regular file", str(path))
    return os.fdopen(descriptor, "rb")


def read_small(path: Path, max_bytes: int = SMALL_BYTES) -> bytes:
    """The content of a small regular file.

    :raises OSError: it cannot be read, is no regular file, or is larger.
    """
    with open_regular(path) as stream:
        data = stream.read(max_bytes + 1)
    if len(data) > max_bytes:
        raise OSError(errno.EFBIG, f"it holds more than {max_bytes:,} bytes", str(path))
    return data


def size_of(path: Path) -> int:
    """Size of a regular file in bytes.

    :raises OSError: it does not exist, or is no regular file.
    """
    with open_regular(path) as stream:
        return os.fstat(stream.fileno()).st_size
