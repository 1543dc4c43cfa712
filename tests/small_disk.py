"""A disk that is nearly full: a real small file system where this process may mount one."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

REPOSITORY = Path(__file__).parent.parent
BLOCK = 4096


@contextmanager
def mounted(folder: Path, size_bytes: int) -> Iterator[bool]:
    """Mounts a tmpfs of this size; whether that is allowed here."""
    folder.mkdir(parents=True, exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={size_bytes}", "tmpfs", str(folder)]
    allowed = subprocess.run(command, capture_output=True).returncode == 0
    try:
        yield allowed
    finally:
        if allowed:
            subprocess.run(["umount", "--lazy", str(folder)], check=True)


@contextmanager
def copied(source: Path, folder: Path, free_bytes: int) -> Iterator[dict[str, str]]:
    """A copy of a folder on a disk of its own with that much free space.

    Where nothing may be mounted, the copy lies on the common disk, and the process that works on it must hold
    its files to that size, see `run`: a write past it fails just as on a full disk.

    :return: what `run` has to be told.
    """
    used = sum(_on_disk(path) for path in source.rglob("*"))
    with mounted(folder, used + free_bytes + 8 * BLOCK) as small:
        target = folder / source.name
        shutil.copytree(source, target)
        if small:
            fill(folder, free_bytes)
        yield {} if small else {"MOST_BYTES": str(max(free_bytes, BLOCK))}
        shutil.rmtree(target, ignore_errors=True)


def run(code: str, *arguments: object, **environ: str) -> subprocess.CompletedProcess[str]:
    """Runs Python code in a process of its own, which may be killed by what it does."""
    process = start(code, *arguments, **environ)
    said, trouble = process.communicate(timeout=300)
    return subprocess.CompletedProcess(process.args, process.returncode, said, trouble)


def start(code: str, *arguments: object, **environ: str) -> subprocess.Popen[str]:
    """Starts Python code in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-c", f"from tests.small_disk import hold; hold()\n{code}", *map(str, arguments)],
        cwd=REPOSITORY,
        env={**os.environ, **environ},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def hold() -> None:
    """Holds this process's files to MOST_BYTES, where that is given."""
    if most := os.environ.get("MOST_BYTES"):
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(most),) * 2)


def _on_disk(path: Path) -> int:
    size = path.stat().st_size if path.is_file() else 0
    return -(-size // BLOCK) * BLOCK


def fill(folder: Path, free_bytes: int) -> None:
    """Fills a folder's disk up to this much, also while another process writes there."""
    with (folder / "filler").open("wb") as filler:
        taken, portion = 0, max(0, shutil.disk_usage(folder).free - free_bytes)
        while portion >= BLOCK and shutil.disk_usage(folder).free > free_bytes:
            portion = min(portion, shutil.disk_usage(folder).free - free_bytes)
            try:
                os.posix_fallocate(filler.fileno(), taken, portion)
                taken += portion
            except OSError:  # the other process was quicker
                portion //= 2
