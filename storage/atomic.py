"""Files that are replaced in one step: whoever reads one sees all of the old or all of the new."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """Gives a path beside a file; what the block writes there takes the file's place when the block ends.

    A block that raises leaves the file as it was. The path is hidden and has the file's own ending, since
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
    """Waits until a file or folder is on the disk.

    Otherwise a power cut could leave CURRENT naming half a generation.
    """
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
