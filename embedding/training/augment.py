"""Augmentation: random views of a photo that close the gap between shop photos and people's own photos.

A store shows a garment on white, straight and evenly lit; a person's photo shows it on a bed, tilted, in any
light, blurred and compressed. Each view is as likely to keep the shop's look as to take on some of the other.
"""

from __future__ import annotations

import io

import numpy as np
from PIL import Image, ImageEnhance, ImageFilter, ImageOps

from embedding.training.backgrounds import replace_background

_MIN_AREA = 0.5
_MAX_STRETCH = 4 / 3  # store photos come stretched to squares as well as in their own shape
_MAX_LIGHT = 0.2
_MAX_CAST = 0.06  # of each channel: a lamp's tint; hue is else untouched, since colour is one of the labels
_MAX_TURN_DEG = 15.0
_MAX_SHIFT = 0.12  # of a corner, in sides: seen from aside
_JPEG_QUALITY = (30, 80)


def random_view(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """A random crop, flipped half of the time, stretched and relit; sometimes also on another background, in
    perspective, blurred or compressed.

    :param image: RGB.
    :return: RGB of another size.
    """
    if rng.random() < 0.3:
        image = replace_background(image, rng)
    if rng.random() < 0.3:
        image = _in_perspective(image, rng)
    view = _cropped(image, rng)
    if rng.random() < 0.5:
        view = ImageOps.mirror(view)
    view = _relit(view, rng)
    if rng.random() < 0.15:
        view = view.filter(ImageFilter.GaussianBlur(rng.uniform(0.3, 1.2)))
    if rng.random() < 0.15:
        view = _compressed(view, rng)
    return view


def _cropped(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    width, height = image.size
    area = rng.uniform(_MIN_AREA, 1.0)
    crop_width, crop_height = (max(1, round(side * area**0.5)) for side in (width, height))
    left, top = rng.integers(0, width - crop_width + 1), rng.integers(0, height - crop_height + 1)
    stretch = _MAX_STRETCH ** rng.uniform(-0.5, 0.5)
    return image.resize(
        (max(1, round(crop_width * stretch)), max(1, round(crop_height / stretch))),
        Image.Resampling.BILINEAR,
        box=(left, top, left + crop_width, top + crop_height),
    )


def _in_perspective(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Rotates a photo by some degrees and changes its perspective; new area is white."""
    width, height = image.size
    turned = image.rotate(
        rng.uniform(-_MAX_TURN_DEG, _MAX_TURN_DEG), Image.Resampling.BILINEAR, fillcolor="white"
    )
    corners = np.array([(0, 0), (0, height), (width, height), (width, 0)], float)
    seen = corners + rng.uniform(-_MAX_SHIFT, _MAX_SHIFT, (4, 2)) * (width, height)
    return turned.transform(
        image.size,
        Image.Transform.QUAD,
        seen.reshape(-1).tolist(),
        Image.Resampling.BILINEAR,
        fillcolor="white",
    )


def _relit(view: Image.Image, rng: np.random.Generator) -> Image.Image:
    light, contrast = 1 + rng.uniform(-_MAX_LIGHT, _MAX_LIGHT, size=2)
    relit = ImageEnhance.Contrast(ImageEnhance.Brightness(view).enhance(light)).enhance(contrast)
    if rng.random() < 0.5:
        return relit
    cast = 1 + rng.uniform(-_MAX_CAST, _MAX_CAST, size=3)
    return relit.point([min(255, round(level * channel)) for channel in cast for level in range(256)])


def _compressed(view: Image.Image, rng: np.random.Generator) -> Image.Image:
    buffer = io.BytesIO()
    view.save(buffer, "JPEG", quality=int(rng.integers(*_JPEG_QUALITY)))
    return Image.open(buffer).convert("RGB")
