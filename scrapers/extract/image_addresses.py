"""Image addresses: which of them show the same image, and which shows it largest."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from urllib.parse import parse_qsl, unquote, urlsplit

import lxml.html

ORIGINAL_PIXELS = 5000
"""Assumed size, in pixels, of a large image whose address names no size."""
UNNAMED_PIXELS = 900
"""Assumed size, in pixels, of a displayed image whose address names no size."""
MAX_URL = 2000

_FILES = r"\.(?:jpe?g|png|webp|gif|avif|jfif|bmp|tiff?|heic)"
_IS_FILE = re.compile(_FILES + r"(?:$|[?#!])", re.I)
_EXTENSION = re.compile(_FILES, re.I)
_DIMENSIONS = re.compile(
    r"(?<![a-z0-9])(\d{2,4})x(\d{2,4})?(?![0-9a-z])|(?<![a-z0-9])x(\d{2,4})(?![0-9a-z])"
    r"|(?<![a-z0-9])w(\d{2,4})[-_]h(\d{2,4})(?![0-9a-z])|(?<![a-z0-9])s-l(\d{2,4})(?![0-9a-z])"
    r"|\._(?:[a-z]{2,3}_)*s[lxy](\d{2,4})_"
)
"""Width and height in an address: 300x400, 300x, x400, w300-h400, and the forms of eBay and Amazon."""
_TRANSFORMED = re.compile(
    r"(?:[a-z]{1,3}_[\w.:]+,?)+|(?:(?:width|height|fit|quality|format|w|h|q|f)=[\w.]+,?)+"
)
_SIDE = re.compile(r"(?:^|,)(?:w|h|width|height)[_=](\d{2,4})(?:,|$)")
_NAMED_SIZES = {
    "thickbox": 1200, "zoom": 1200, "full": 1500, "xlarge": 1200, "master": 2000, "grande": 600, "lrg": 1000,
    "large": 900, "medium": 450, "med": 450, "compact": 160, "home": 300, "small": 150, "cart": 100,
    "thumb": 100, "thumbs": 100, "thumbnail": 100, "thumbnails": 100, "mini": 80, "tiny": 50, "icon": 40,
    "scaled": 2560, "pico": 16,
}  # fmt: skip
"""Pixels that platforms and themes mean by a word in an address."""
_SIZE_WORD = re.compile(rf"[-_](?:{'|'.join(_NAMED_SIZES)})(?:_default)?$")
_DENSITY = re.compile(r"@[1-4]x$")
_SHAPE = re.compile(r"(?:_crop_[a-z]+|_f[wo][a-z]{1,3}|\._[a-z0-9_,]+_)$")
"""The crop of an image, after its size."""
_GENERATED = frozenset({"cache", "thumbs", "thumb", "thumbnails", "thumbnail", "resized"})
"""Folders of images that the shop made from larger ones."""
_FINAL_NUMBER = re.compile(r"[._](\d{2,4})$")
_UNEVEN_SIZES = frozenset({75, 125, 128, 256, 415, 512, 768, 1024, 2048})
_HASH = re.compile(r"[0-9a-f]{32}")
_SIZE_PARAMETERS_TEXT = """
    w h width height size quality q fit crop format fm fmt auto dpr wid hei qlt imwidth sw sh sm sz s resize
    scale v ver version t ts _ bg op_sharpen resmode strip trim im impolicy imheight preset optimize profile
"""
_SIZE_PARAMETERS = frozenset(_SIZE_PARAMETERS_TEXT.split())
_SIDES = frozenset({"w", "h", "width", "height", "wid", "hei", "imwidth", "imheight", "sw", "sh"})
_SRCSET = re.compile(r"([^\s,][^\s]*[^\s,])(?:\s+([\d.]{1,8})([wxh]))?\s*(?:,|$)")
_LARGE = re.compile(r"zoom|large|full|big|hi-?res|high|orig|huge|magnif|popup|master|retina", re.I)
_OTHER = re.compile(
    r"thumb|small|placeholder|hover|swap|second|back|icon|lqip|low|mobile|mini|alt|preview|logo", re.I
)
_PLACEHOLDER = re.compile(
    r"(?:^|[-_/.])(?:no|not|without|missing|default|empty|blank)[-_.]?(?:image|img|photo|picture|pic|product|foto)"
    r"|(?:image|photo|picture|img)[-_.]?(?:not[-_.]?(?:available|found)|coming[-_.]?soon|unavailable|missing|placeholder)"
    r"|placeholder|coming[-_.]?soon|(?:^|[-_/])(?:blank|spacer|transparent|pixel|loading|loader|spinner|nopic|noimg"
    r"|noimage|nophoto|1x1)(?:[-_.]|$)",
    re.I,
)


@dataclass(frozen=True, slots=True)
class Address:
    """Where an image is.

    :ivar pixels: the longer side, as far as known.
    :ivar large: whether it is the target of a link or zoom to the large image.
    :ivar stated: whether the page states the pixels, in a `srcset`.
    """

    url: str
    pixels: int
    large: bool = False
    stated: bool = False


def is_image(url: str) -> bool:
    """Whether an address is that of an image file."""
    return bool(_IS_FILE.search(url[:MAX_URL]))


def is_placeholder(url: str) -> bool:
    """Whether an image's file name says that it replaces a missing or not yet loaded one."""
    return bool(_PLACEHOLDER.search(urlsplit(url[:MAX_URL]).path.rsplit("/", 1)[-1]))


@lru_cache(maxsize=8192)
def image_key(url: str) -> str:
    """The common part of all addresses of an image: without size, crop, format and version."""
    parts = urlsplit(url)
    pairs = parse_qsl(parts.query)
    inner = next((value for name, value in pairs if name in ("url", "src", "image") and "/" in value), None)
    if inner and inner != url and not _EXTENSION.search(parts.path):
        return image_key(inner)
    path = unquote(parts.path).lower().split("/")
    if final := _final_size(path):
        path[-1] = _EXTENSION.sub("", path[-1])[: -len(str(final)) - 1]
    segments = [segment for part in path if (segment := _strip_size(part))]
    kept = sorted(
        f"{name}={value}"
        for name, value in pairs
        if name.lower() not in _SIZE_PARAMETERS and not name.startswith("$")
    )
    return "/".join(segments) + ("?" + "&".join(kept) if kept else "")


def _strip_size(segment: str) -> str:
    if _TRANSFORMED.fullmatch(segment) or _HASH.fullmatch(segment) or segment in _NAMED_SIZES:
        return ""
    segment = _EXTENSION.sub("", segment)
    before = None
    while before != segment:
        before = segment
        segment = _SHAPE.sub("", _SIZE_WORD.sub("", _DENSITY.sub("", segment)))
        end = next((one for one in _DIMENSIONS.finditer(segment) if one.end() == len(segment)), None)
        if end:
            segment = segment[: end.start()].rstrip("-_.,")
    return segment


def _final_size(path: list[str]) -> int | None:
    """The size that ends a file's name below a folder of generated images: `cache/dress.320.jpg`.

    Elsewhere, and if it is no usual size, such a number counts photos. Where a folder is a hash of the size,
    as in Magento's `cache/<hash>/w/s/ws_760.jpg`, the name is the original's.
    """
    *folders, name = path
    if not _GENERATED.intersection(folders) or any(map(_HASH.fullmatch, folders)):
        return None
    found = _FINAL_NUMBER.search(_EXTENSION.sub("", name))
    size = int(found[1]) if found and found[1][0] != "0" else 0
    return size if size in _UNEVEN_SIZES or (size >= 50 and size % 10 == 0) else None


@lru_cache(maxsize=8192)
def named_pixels(url: str) -> int | None:
    """The longer side, in pixels, that an address names; None if it names none."""
    parts = urlsplit(url)
    pairs = parse_qsl(parts.query)
    sides = [
        int(value) for name, value in pairs if name.lower() in _SIDES and value.isdigit() and len(value) < 5
    ]
    path = unquote(parts.path).lower().split("/")
    if final := _final_size(path):
        return final
    for segment in path[-6:]:
        bare = _EXTENSION.sub("", segment)
        sides += [int(side) for match in _DIMENSIONS.findall(bare) for side in match if side]
        if _TRANSFORMED.fullmatch(segment):
            sides += [int(side) for side in _SIDE.findall(segment)]
        word = bare if bare in _NAMED_SIZES else _SIZE_WORD.search(bare)
        if word and not sides:
            name = word if isinstance(word, str) else word[0].strip("-_").removesuffix("_default")
            sides.append(_NAMED_SIZES[name])
    return max(sides, default=None)


def pixels(url: str) -> int:
    """The longer side that an address names; an original's if it names none."""
    named = named_pixels(url)
    return ORIGINAL_PIXELS if named is None else named


def _enlarged_pixels(url: str) -> int:
    """As `pixels`, for what the page calls large: that it is in a folder `thumbs` says nothing then."""
    folders, _, name = url.lower().rpartition("/")
    return pixels(name) if not _GENERATED.isdisjoint(folders.split("/")) else pixels(url)


def largest(addresses: Iterable[Address]) -> Address:
    """The address of the largest image, of equals one that is called large, else the first; `addresses` must
    not be empty."""
    return max(addresses, key=lambda one: (one.pixels, one.large))


def addresses_of(image: lxml.html.HtmlElement) -> list[Address]:
    """All addresses that an `img` gives for its image, in several sizes; as written, without `data:`."""
    found = list(_of_attributes(image, inner=True))
    parent = image.getparent()
    if parent is not None and parent.tag == "picture":
        for source in parent.iter("source"):
            found += _of_sets(source)
        parent = parent.getparent()
    for outer in (parent, parent.getparent() if parent is not None else None):
        if outer is None or outer.tag in ("body", "html", "main"):
            break
        href = (outer.get("href") or "").strip() if outer.tag == "a" else ""
        if href and is_image(href) and len(href) < MAX_URL:
            found.append(Address(href, pixels(href), large=True))
        found += _of_attributes(outer, inner=False)
        if outer.tag in ("a", "li", "figure"):
            break  # outer elements hold other images
    # What the page states of an address counts more than what its words say: `photo-large.jpg 480w`.
    stated = {one.url: one.pixels for one in found if one.stated}
    return [replace(one, pixels=stated.get(one.url, one.pixels)) for one in found] if stated else found


def _of_attributes(element: lxml.html.HtmlElement, *, inner: bool) -> Iterator[Address]:
    for name, value in element.items():
        if name != "src" and not name.startswith("data-"):
            continue
        url = value.strip()
        if not 3 < len(url) < MAX_URL or url.startswith("data:") or not ("/" in url or "." in url):
            continue
        if name == "src" and inner:
            if not is_placeholder(url):
                yield Address(url, min(named_pixels(url) or UNNAMED_PIXELS, ORIGINAL_PIXELS))
        elif name != "src" and not _OTHER.search(name) and " " not in url and url[0] not in "{[#":
            if _LARGE.search(name) and (is_image(url) or url.startswith(("http", "/"))):
                yield Address(url, _enlarged_pixels(url), large=True)
            elif is_image(url) and (inner or name == "data-src") and not is_placeholder(url):
                yield Address(url, named_pixels(url) or UNNAMED_PIXELS + 1)
    if inner:
        yield from _of_sets(element)


def _of_sets(element: lxml.html.HtmlElement) -> Iterator[Address]:
    for name in ("srcset", "data-srcset", "data-lazy-srcset", "data-src-set"):
        for url, number, unit in _SRCSET.findall((element.get(name) or "")[:20_000]):
            if url.startswith("data:"):
                continue
            size = float(number) if number.count(".") < 2 and number.strip(".") else 0
            if unit in ("w", "h") and size:
                yield Address(url, int(size), stated=True)
            else:
                yield Address(url, named_pixels(url) or int(UNNAMED_PIXELS * max(size, 1)))
