"""Trouble that a demo storefront makes on purpose, the same at every run."""

from __future__ import annotations

import hashlib
import threading
from collections import Counter
from dataclasses import dataclass
from typing import Literal, get_args

Kind = Literal["500", "429", "cut", "hang"]
"""An error page, a plea to slow down, an answer cut in its middle, and an answer that does not come."""


@dataclass(frozen=True)
class Faults:
    """How often a storefront fails, and how.

    :param rate: share of requests that fail, from 0 to 1.
    :param seed: which ones; together with a path and how often it was asked for, it decides alone, so that
        requests coming in another order meet the same faults.
    :param hang_s: how long a hanging answer holds the connection, in seconds.
    :param retry_after_s: what a 429 asks to wait, in whole seconds.
    """

    rate: float
    seed: int = 0
    kinds: tuple[Kind, ...] = get_args(Kind)
    hang_s: float = 60.0
    retry_after_s: int = 1

    def __post_init__(self) -> None:
        """:raises ValueError: a rate that is no share, or a kind that is none."""
        if not 0 <= self.rate <= 1:
            raise ValueError(f"A share of {self.rate} of all requests cannot fail: give one from 0 to 1.")
        if not self.kinds or not set(self.kinds) <= set(get_args(Kind)):
            raise ValueError(
                f"{self.kinds!r} are no kinds of fault: choose from {', '.join(get_args(Kind))}."
            )

    def kind_for(self, path: str, time: int) -> Kind | None:
        """What goes wrong with the given request for a path, counted from 0; None where nothing does."""
        draw = hashlib.sha256(f"{self.seed} {time} {path}".encode()).digest()
        if int.from_bytes(draw[:8], "big") >= self.rate * 2**64:
            return None
        return self.kinds[int.from_bytes(draw[8:16], "big") % len(self.kinds)]


class FaultCounter:
    """Faults of a running storefront: counts how often each path was asked for."""

    def __init__(self, faults: Faults | None) -> None:
        self.faults = faults
        self._lock = threading.Lock()
        self._times: Counter[str] = Counter()

    def next_for(self, path: str) -> Kind | None:
        """What goes wrong with this request."""
        if self.faults is None:
            return None
        with self._lock:
            time = self._times[path]
            self._times[path] += 1
        return self.faults.kind_for(path, time)
