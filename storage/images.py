"""Bounded decoding of untrusted images, facts about them, thumbnails."""

from __future__ import annotations

import hashlib
import io
import warnings
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageOps

from storage.errors import UnreadableImageError, UnsuitableImageError

MAX_IMAGE_PIXELS = 60_000_000
"""Images with more pixels are refused by their header, before decoding."""

MAX_SCANNED_PIXELS = 20 * MAX_IMAGE_PIXELS
"""Pixels times scans of a JPEG, whose decoder visits every pixel once a scan. Progressive photos have about
ten scans; half a megabyte can hold thousands."""

THUMBNAIL_PX = 256

_HASHED_PX = 1024
"""Shorter side of the image that a perceptual hash is computed from; the hash needs 32 px."""

_FORMATS = ("JPEG", "PNG", "WEBP", "AVIF", "GIF", "BMP", "TIFF")
_WANTED = "give a JPEG, PNG, WebP, AVIF or GIF"
_START_OF_SCAN = b"\xff\xda"
_ROWS_AT_ONCE = 256
_SIGNATURES = {"JPEG": (0, b"\xff\xd8\xff"), "PNG": (0, b"\x89PNG"), "GIF": (0, b"GIF8")}
_SIGNATURES |= {"WebP": (8, b"WEBP"), "AVIF": (4, b"ftypavi")}
_HEIF = (b"heic", b"heix", b"hevc", b"mif1", b"msf1")

# Pillow warns about odd metadata, which does not matter, and about sizes, which are checked here. The filter
# is set once for the process, because `warnings.catch_warnings` is not thread-safe.
warnings.filterwarnings("ignore", module=r"PIL\.")


@dataclass(frozen=True)
class PhotoFacts:
    """What the table `images` stores about an image.

    :param format: `JPEG`, `PNG`, `WEBP`, `AVIF`, `GIF`, `BMP` or `TIFF`.
    :param width: px, after the EXIF rotation.
    :param height: px, likewise.
    :param perceptual_hash: 64 bits as 16 hexadecimal digits; similar images differ in few bits.
    """

    format: str
    width: int
    height: int
    perceptual_hash: str


@dataclass(frozen=True)
class Pixels:
    """A decoded image as a process can hand it to another.

    :ivar rgb: three bytes a pixel, row by row.
    """

    width: int
    height: int
    rgb: bytes


def image_id(data: bytes) -> str:
    """An image's id: the sha256 of its bytes, hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def decode(
    data: bytes, *, max_pixels: int = MAX_IMAGE_PIXELS, min_side: int = 1, fit: int | None = None
) -> Image.Image:
    """Decodes an image to RGB: rotated as EXIF says, transparency on white, the first frame of an animation.

    :param max_pixels: the most pixels allowed; Pillow itself refuses more than 179 million.
    :param min_side: the least px allowed for the shorter side.
    :param fit: the px that the longer side will be scaled to later; a large JPEG is decoded at the smallest
        fraction of its size that keeps at least twice as many.
    :raises UnreadableImageError: not an image, damaged, too large or too small; the message completes a
        sentence that begins with "it is".
    """
    return _decoded(_opened(data, max_pixels, min_side), fit)


def decode_pixels(data: bytes, *, fit: int | None = None) -> Pixels:
    """As `decode`, for workers, whose answers are plain records."""
    image = decode(data, fit=fit)
    return Pixels(image.width, image.height, image.tobytes())


def inspect(data: bytes, *, max_pixels: int = MAX_IMAGE_PIXELS, min_side: int = 1) -> PhotoFacts:
    """Decodes an image completely and returns facts about it.

    :raises UnreadableImageError: as `decode`.
    """
    import imagehash

    opened = _opened(data, max_pixels, min_side)
    form, full = _form(opened), opened.size
    # A JPEG is read completely at any scale, so damage is found, but 1.5 instead of 24 million pixels are
    # held.
    opened.draft("RGB", (_HASHED_PX, _HASHED_PX))
    decoded_size = opened.size
    image = _decoded(opened, copy=False)
    width, height = full if image.size == decoded_size else full[::-1]
    # The hash makes a grey copy, so a smaller image saves memory.
    factor = min(image.size) // _HASHED_PX
    return PhotoFacts(
        form, width, height, str(imagehash.phash(image.reduce(factor) if factor > 1 else image))
    )


def thumbnail(image: Image.Image, side: int = THUMBNAIL_PX) -> bytes:
    """A JPEG of an RGB image that fits a square of `side` px, with its aspect ratio; never enlarged."""
    scale = side / max(image.size)
    if scale < 1:
        size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
        image = image.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=85, optimize=True)
    return buffer.getvalue()


def _opened(data: bytes, max_pixels: int, min_side: int) -> Image.Image:
    try:
        opened = Image.open(io.BytesIO(data), formats=_FORMATS)
    except Image.DecompressionBombError as error:
        raise UnsuitableImageError(f"too large (more than {max_pixels:,} pixels)") from error
    except Exception as error:  # Pillow's readers raise whatever their parsing of hostile bytes runs into.
        raise UnreadableImageError(_why_unreadable(data)) from error
    size = f"{opened.width}×{opened.height} px"
    if opened.width * opened.height > max_pixels:
        raise UnsuitableImageError(f"too large ({size}, at most {max_pixels:,} pixels)")
    if min(opened.size) < min_side:
        raise UnsuitableImageError(f"too small ({size}, at least {min_side} px a side)")
    if _form(opened) == "JPEG":
        scans = data.count(_START_OF_SCAN)
        if scans * opened.width * opened.height > MAX_SCANNED_PIXELS:
            raise UnsuitableImageError(f"too much work to decode ({size} in {scans:,} scans)")
    return opened


def _why_unreadable(data: bytes) -> str:
    """Why bytes that no decoder accepts are no image."""
    if not data:
        return f"not an image (it is empty); {_WANTED}"
    if data[4:8] == b"ftyp" and data[8:12] in _HEIF:
        return f"a HEIC photo, which cannot be read; {_WANTED}"
    if b"<svg" in data[:2000].lower():
        return f"a drawing (SVG), not a photo; {_WANTED}"
    for form, (start, signature) in _SIGNATURES.items():
        if data.startswith(signature, start):
            return f"a damaged {form} image (its header cannot be read)"
    return f"not an image (it starts with {str(data[:12])[1:]}); {_WANTED}"


def _decoded(opened: Image.Image, fit: int | None = None, *, copy: bool = True) -> Image.Image:
    """:param copy: whether to return a copy instead of the opened image."""
    form = _form(opened)
    try:
        if fit is not None:
            width, height = (max(1, side * 2 * fit // max(opened.size)) for side in opened.size)
            opened.draft("RGB", (width, height))
        opened.load()
        _apply_exif_rotation(opened)
        image = _rgb(opened) if copy or opened.mode != "RGB" else opened
    except Exception as error:  # As above: this must never be a traceback.
        raise UnreadableImageError(f"a damaged {form} image ({error})") from error
    # Thumbnails get neither comments nor profiles, and the image must not be rotated a second time.
    image.info = {}
    return image


def _form(opened: Image.Image) -> str:
    # Pillow calls a JPEG with further images behind the first MPO; phones write them.
    return "JPEG" if opened.format == "MPO" else str(opened.format)


def _apply_exif_rotation(image: Image.Image) -> None:
    try:
        ImageOps.exif_transpose(image, in_place=True)
    except Exception:  # Broken metadata says nothing about the photo.
        image.info.pop("exif", None)


def _rgb(image: Image.Image) -> Image.Image:
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        return _grey(np.asarray(image)).convert("RGB")
    if image.has_transparency_data:
        layered = image if image.mode == "RGBA" else image.convert("RGBA")
        white = Image.new("RGB", layered.size, "white")
        white.paste(layered, mask=layered)
        return white
    return image.convert("RGB")


def _grey(levels: np.ndarray) -> Image.Image:
    """Scales greys of more than 8 bits, which Pillow would clip to 255."""
    if levels.dtype.kind == "f":
        scale = 255.0 if levels.max(initial=0) <= 1 else 1.0
    else:
        scale = 1 / 256 if levels.dtype.itemsize == 2 or levels.max(initial=0) > 255 else 1.0
    grey = np.empty(levels.shape, np.uint8)
    # Some rows at a time: as float64 a whole image would take eight times its pixels.
    for first in range(0, len(levels), _ROWS_AT_ONCE):
        rows = slice(first, first + _ROWS_AT_ONCE)
        grey[rows] = (levels[rows] * scale).clip(0, 255)
    return Image.fromarray(grey)
