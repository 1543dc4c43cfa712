"""Opening files that may be anything: only a regular file is read, never a link, a pipe or a device.

A pipe or a device in a data folder from elsewhere would be read for ever, a link leads to files of ours.
"""

from __future__ import annotations

import errno
import os
import stat
from io import BufferedReader
from pathlib import Path

SMALL_BYTES = 16 * 2**20
"""Most bytes of a file that is read whole: manifests, `CURRENT` and the like take a hundredth of that."""

_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def open_regular(path: Path) -> BufferedReader:
    """A regular file, opened for reading.

    :raises OSError: it cannot be read, or is something else, such as a link, a folder, a pipe or a device.
    """
    try:
        descriptor = os.open(path, _FLAGS)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise OSError(errno.ELOOP, "it is a symbolic link", str(path)) from None
        raise
    stream = os.fdopen(descriptor, "rb")
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        stream.close()
        raise OSError(errno.EINVAL, "it is no regular file", str(path))
    return stream


def read_small(path: Path, most_bytes: int = SMALL_BYTES) -> bytes:
    """All of a small regular file.

    :raises OSError: it cannot be read, is something else, or holds more.
    """
    with open_regular(path) as stream:
        data = stream.read(most_bytes + 1)
    if len(data) > most_bytes:
        raise OSError(errno.EFBIG, f"it holds more than {most_bytes:,} bytes", str(path))
    return data


def size_of(path: Path) -> int:
    """Size of a regular file in bytes.

    :raises OSError: it is not there, or is something else.
    """
    with open_regular(path) as stream:
        return os.fstat(stream.fileno()).st_size
