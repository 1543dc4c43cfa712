"""The photos that a page shows of its product, largest files first named."""

from __future__ import annotations

import re
from urllib.parse import urljoin

import lxml.html

from scrapers.extract.visible.heading import Heading
from scrapers.extract.visible.layout import Layout, Spot, tokens
from scrapers.extract.visible.others import Others

MAX_PHOTOS = 30
REACH = 600
"""How far from the heading, in elements, the first photo stands."""

_LARGE_TEXT = """
    data-old-hires data-zoom-image data-large_image data-zoom data-large data-full data-original
    data-src src
"""
_LARGE = tuple(_LARGE_TEXT.split())
_GALLERY_TEXT = """
    gallery gallerie galerie galeria galleria media image images photo photos foto fotos carousel
    slider slideshow zoom imgtagwrapperid landingimage mainimage product
"""
_GALLERY = frozenset(_GALLERY_TEXT.split())
_NOT_A_PHOTO = re.compile(
    r"logo|icon|sprite|pixel|placeholder|blank|loading|spinner|flag|badge|payment|star|rating|avatar|banner",
    re.I,
)


def read_photos(layout: Layout, heading: Heading, others: Others) -> list[str]:
    """Addresses of the gallery's photos near the heading."""
    found: dict[str, None] = {}
    for element, order in layout.order.items():
        if element.tag != "img" or abs(order - heading.spot.order) > REACH:
            continue
        url = _address(element)
        if not url or _NOT_A_PHOTO.search(url.rsplit("/", 1)[-1]) or _is_small(element):
            continue
        around = set().union(*(tokens(one) for one in [element, *_outer(element)]))
        alike = (element.get("alt") or "").strip().casefold()[:12]
        if around.isdisjoint(_GALLERY) and not (alike and alike in heading.text.casefold()):
            continue
        if others.has(Spot(order, element, "", False, False, False, 0)):
            continue
        try:
            found[urljoin(layout.page.base_url, url)] = None
        except ValueError:
            continue
        if len(found) == MAX_PHOTOS:
            break
    return list(found)


def _outer(element: lxml.html.HtmlElement) -> list[lxml.html.HtmlElement]:
    return [
        one
        for _, one in zip(range(4), element.iterancestors(), strict=False)
        if one.tag not in ("body", "html", "main")
    ]


def _address(element: lxml.html.HtmlElement) -> str | None:
    for name in _LARGE:
        url = (element.get(name) or "").strip()
        if url and not url.startswith("data:") and len(url) < 2000 and ("/" in url or "." in url):
            return url
    return None


def _is_small(element: lxml.html.HtmlElement) -> bool:
    for name in ("width", "height"):
        digits = re.match(r"\d+", element.get(name) or "")
        if digits and int(digits[0]) < 90:
            return True
    return False
