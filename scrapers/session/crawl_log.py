"""The log of one crawl: forwarded to this process's log, and kept in a file."""

from __future__ import annotations

import logging
import threading
from collections import deque
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from storage.root import Root

logger = logging.getLogger(__name__)

MAX_BYTES = 16 * 2**20
"""Largest file: a store that fails on every page must not fill the disk."""

KEEP = 30
_LAST_LINES = 200


def log_folder(root: Root, store: str) -> Path:
    """The folder with the logs of a store's crawls; on this machine, also for a data root in a bucket."""
    return root.path / "logs" / store


def log_file(root: Root, store: str, crawl_id: str) -> Path:
    """The file with a crawl's log."""
    return log_folder(root, store) / f"{crawl_id}.log"


def prune(root: Root, store: str, keep: int) -> None:
    """Deletes all but the newest logs of a store, whose names sort by time.

    A log that cannot be deleted stays: the crawl is done, and its outcome counts.
    """
    for file in sorted(log_folder(root, store).glob("*.log"))[: -keep or None]:
        try:
            file.unlink(missing_ok=True)
        except OSError as error:
            logger.warning("The crawl's log %s cannot be deleted (%s).", file, error)


class CrawlLog(threading.Thread):
    """Reads the crawl's standard error to its end, and remembers the last error.

    A file that cannot be written costs the crawl nothing: its lines are still forwarded.
    """

    def __init__(self, stream: IO[str] | None, root: Root, store: str, crawl_id: str) -> None:
        super().__init__(name="crawl log", daemon=True)
        self.stream = stream
        self.path = log_file(root, store, crawl_id)
        self.crawl = {"store": store, "crawl_id": crawl_id}
        self.lines: deque[str] = deque(maxlen=_LAST_LINES)
        self._file: IO[str] | None = None
        self._left = MAX_BYTES

    def run(self) -> None:
        """Forwards each line at most as INFO, since errors are in the crawl's outcome."""
        self._open()
        for line in self.stream or ():
            text = line.rstrip()
            self.lines.append(text)
            level = logging.getLevelNamesMapping().get(text.partition(" ")[0], logging.DEBUG)
            logger.log(min(level, logging.INFO), "%s", text, extra=self.crawl)
            self._write(text)
        if self._file is not None:
            self._file.close()

    @property
    def problem(self) -> str:
        """The last line that names an error; empty if none does."""
        return next((line for line in reversed(self.lines) if "Error" in line.partition(":")[0]), "")

    def _open(self) -> None:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self.path.open("w", encoding="utf-8", errors="replace", buffering=1)
        except OSError as error:
            logger.warning("The crawl's log %s cannot be written (%s).", self.path, error, extra=self.crawl)

    def _write(self, text: str) -> None:
        if self._file is None or self._left <= 0:
            return
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        line = f"{now} {self.crawl['crawl_id']} {text}\n"
        self._left -= len(line)
        try:
            self._file.write(line if self._left > 0 else "The log is cut here: it is too long.\n")
        except OSError:
            self._file = None
