"""Decides a product's photos."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from urllib.parse import urlsplit

from w3lib.url import safe_url_string

from scrapers.extract.candidates import Candidate, Field, RawPhoto
from scrapers.extract.image_addresses import image_key, is_placeholder, pixels
from storage.terms import API_SOURCES, SourceName

MAX_URL = 2000


def extract_photos(candidates: Iterable[Candidate]) -> Field[tuple[RawPhoto, ...]] | None:
    """The photos of the most trusted source that has any, each once and at the largest size that any
    source knows, with further ones that the page shows.

    Markup often lists one photo of a gallery, or a small size. Photos that the page shows count as the
    product's if they share one with the markup, or if the markup has one photo and all shown ones
    can be enlarged.
    """
    candidates = list(candidates)
    if candidates[0].source in API_SOURCES:
        # An API lists each photo once, at full size.
        listed = candidates[0].photos
        return Field(listed, candidates[0].source) if listed else None
    named = [(one.source, _distinct_photos(one.photos)) for one in candidates]
    source, chosen = next(((source, photos) for source, photos in named if photos), (SourceName.HTML, {}))
    if not chosen:
        return None
    shown = next((photos for source, photos in named if source == SourceName.HTML), {})
    others = [dict(_with_all_keys(photos)) for _, photos in named if photos is not chosen]
    own = {key: _largest_size(photo, others) for key, photo in chosen.items()}
    of_shown = dict(_with_all_keys(shown))
    folders = {_folder(of_shown[key].url) for key, _ in _with_all_keys(chosen) if key in of_shown}
    if source == SourceName.HTML or not shown:
        photos = list(own.values())
    elif folders:
        known_keys = {key for key, _ in _with_all_keys(own)}
        others_shown = (one for key, one in shown.items() if not _is_known(key, one, known_keys))
        photos = [*own.values(), *(one for one in others_shown if one.sure or _folder(one.url) in folders)]
    elif len(own) == 1 and all(photo.sure for photo in shown.values()):
        source, photos = SourceName.HTML, list(shown.values())
    else:
        photos = list(own.values())
    unique = {photo.url: RawPhoto(photo.url, photo.colour) for photo in reversed(photos)}
    return Field(tuple(reversed(unique.values())), source)


def _distinct_photos(photos: Iterable[RawPhoto]) -> dict[str, RawPhoto]:
    """Each photo once, at its largest size, by the key that its addresses share."""
    found: dict[str, RawPhoto] = {}
    for photo in photos:
        url = photo_url(photo.url)
        if not url or is_placeholder(url):
            continue
        key = image_key(url)
        known = found.get(key)
        sizes = tuple(filter(None, map(photo_url, photo.sizes)))
        if known is None:
            found[key] = replace(photo, url=url, sizes=sizes)
        else:
            best = url if pixels(url) > pixels(known.url) else known.url
            sizes = (*known.sizes, known.url, url, *sizes)
            found[key] = RawPhoto(best, known.colour or photo.colour, sizes, known.sure or photo.sure)
    return found


def _with_all_keys(photos: dict[str, RawPhoto]) -> Iterable[tuple[str, RawPhoto]]:
    for key, photo in photos.items():
        yield key, photo
        for size in photo.sizes:
            yield image_key(size), photo


def _is_known(key: str, photo: RawPhoto, known_keys: set[str]) -> bool:
    return key in known_keys or any(image_key(size) in known_keys for size in photo.sizes)


def _largest_size(photo: RawPhoto, sources: Iterable[dict[str, RawPhoto]]) -> RawPhoto:
    """The photo at the largest size that another source knows."""
    key = image_key(photo.url)
    for known in sources:
        other = known.get(key)
        if other is None or other.url == photo.url:
            continue
        # The enlarged photo may have another name, and no size in its address.
        enlarged = other.sure and image_key(other.url) != key
        if enlarged or pixels(other.url) > pixels(photo.url):
            photo = replace(photo, url=other.url, sizes=(*photo.sizes, photo.url, *other.sizes))
    return photo


def _folder(url: str) -> tuple[str, ...]:
    """Host and outermost folders: a store keeps its product photos apart from its pictograms."""
    parts = urlsplit(url)
    return (parts.netloc, *parts.path.split("/")[1:-1][:2])


def photo_url(url: str) -> str | None:
    """The address to request; None for `data:` and the like, and for what is no address."""
    try:
        if len(url) > MAX_URL or urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
            return None
        return str(safe_url_string(url))
    except ValueError:
        return None
