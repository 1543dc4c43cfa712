"""Random views of a photo for training."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageEnhance, ImageOps

_MIN_AREA = 0.55
_MAX_STRETCH = 4 / 3  # store photos come stretched to squares as well as in their own shape
_MAX_BRIGHTNESS = 0.15  # mild, and hue untouched: colour is one of the labels


def random_view(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """A random crop, flipped half of the time, mildly stretched and relit.

    :param image: RGB.
    :return: RGB of another size.
    """
    width, height = image.size
    area = rng.uniform(_MIN_AREA, 1.0)
    crop_width, crop_height = (max(1, round(side * area**0.5)) for side in (width, height))
    left, top = rng.integers(0, width - crop_width + 1), rng.integers(0, height - crop_height + 1)
    stretch = _MAX_STRETCH ** rng.uniform(-0.5, 0.5)
    view = image.resize(
        (max(1, round(crop_width * stretch)), max(1, round(crop_height / stretch))),
        Image.Resampling.BILINEAR,
        box=(left, top, left + crop_width, top + crop_height),
    )
    if rng.random() < 0.5:
        view = ImageOps.mirror(view)
    light, contrast = 1 + rng.uniform(-_MAX_BRIGHTNESS, _MAX_BRIGHTNESS, size=2)
    return ImageEnhance.Contrast(ImageEnhance.Brightness(view).enhance(light)).enhance(contrast)
