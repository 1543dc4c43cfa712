"""Photos as bytes: bounded decoding of hostile input, facts about them, thumbnails."""

from __future__ import annotations

import hashlib
import io
import warnings
from dataclasses import dataclass

from PIL import Image, ImageFile, ImageOps, UnidentifiedImageError

from storage.errors import UnreadableImageError

MAX_IMAGE_PIXELS = 60_000_000
"""Photos with more pixels are refused by their header, before anything is decoded."""

THUMBNAIL_PX = 256

_FORMATS = ("JPEG", "PNG", "WEBP", "AVIF", "GIF", "BMP", "TIFF")
# A photo cut short in transfer is refused rather than filled with grey.
ImageFile.LOAD_TRUNCATED_IMAGES = False


@dataclass(frozen=True)
class PhotoFacts:
    """What `images` stores about a photo.

    :param format: as Pillow names it, for example `JPEG`.
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

    :param max_pixels: the most pixels a photo may have.
    :param min_side: the least px its shorter side may have.
    :param fit: the px its longer side will be scaled to later; large JPEGs are then decoded at a fraction.
    :raises UnreadableImageError: not an image, damaged, too large or too small; the message is the reason.
    """
    opened = _open(data, max_pixels, min_side)
    if fit is not None:
        opened.draft("RGB", (2 * fit, 2 * fit))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return _on_white(ImageOps.exif_transpose(opened))
    except (OSError, SyntaxError, ValueError, EOFError, MemoryError, ZeroDivisionError) as error:
        raise UnreadableImageError(f"a damaged {opened.format} image ({error})") from error


def inspect(data: bytes, *, max_pixels: int = MAX_IMAGE_PIXELS, min_side: int = 1) -> PhotoFacts:
    """Decodes a photo completely and says what it is.

    :raises UnreadableImageError: as `decode`.
    """
    import imagehash

    image = decode(data, max_pixels=max_pixels, min_side=min_side)
    form = Image.open(io.BytesIO(data)).format or ""
    return PhotoFacts(form, image.width, image.height, str(imagehash.phash(image)))


def thumbnail(image: Image.Image, side: int = THUMBNAIL_PX) -> bytes:
    """A JPEG of the photo that fits a square of `side` px, its aspect kept."""
    small = image.copy()
    small.thumbnail((side, side), Image.Resampling.LANCZOS, reducing_gap=3.0)
    buffer = io.BytesIO()
    small.save(buffer, "JPEG", quality=85, optimize=True)
    return buffer.getvalue()


def _open(data: bytes, max_pixels: int, min_side: int) -> Image.Image:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            opened = Image.open(io.BytesIO(data), formats=_FORMATS)
    except Image.DecompressionBombError as error:
        raise UnreadableImageError(f"more than {max_pixels:,} pixels") from error
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
        found = f"it starts with {str(data[:12])[1:]}" if data else "it is empty"
        raise UnreadableImageError(f"not an image ({found}); give a JPEG, PNG, WebP, AVIF or GIF") from error
    if opened.width * opened.height > max_pixels:
        raise UnreadableImageError(f"{opened.width}×{opened.height} is more than {max_pixels:,} pixels")
    if min(opened.size) < min_side:
        raise UnreadableImageError(f"{opened.width}×{opened.height} is smaller than {min_side} px")
    return opened


def _on_white(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):
        # Pillow clips 16-bit grey to 255 instead of scaling it.
        image = image.point(lambda value: value / 256, "L") if image.mode == "I;16" else image.convert("I")
    if "A" in image.getbands() or "transparency" in image.info:
        layered = image.convert("RGBA")
        ground = Image.new("RGBA", layered.size, "white")
        return Image.alpha_composite(ground, layered).convert("RGB")
    return image.convert("RGB")
