"""The photos that a page shows of its product, each with the addresses of all its sizes."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import urljoin

import lxml.html

from scrapers.extract.candidates import RawPhoto
from scrapers.extract.image_addresses import Address, addresses_of, image_key, is_placeholder, largest
from scrapers.extract.visible.heading import Heading
from scrapers.extract.visible.layout import Layout, above, tokens
from scrapers.extract.visible.other_content import OtherContent
from scrapers.extract.visible.weights import PHOTO

_GALLERY_TEXT = """
    gallery gallerie galerie galeria galleria media image images photo photos foto fotos carousel
    slider slideshow zoom imgtagwrapperid landingimage mainimage product
"""
_GALLERY = frozenset(_GALLERY_TEXT.split())
_PLAIN_GALLERY_TEXT = """
    gallery gallerie galerie galeria galleria carousel slider slideshow swiper slick fotorama lightbox
"""
_PLAIN_GALLERY = frozenset(_PLAIN_GALLERY_TEXT.split())
_THUMBS_TEXT = """
    thumb thumbs thumbnail thumbnails indicator indicators pager thumbnav minithumb
"""
_THUMBS = frozenset(_THUMBS_TEXT.split())
_SLIDE_MARKS = ("data-slide-to", "data-bs-slide-to", "data-slide-index")
_NOT_A_PHOTO = re.compile(
    r"logo|icon|sprite|pixel|placeholder|blank|loading|spinner|flag|badge|payment|star|rating|avatar|banner"
    r"|captcha|overlay|picto|sticker|button|watermark|(?<![a-z])(?:nav|menu|btn|select|check)(?![a-z])|\.(?:gif|svg)(?:$|[?#])",
    re.I,
)


@dataclass(slots=True)
class _ShownPhoto:
    """A photo that the page shows, maybe several times.

    :ivar sure: whether it can be enlarged, or is in a gallery and labelled with the product's name.
    :ivar thumb: whether it is shown as a thumbnail only.
    """

    addresses: list[Address] = field(default_factory=list)
    sure: bool = False
    thumb: bool = True


def read_photos(layout: Layout, heading: Heading, others: OtherContent) -> list[RawPhoto]:
    """The gallery's photos near the heading, at their largest size."""
    found: dict[str, _ShownPhoto] = {}
    for element, order in _images(layout):
        if abs(order - heading.spot.order) > PHOTO.reach or others.contains(element):
            continue
        addresses = _absolute(layout.page.base_url, addresses_of(element))
        if not addresses or not _may_be_photo(element, largest(addresses)):
            continue
        around = set().union(*(tokens(one) for one in [element, *_boxes_around(element)]))
        label = (element.get("alt") or element.get("title") or "").strip().casefold()[: PHOTO.label]
        named = bool(label) and label in heading.text.casefold()
        enlarged = any(one.large for one in addresses)
        if around.isdisjoint(_GALLERY) and not named and not enlarged:
            continue
        keys = dict.fromkeys(image_key(one.url) for one in addresses)
        photo = next((found[key] for key in keys if key in found), None) or _ShownPhoto()
        photo.addresses += addresses
        photo.sure |= enlarged or (named and not around.isdisjoint(_PLAIN_GALLERY))
        photo.thumb &= not enlarged and _is_thumb(element)
        found.update(dict.fromkeys(keys, photo))
        if len(found) >= 2 * PHOTO.max_photos:
            break
    photos = list({id(one): one for one in found.values()}.values())
    return [_photo(one) for one in _without_thumbnails(photos)][: PHOTO.max_photos]


def _images(layout: Layout) -> list[tuple[lxml.html.HtmlElement, int]]:
    """All images and their positions, in order; scripts show those that a `noscript` holds."""
    held = [(image, order) for one, order in layout.tagged("noscript") for image in one.iter("img")]
    return sorted([*layout.tagged("img"), *held], key=lambda one: one[1])


def _without_thumbnails(photos: list[_ShownPhoto]) -> list[_ShownPhoto]:
    """The photos without thumbnails, which show large photos again under other addresses. Thumbnails in
    excess of the large photos stand for photos that are displayed once they are chosen."""
    shown = [one for one in photos if not one.thumb]
    thumbs = [one for one in photos if one.thumb]
    return [*shown, *thumbs[len(shown) :]]


def _photo(photo: _ShownPhoto) -> RawPhoto:
    sizes = dict.fromkeys(one.url for one in photo.addresses)
    return RawPhoto(largest(photo.addresses).url, None, tuple(sizes), photo.sure)


def _absolute(base_url: str, addresses: list[Address]) -> list[Address]:
    found = []
    for one in addresses:
        try:
            found.append(Address(urljoin(base_url, one.url), one.pixels, one.large))
        except ValueError:
            continue
    return found


def _may_be_photo(element: lxml.html.HtmlElement, best: Address) -> bool:
    """Whether an image can be a photo: one that can be enlarged is, others unless small or an icon."""
    if is_placeholder(best.url) or best.pixels < PHOTO.min_pixels:
        return False
    return best.large or not (_NOT_A_PHOTO.search(best.url.rsplit("/", 1)[-1]) or _is_small(element))


def _boxes_around(element: lxml.html.HtmlElement) -> list[lxml.html.HtmlElement]:
    return [
        one
        for _, one in zip(range(PHOTO.gallery_steps), element.iterancestors(), strict=False)
        if one.tag not in ("body", "html", "main")
    ]


def _is_thumb(element: lxml.html.HtmlElement) -> bool:
    return any(
        not tokens(one).isdisjoint(_THUMBS) or any(one.get(mark) is not None for mark in _SLIDE_MARKS)
        for one in above(element, PHOTO.thumbnail_steps)
    )


def _is_small(element: lxml.html.HtmlElement) -> bool:
    for name in ("width", "height"):
        digits = re.match(r"\d+", element.get(name) or "")
        if digits and int(digits[0]) < PHOTO.min_size:
            return True
    return False
