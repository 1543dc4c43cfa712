"""Limits the memory of a browser, which has no setting for it: a page could take all of the machine's."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from uuid import uuid4

import psutil

logger = logging.getLogger(__name__)

MAX_BYTES = 1024 * 1024 * 1024
"""Memory of all of the browser's processes; with a large store's page they take 0.4 to 0.6 GB."""
MAX_DATA_BYTES = 2 * MAX_BYTES
"""Writable memory that one process may map; a renderer maps 0.7 GB before it has a page. The kernel enforces
it at once, where `watch` would be too late."""
_POLL_S = 0.2


class BrowserMemory:
    """Limits the memory of one browser at a time, and ends the browser if it takes more.

    :ivar exceeded: whether the page being loaded took too much memory.
    """

    def __init__(self) -> None:
        self.exceeded = False
        self.mark = ""

    def new_mark(self) -> str:
        """An argument of the next browser's command line, by which its processes are found."""
        self.mark = f"--lookalike-browser={uuid4().hex}"
        return self.mark

    def bound(self) -> None:
        """Sets the kernel's limit, on Linux; later processes inherit it."""
        if not hasattr(psutil, "RLIMIT_DATA"):  # Linux only
            return
        # A process that was started between the listing and its parent's turn has no limit yet: look again.
        while sum(map(_bound, self.processes())):
            pass

    async def watch(self) -> None:
        """Ends the browser once it takes more memory than it may."""
        while not self.exceeded:
            await asyncio.sleep(_POLL_S)
            used = await asyncio.to_thread(self.used_bytes)
            if used > MAX_BYTES:
                self.exceeded = True
                logger.info("A page took %d MB of memory; the browser is ended", used >> 20)
                await asyncio.to_thread(self.kill)

    def used_bytes(self) -> int:
        """Memory of all processes together; shared memory counts once."""
        return sum(_used_bytes(process) for process in self.processes())

    def kill(self) -> None:
        """Ends all of the browser's processes."""
        for process in self.processes():
            with contextlib.suppress(psutil.Error):
                process.kill()

    def processes(self) -> list[psutil.Process]:
        """The browser's own process and those that it has started; none where it has ended."""
        for child in psutil.Process().children(recursive=True):
            with contextlib.suppress(psutil.Error):
                if self.mark and self.mark in child.cmdline():
                    return [child, *child.children(recursive=True)]
        return []


def _bound(process: psutil.Process) -> bool:
    """Whether the process had no limit before and has one now."""
    soft_and_hard = (MAX_DATA_BYTES, MAX_DATA_BYTES)
    try:
        if process.rlimit(psutil.RLIMIT_DATA) == soft_and_hard:
            return False
        process.rlimit(psutil.RLIMIT_DATA, soft_and_hard)
        return True
    except psutil.Error:
        return False


def _used_bytes(process: psutil.Process) -> int:
    try:
        full = process.memory_full_info()
        return int(getattr(full, "pss", full.uss))
    except psutil.Error:
        return 0
