"""The photos that a page shows of its product, each with the addresses of all its sizes."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import urljoin

import lxml.html

from scrapers.extract.candidates import RawPhoto
from scrapers.extract.pictures import Address, addresses_of, largest, picture_key, stands_for_none
from scrapers.extract.visible.heading import Heading
from scrapers.extract.visible.layout import Layout, Spot, above, tokens
from scrapers.extract.visible.others import Others

MAX_PHOTOS = 30
MIN_PIXELS = 60
"""The longer side of what is no swatch or icon, where an address names it."""
REACH = 600
"""How far from the heading, in elements, the first photo stands."""

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
class _Picture:
    """A picture that the page shows, maybe several times.

    :ivar sure: whether the page lets it be enlarged, or shows it in a gallery and calls it as the product.
    :ivar thumb: whether it is only shown as one of the small ones that choose among the large.
    """

    addresses: list[Address] = field(default_factory=list)
    sure: bool = False
    thumb: bool = True


def read_photos(layout: Layout, heading: Heading, others: Others) -> list[RawPhoto]:
    """The gallery's photos near the heading, at their largest size."""
    found: dict[str, _Picture] = {}
    for element, order in layout.order.items():
        if element.tag != "img" or abs(order - heading.spot.order) > REACH:
            continue
        addresses = _joined(layout.page.base_url, addresses_of(element))
        if not addresses or not _may_be_photo(element, largest(addresses)):
            continue
        around = set().union(*(tokens(one) for one in [element, *_outer(element)]))
        alike = (element.get("alt") or element.get("title") or "").strip().casefold()[:12]
        named = bool(alike) and alike in heading.text.casefold()
        enlarged = any(one.large for one in addresses)
        if around.isdisjoint(_GALLERY) and not named and not enlarged:
            continue
        if others.has(Spot(order, element, "", False, False, False, 0)):
            continue
        keys = dict.fromkeys(picture_key(one.url) for one in addresses)
        picture = next((found[key] for key in keys if key in found), None) or _Picture()
        picture.addresses += addresses
        picture.sure |= enlarged or (named and not around.isdisjoint(_PLAIN_GALLERY))
        picture.thumb &= not enlarged and _is_thumb(element)
        found.update(dict.fromkeys(keys, picture))
        if len(found) >= 2 * MAX_PHOTOS:
            break
    pictures = list({id(one): one for one in found.values()}.values())
    return [_photo(one) for one in _without_twins(pictures)][:MAX_PHOTOS]


def _without_twins(pictures: list[_Picture]) -> list[_Picture]:
    """Small pictures show the large ones again, under addresses of their own; those that are more than the
    large ones are of photos that are only shown once they are chosen."""
    shown = [one for one in pictures if not one.thumb]
    thumbs = [one for one in pictures if one.thumb]
    return [*shown, *thumbs[len(shown) :]]


def _photo(picture: _Picture) -> RawPhoto:
    sizes = dict.fromkeys(one.url for one in picture.addresses)
    return RawPhoto(largest(picture.addresses).url, None, tuple(sizes), picture.sure)


def _joined(base_url: str, addresses: list[Address]) -> list[Address]:
    found = []
    for one in addresses:
        try:
            found.append(Address(urljoin(base_url, one.url), one.pixels, one.large))
        except ValueError:
            continue
    return found


def _may_be_photo(element: lxml.html.HtmlElement, best: Address) -> bool:
    """What can be enlarged is a photo, whatever it is called; all else if it is neither small nor an icon."""
    if stands_for_none(best.url) or best.pixels < MIN_PIXELS:
        return False
    return best.large or not (_NOT_A_PHOTO.search(best.url.rsplit("/", 1)[-1]) or _is_small(element))


def _outer(element: lxml.html.HtmlElement) -> list[lxml.html.HtmlElement]:
    return [
        one
        for _, one in zip(range(4), element.iterancestors(), strict=False)
        if one.tag not in ("body", "html", "main")
    ]


def _is_thumb(element: lxml.html.HtmlElement) -> bool:
    return any(
        not tokens(one).isdisjoint(_THUMBS) or any(one.get(mark) is not None for mark in _SLIDE_MARKS)
        for one in above(element, 3)
    )


def _is_small(element: lxml.html.HtmlElement) -> bool:
    for name in ("width", "height"):
        digits = re.match(r"\d+", element.get(name) or "")
        if digits and int(digits[0]) < 90:
            return True
    return False
