"""The photos of a demo storefront, drawn when they are asked for."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable

from lookalike.demo.reply import Reply, matches, tag
from lookalike.demo.shelf import Listed

PHOTOS_KEPT = 256
"""Drawn photos kept in memory, of about 30 kB each."""


class PhotoShelf:
    """Photos as JPEG bytes with their entity tags, the latest ones kept; safe to use from several threads."""

    def __init__(self, kept: int = PHOTOS_KEPT) -> None:
        self._kept = kept
        self._lock = threading.Lock()
        self._photos: OrderedDict[str, tuple[Callable[[], bytes], bytes]] = OrderedDict()
        self._etags: dict[str, tuple[Callable[[], bytes], str]] = {}

    def reply(self, name: str, one: Listed, number: int, known: str) -> Reply:
        """A photo, drawn only where it has to be: a visitor who has it already is told so from its tag alone.

        :param known: the request's If-None-Match.
        """
        draw = one.product.photos[number]
        headers = {"Cache-Control": "public, max-age=31536000"}
        with self._lock:
            maker, etag = self._etags.get(name, (None, ""))
        if maker is draw and matches(known, etag):
            return Reply(b"", "image/jpeg", 304, headers, one.modified, etag)
        body = self._bytes(name, draw)
        etag = tag(body)
        with self._lock:
            self._etags[name] = (draw, etag)
        return Reply(body, _kind(body), 200, headers, one.modified, etag)

    def _bytes(self, name: str, draw: Callable[[], bytes]) -> bytes:
        with self._lock:
            maker, body = self._photos.get(name, (None, b""))
            if maker is draw:
                self._photos.move_to_end(name)
                return body
        body = draw()
        with self._lock:
            self._photos[name] = (draw, body)
            self._photos.move_to_end(name)
            while len(self._photos) > self._kept:
                self._photos.popitem(last=False)
        return body


def _kind(photo: bytes) -> str:
    """The content type of a photo; a catalogue may hold others than JPEG, whatever their address says."""
    if photo.startswith(b"\x89PNG"):
        return "image/png"
    if photo[:4] == b"RIFF" and photo[8:12] == b"WEBP":
        return "image/webp"
    return "image/gif" if photo.startswith(b"GIF8") else "image/jpeg"
