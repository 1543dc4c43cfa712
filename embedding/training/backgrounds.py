"""Replaces a garment's white background with a texture, as in people's own photos."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageFilter
from scipy import ndimage

_WHITE = 246  # least level of all channels; with a lower one, white garments count as background
_SPECKS = 2  # px: what is thinner is the compression's noise along the garment's edge
_TINT = 18.0  # of 255 levels: floors and beds are seldom vivid
_MIN_BACKGROUND, _MAX_BACKGROUND = 0.15, 0.95  # shares of the photo; else it has no garment on white ground


def replace_background(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Replaces a photo's white background by a random texture; returns the photo itself where it has none.

    Only white that is connected to the border is background; a white shirt stays white.

    :param image: RGB.
    :return: RGB of the same size.
    """
    background = white_background(image)
    if not _MIN_BACKGROUND < background.mean() < _MAX_BACKGROUND:
        return image
    mask = Image.fromarray((~background * 255).astype(np.uint8)).filter(ImageFilter.GaussianBlur(0.7))
    return Image.composite(image, random_background(image.size, rng), mask)


def white_background(image: Image.Image) -> np.ndarray:
    """Mask of a photo's white background.

    :param image: RGB.
    :return: bool [height, width].
    """
    white = np.asarray(image).min(axis=2) >= _WHITE
    regions, _ = ndimage.label(white)
    border = np.concatenate([regions[0], regions[-1], regions[:, 0], regions[:, -1]])
    background = np.isin(regions, np.unique(border[border > 0]))
    return (
        ndimage.binary_opening(background, iterations=_SPECKS, border_value=1)
        if background.any()
        else background
    )


def random_background(size: tuple[int, int], rng: np.random.Generator) -> Image.Image:
    """A random texture like cloth, wood or carpet: smooth noise of several scales and an uneven light.

    :param size: width and height, px.
    :return: RGB.
    """
    width, height = size
    base = rng.uniform(40, 215) + rng.normal(0, _TINT, 3)
    texture = np.zeros((height, width, 3), np.float32)
    for cells in (2, 6, 24, 80):
        wide, tall = (max(2, round(cells * rng.uniform(0.3, 1.5))) for _ in range(2))
        noise = rng.normal(0, rng.uniform(2, 18), (tall, wide, 1 if cells > 6 else 3)).astype(np.float32)
        layers = [
            np.asarray(Image.fromarray(noise[:, :, layer]).resize(size, Image.Resampling.BILINEAR))
            for layer in range(noise.shape[2])
        ]
        texture += np.stack(layers, axis=2)
    return Image.fromarray(np.clip(texture + base, 0, 255).astype(np.uint8))
