"""Counts the steps of a build for whoever shows its progress."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

Progress = Callable[[int, int | None], None]


class Steps:
    """Counts steps for `on_progress`."""

    def __init__(self, total: int, on_progress: Progress) -> None:
        self._done, self._total, self._on_progress = 0, total, on_progress
        on_progress(0, total)

    def advance(self, steps: int) -> None:
        self._done = min(self._done + steps, self._total)
        self._on_progress(self._done, self._total)

    def counted(self, blocks: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
        """Blocks as they come, each counted once it was worked on."""
        for block in blocks:
            yield block
            self.advance(len(block))

    def finish(self) -> None:
        """Photos that were left out count as done."""
        self.advance(self._total)
