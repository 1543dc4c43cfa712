"""Photos as bytes: bounded decoding of hostile input, facts about them, thumbnails."""

from __future__ import annotations

import hashlib
import io
import warnings
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageOps

from storage.errors import UnreadableImageError

MAX_IMAGE_PIXELS = 60_000_000
"""Photos with more pixels are refused by their header, before anything is decoded."""

THUMBNAIL_PX = 256

_HASHED_PX = 1024
"""Shorter side of what a perceptual hash is taken of; it needs 32 px of it."""

_FORMATS = ("JPEG", "PNG", "WEBP", "AVIF", "GIF", "BMP", "TIFF")
_WANTED = "give a JPEG, PNG, WebP, AVIF or GIF"
_SIGNATURES = {"JPEG": (0, b"\xff\xd8\xff"), "PNG": (0, b"\x89PNG"), "GIF": (0, b"GIF8")}
_SIGNATURES |= {"WebP": (8, b"WEBP"), "AVIF": (4, b"ftypavi")}
_HEIF = (b"heic", b"heix", b"hevc", b"mif1", b"msf1")

# Pillow warns of odd metadata, which is no news to anybody, and of sizes that are refused here anyway. Set
# once for the process, because `warnings.catch_warnings` is not safe in the threads that decode.
warnings.filterwarnings("ignore", module=r"PIL\.")


@dataclass(frozen=True)
class PhotoFacts:
    """What `images` stores about a photo.

    :param format: `JPEG`, `PNG`, `WEBP`, `AVIF`, `GIF`, `BMP` or `TIFF`.
    :param width: px, after the turn that EXIF asks for.
    :param height: px, likewise.
    :param perceptual_hash: 64 bits as 16 hexadecimal digits; photos that look alike differ in few bits.
    """

    format: str
    width: int
    height: int
    perceptual_hash: str


def image_id(data: bytes) -> str:
    """A photo's identity: the sha256 of its bytes, hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def decode(
    data: bytes, *, max_pixels: int = MAX_IMAGE_PIXELS, min_side: int = 1, fit: int | None = None
) -> Image.Image:
    """A photo as RGB: turned as EXIF says, transparency on white, the first frame of an animation.

    :param max_pixels: the most pixels a photo may have; Pillow itself refuses more than 179 million.
    :param min_side: the least px its shorter side may have.
    :param fit: the px its longer side will be scaled to later; a large JPEG is then decoded at the smallest
        fraction of its size that keeps at least twice as many.
    :raises UnreadableImageError: not an image, damaged, too large or too small; the message is the reason
        and follows "it is".
    """
    return _decoded(_opened(data, max_pixels, min_side), fit)


def inspect(data: bytes, *, max_pixels: int = MAX_IMAGE_PIXELS, min_side: int = 1) -> PhotoFacts:
    """Decodes a photo completely and says what it is.

    :raises UnreadableImageError: as `decode`.
    """
    import imagehash

    opened = _opened(data, max_pixels, min_side)
    form, full = _form(opened), opened.size
    # All of a JPEG is read at any scale, so that damage shows; but of 24 million pixels 1.5 are held.
    opened.draft("RGB", (_HASHED_PX, _HASHED_PX))
    held = opened.size
    image = _decoded(opened, copy=False)
    width, height = full if image.size == held else full[::-1]
    # The hash makes a grey copy of what it is given.
    factor = min(image.size) // _HASHED_PX
    return PhotoFacts(
        form, width, height, str(imagehash.phash(image.reduce(factor) if factor > 1 else image))
    )


def thumbnail(image: Image.Image, side: int = THUMBNAIL_PX) -> bytes:
    """A JPEG of an RGB photo that fits a square of `side` px, its aspect kept; small photos stay small."""
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
        raise UnreadableImageError(f"too large (more than {max_pixels:,} pixels)") from error
    except Exception as error:  # Pillow's readers raise whatever their parsing of hostile bytes runs into.
        raise UnreadableImageError(_what_it_is(data)) from error
    size = f"{opened.width}×{opened.height} px"
    if opened.width * opened.height > max_pixels:
        raise UnreadableImageError(f"too large ({size}, at most {max_pixels:,} pixels)")
    if min(opened.size) < min_side:
        raise UnreadableImageError(f"too small ({size}, at least {min_side} px a side)")
    return opened


def _what_it_is(data: bytes) -> str:
    """Why bytes that no reader accepts are no photo."""
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
    """:param copy: whether the photo is for others, and must not be the file that was opened."""
    form = _form(opened)
    try:
        if fit is not None:
            width, height = (max(1, side * 2 * fit // max(opened.size)) for side in opened.size)
            opened.draft("RGB", (width, height))
        opened.load()
        _turn(opened)
        image = _rgb(opened) if copy or opened.mode != "RGB" else opened
    except Exception as error:  # As above: this must never be a traceback.
        raise UnreadableImageError(f"a damaged {form} image ({error})") from error
    # Neither comments nor profiles go into thumbnails, and nobody turns the photo a second time.
    image.info = {}
    return image


def _form(opened: Image.Image) -> str:
    # Phones write JPEGs with further pictures behind the first, which Pillow names apart.
    return "JPEG" if opened.format == "MPO" else str(opened.format)


def _turn(image: Image.Image) -> None:
    try:
        ImageOps.exif_transpose(image, in_place=True)
    except Exception:  # Broken metadata says nothing about the photo.
        image.info.pop("exif", None)


def _rgb(image: Image.Image) -> Image.Image:
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        return _grey(np.asarray(image)).convert("RGB")
    if image.has_transparency_data:
        layered = image.convert("RGBA")
        white = Image.new("RGB", layered.size, "white")
        white.paste(layered, mask=layered)
        return white
    return image.convert("RGB")


def _grey(levels: np.ndarray) -> Image.Image:
    """Greys of more than 8 bits, scaled; Pillow would clip them to 255."""
    if levels.dtype.kind == "f":
        scale = 255.0 if levels.max(initial=0) <= 1 else 1.0
    else:
        scale = 1 / 256 if levels.dtype.itemsize == 2 or levels.max(initial=0) > 255 else 1.0
    return Image.fromarray((levels * scale).clip(0, 255).astype(np.uint8))
