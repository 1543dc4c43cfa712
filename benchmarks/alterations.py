"""Altered photos as queries: cropped, mirrored, scaled, saved again, on another background.

Every alteration of a photo is the same each time it is made, so that figures compare.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageFilter, ImageOps

from embedding.training.cut_outs import plain_ground
from storage.images import decode

ALTERATIONS = ("crop", "flip", "rescale", "jpeg", "background", "all")

_KEPT_AREA = 0.8
_SCALE = 0.5
_POOR_QUALITY = 30
_FINE_QUALITY = 95
_LEAST_GROUND = 0.1
_PATCHES = 7


def altered(data: bytes, alteration: str) -> bytes | None:
    """A photo after one of `ALTERATIONS`.

    `crop` keeps four fifths of the area, at a place that follows from the photo; `flip` mirrors; `rescale`
    halves the sides; `jpeg` saves in quality 30; `background` puts a coloured, mottled ground where the plain
    pale one was; `all` does all of these.

    :param data: the encoded photo.
    :return: JPEG bytes, or None where a new background is asked for and less than a tenth of the photo is
        plain pale ground.
    :raises UnreadableImageError: the photo can't be decoded.
    """
    image = decode(data)
    rng = np.random.default_rng(list(hashlib.sha256(data).digest()))
    steps = _STEPS if alteration == "all" else {alteration: _STEPS[alteration]}
    for step in steps.values():
        changed = step(image, rng)
        if changed is None:
            return None
        image = changed
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=_POOR_QUALITY if alteration in ("jpeg", "all") else _FINE_QUALITY)
    return buffer.getvalue()


def _crop(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    width, height = (max(1, round(side * _KEPT_AREA**0.5)) for side in image.size)
    left, top = rng.integers(0, [image.width - width + 1, image.height - height + 1])
    return image.crop((int(left), int(top), int(left) + width, int(top) + height))


def _flip(image: Image.Image, _: np.random.Generator) -> Image.Image:
    return ImageOps.mirror(image)


def _rescale(image: Image.Image, _: np.random.Generator) -> Image.Image:
    width, height = (max(1, round(side * _SCALE)) for side in image.size)
    return image.resize((width, height), Image.Resampling.BICUBIC)


def _as_it_is(image: Image.Image, _: np.random.Generator) -> Image.Image:
    return image


def _background(image: Image.Image, rng: np.random.Generator) -> Image.Image | None:
    ground = plain_ground(image)
    if ground.mean() < _LEAST_GROUND:
        return None
    mask = Image.fromarray(ground.astype(np.uint8) * 255).filter(ImageFilter.GaussianBlur(0.7))
    return Image.composite(_mottled(image.size, rng), image, mask)


def _mottled(size: tuple[int, int], rng: np.random.Generator) -> Image.Image:
    """A ground of one colour in patches of light, as cloth or a wall has them."""
    colour = rng.uniform(60, 200, 3)
    patches = colour + rng.normal(0, 18, (_PATCHES, _PATCHES, 1)) + rng.normal(0, 6, (_PATCHES, _PATCHES, 3))
    smooth = Image.fromarray(patches.clip(0, 255).astype(np.uint8)).resize(size, Image.Resampling.BICUBIC)
    grain = rng.normal(0, 5, (size[1], size[0], 1))
    return Image.fromarray((np.asarray(smooth) + grain).clip(0, 255).astype(np.uint8))


# In the order in which `all` does them: the ground is found before a crop can take its border away. How a
# photo is saved in the end follows from the alteration's name.
_STEPS: dict[str, Callable[[Image.Image, np.random.Generator], Image.Image | None]] = {
    "background": _background,
    "crop": _crop,
    "flip": _flip,
    "rescale": _rescale,
    "jpeg": _as_it_is,
}
