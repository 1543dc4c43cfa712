"""What a demo storefront was asked for."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Asked:
    """One request and the status it was answered with; 0 where the answer was cut or never came.

    :param path: path and query as they were sent.
    """

    method: str
    path: str
    status: int


class RequestLog:
    """Requests in the order of their answers; safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._asked: list[Asked] = []

    def add(self, asked: Asked) -> None:
        """Notes a request."""
        with self._lock:
            self._asked.append(asked)

    def clear(self) -> None:
        """Forgets all."""
        with self._lock:
            self._asked.clear()

    def count(self, path_prefix: str = "/", *, method: str | None = None, status: int | None = None) -> int:
        """How many requests there were for paths that start so."""
        return sum(
            asked.path.startswith(path_prefix)
            and method in (None, asked.method)
            and status in (None, asked.status)
            for asked in self
        )

    def paths(self, path_prefix: str = "/") -> list[str]:
        """Paths asked for that start so, repeated as often as they were."""
        return [asked.path for asked in self if asked.path.startswith(path_prefix)]

    def __iter__(self) -> Iterator[Asked]:
        with self._lock:
            return iter(tuple(self._asked))

    def __len__(self) -> int:
        with self._lock:
            return len(self._asked)
