"""A product's photos."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from urllib.parse import urlsplit

from w3lib.url import safe_url_string

from scrapers.extract.candidates import Candidate, Field, RawPhoto
from scrapers.extract.pictures import picture_key, pixels, stands_for_none

MAX_URL = 2000
SHOWN = "html"


def extract_photos(candidates: Iterable[Candidate]) -> Field[tuple[RawPhoto, ...]] | None:
    """The photos of the most trusted source that names any, each picture once and at the largest size that
    any source names, with those that the page shows beside them.

    Markup often names one photo of a gallery, or a small one. What is shown is believed to be of the same
    product where one of the photos is the same, or where the markup has one only and the page lets its own be
    enlarged.
    """
    named = [(one.source, _pictures(one.photos)) for one in candidates]
    source, chosen = next(((source, photos) for source, photos in named if photos), ("", {}))
    if not chosen:
        return None
    shown = next((photos for source, photos in named if source == SHOWN), {})
    others = [dict(_by_every_key(photos)) for _, photos in named if photos is not chosen]
    own = {key: _larger(photo, others) for key, photo in chosen.items()}
    of_shown = dict(_by_every_key(shown))
    places = {_place(of_shown[key].url) for key, _ in _by_every_key(chosen) if key in of_shown}
    if source == SHOWN or not shown:
        photos = list(own.values())
    elif places:
        seen = {key for key, _ in _by_every_key(own)}
        more = (one for key, one in shown.items() if not _is_among(key, one, seen))
        photos = [*own.values(), *(one for one in more if one.sure or _place(one.url) in places)]
    elif len(own) == 1 and all(photo.sure for photo in shown.values()):
        source, photos = SHOWN, list(shown.values())
    else:
        photos = list(own.values())
    unique = {photo.url: RawPhoto(photo.url, photo.colour) for photo in reversed(photos)}
    return Field(tuple(reversed(unique.values())), source)


def _pictures(photos: Iterable[RawPhoto]) -> dict[str, RawPhoto]:
    """Each picture once, at its largest, by what its addresses have in common."""
    found: dict[str, RawPhoto] = {}
    for photo in photos:
        url = photo_url(photo.url)
        if not url or stands_for_none(url):
            continue
        key = picture_key(url)
        known = found.get(key)
        sizes = tuple(filter(None, map(photo_url, photo.sizes)))
        if known is None:
            found[key] = replace(photo, url=url, sizes=sizes)
        else:
            best = url if pixels(url) > pixels(known.url) else known.url
            sizes = (*known.sizes, known.url, url, *sizes)
            found[key] = RawPhoto(best, known.colour or photo.colour, sizes, known.sure or photo.sure)
    return found


def _by_every_key(photos: dict[str, RawPhoto]) -> Iterable[tuple[str, RawPhoto]]:
    for key, photo in photos.items():
        yield key, photo
        for size in photo.sizes:
            yield picture_key(size), photo


def _is_among(key: str, photo: RawPhoto, seen: set[str]) -> bool:
    return key in seen or any(picture_key(size) in seen for size in photo.sizes)


def _larger(photo: RawPhoto, sources: Iterable[dict[str, RawPhoto]]) -> RawPhoto:
    """The photo at the largest size that another source names for the same picture."""
    key = picture_key(photo.url)
    for known in sources:
        other = known.get(key)
        if other is None or other.url == photo.url:
            continue
        # What the page enlarges it to may be called otherwise, and tell no size.
        enlarged = other.sure and picture_key(other.url) != key
        if enlarged or pixels(other.url) > pixels(photo.url):
            photo = replace(photo, url=other.url, sizes=(*photo.sizes, photo.url, *other.sizes))
    return photo


def _place(url: str) -> tuple[str, ...]:
    """Host and outermost folders: a store keeps its products' photos in one place, pictograms in another."""
    parts = urlsplit(url)
    return (parts.netloc, *parts.path.split("/")[1:-1][:2])


def photo_url(url: str) -> str | None:
    """An address that can be asked for; None for `data:` and the like, and for what is no address."""
    try:
        if len(url) > MAX_URL or urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
            return None
        return str(safe_url_string(url))
    except ValueError:
        return None
