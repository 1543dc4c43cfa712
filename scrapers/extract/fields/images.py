"""A product's photos."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlsplit

from w3lib.url import safe_url_string

from scrapers.extract.candidates import Candidate, Field, RawPhoto

MAX_URL = 2000


def extract_photos(candidates: Iterable[Candidate]) -> Field[tuple[RawPhoto, ...]] | None:
    """The photos of the most trusted source that names any, each once, in its order."""
    for candidate in candidates:
        photos: dict[str, RawPhoto] = {}
        for photo in candidate.photos:
            url = photo_url(photo.url)
            if url and (url not in photos or photos[url].colour is None):
                photos[url] = RawPhoto(url, photo.colour)
        if photos:
            return Field(tuple(photos.values()), candidate.source)
    return None


def photo_url(url: str) -> str | None:
    """An address that can be asked for; None for `data:` and the like, and for what is no address."""
    try:
        if len(url) > MAX_URL or urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
            return None
        return str(safe_url_string(url))
    except ValueError:
        return None
