"""Photo galleries in a page's scripts: lists that hold each photo in several sizes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import urljoin

MAX_PHOTOS = 50

Gallery = tuple[tuple[str, ...], frozenset[str]]
"""One address per photo, in order, and the addresses of all sizes of all photos."""

_SIZES = ("large", "full", "main", "zoom", "hires", "original", "big", "img", "image", "src", "url", "medium")
"""Names of sizes, best first: large enough to see details, but no poster."""
_SMALL = ("thumb", "thumbnail", "small", "preview", "tiny", "mini")
_NOT_A_LETTER = re.compile(r"[^a-z]+")


def galleries_in(value: Any, base_url: str) -> Iterator[Gallery]:
    """Yields the gallery that a list of a page's data is, if it is one."""
    photos: list[str] = []
    every: set[str] = set()
    for one in value[:MAX_PHOTOS] if isinstance(value, list) else []:
        sizes = dict(_addresses(one, base_url)) if isinstance(one, dict) else {}
        best = next((sizes[name] for name in _SIZES if name in sizes), None)
        if best is None or len(set(sizes.values())) < 2 or not any(small in sizes for small in _SMALL):
            return
        photos.append(best)
        every.update(sizes.values())
    if photos:
        yield tuple(dict.fromkeys(photos)), frozenset(every)


def gallery_with(galleries: Iterable[Gallery], shown: set[str]) -> tuple[str, ...]:
    """The gallery that contains a shown photo; empty if none does."""
    return next((photos for photos, every in galleries if not every.isdisjoint(shown)), ())


def _addresses(one: Mapping[str, Any], base_url: str) -> Iterator[tuple[str, str]]:
    for key, url in one.items():
        if isinstance(url, str) and 8 < len(url) < 2000 and "/" in url and " " not in url:
            try:
                yield _NOT_A_LETTER.sub("", str(key).lower()), urljoin(base_url, url)
            except ValueError:
                continue
