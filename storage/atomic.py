"""Replaces files atomically: a reader sees either all of the old content or all of the new."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """Yields a path beside a file; what the block writes there replaces the file when the block ends.

    If the block raises, the file stays as it was. The path is hidden and has the file's own suffix, because
    libraries tell the format from it.

    :raises OSError: it cannot be written; the file is as it was.
    """
    unfinished = target.with_name(f".{target.name}-{uuid.uuid4().hex}{target.suffix}")
    try:
        yield unfinished
        sync(unfinished)
        unfinished.replace(target)
        sync(target.parent)
    finally:
        unfinished.unlink(missing_ok=True)


def sync(path: Path) -> None:
    """Waits until a file or folder is written to the disk.

    Otherwise CURRENT could name half a generation after a power failure.
    """
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
