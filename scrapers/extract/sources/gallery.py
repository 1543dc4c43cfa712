"""Galleries in a page's scripts: lists that name each photo in several sizes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import urljoin

MAX_PHOTOS = 50

Gallery = tuple[tuple[str, ...], frozenset[str]]
"""One address of each photo, in their order, and the addresses of all sizes of all of them."""

_SIZES = ("large", "full", "main", "zoom", "hires", "original", "big", "img", "image", "src", "url", "medium")
"""Sizes by what they are called, the one that is best read first: enough to see, and not a poster."""
_SMALL = ("thumb", "thumbnail", "small", "preview", "tiny", "mini")
_NOT_A_LETTER = re.compile(r"[^a-z]+")


def galleries_in(value: Any, base_url: str) -> Iterator[Gallery]:
    """The gallery that a list of a page's data is, if it is one."""
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
    """The gallery that holds a photo which the page shows of its product; empty where none does."""
    return next((photos for photos, every in galleries if not every.isdisjoint(shown)), ())


def _addresses(one: Mapping[str, Any], base_url: str) -> Iterator[tuple[str, str]]:
    for key, url in one.items():
        if isinstance(url, str) and 8 < len(url) < 2000 and "/" in url and " " not in url:
            try:
                yield _NOT_A_LETTER.sub("", str(key).lower()), urljoin(base_url, url)
            except ValueError:
                continue
