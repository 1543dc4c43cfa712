"""The photos of a demo storefront, read when they are asked for."""

from __future__ import annotations

import threading
from collections.abc import Callable

from lookalike.demo.reply import Reply, matches, tag
from lookalike.demo.shelf import Listed


class PhotoShelf:
    """Photos as they are in the catalogue, with their entity tags; safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[str, tuple[Callable[[], bytes], str, str]] = {}

    def reply(self, name: str, one: Listed, number: int, known: str) -> Reply:
        """A photo, read only if it has to be: a visitor who has it is told so from its tag alone.

        :param known: the request's If-None-Match.
        """
        read = one.product.photos[number]
        headers = {"Cache-Control": "public, max-age=31536000"}
        with self._lock:
            reader, etag, kind = self._known.get(name, (None, "", ""))
        if reader is read and matches(known, etag):
            return Reply(b"", kind, 304, headers, one.modified, etag)
        body = read()
        etag, kind = tag(body), _kind(body)
        with self._lock:
            self._known[name] = (read, etag, kind)
        return Reply(body, kind, 200, headers, one.modified, etag)


def _kind(photo: bytes) -> str:
    """The content type of a photo; a catalogue may hold others than JPEG, whatever their address says."""
    if photo.startswith(b"\x89PNG"):
        return "image/png"
    if photo[:4] == b"RIFF" and photo[8:12] == b"WEBP":
        return "image/webp"
    return "image/gif" if photo.startswith(b"GIF8") else "image/jpeg"
