"""Preprocessing: turns a photo into the square of pixels that an encoder takes."""

from __future__ import annotations

import numpy as np
from PIL import Image

from storage.images import decode

PREPROCESSING = "letterbox-white"
"""Name of what `letterbox` does; vectors made with another preprocessing never mix with these."""

GARMENT_COLOUR = "garment-colour-2"
"""Name of what `embedding.encoder.garment_colour` does to the pixels: count it up with every change there."""


def letterbox(image: Image.Image, size: int) -> np.ndarray:
    """Scales a photo to fit a white square, and keeps its aspect ratio.

    :param image: RGB.
    :param size: side of the square, px.
    :return: uint8 [size, size, 3], RGB.
    """
    left, top, width, height = fitted(image.size, size)
    # reducing_gap lets Pillow shrink by whole factors first: several times faster on large photos.
    scaled = image.resize((width, height), Image.Resampling.BILINEAR, reducing_gap=3.0)
    square = Image.new("RGB", (size, size), "white")
    square.paste(scaled, (left, top))
    return np.asarray(square)


def fitted(photo: tuple[int, int], size: int) -> tuple[int, int, int, int]:
    """Where `letterbox` puts a photo in the square: left, top, width, height, px.

    :param photo: its width and height, px.
    """
    scale = size / max(photo)
    width, height = (max(1, round(side * scale)) for side in photo)
    return (size - width) // 2, (size - height) // 2, width, height


def pixels_of(data: bytes, size: int) -> np.ndarray:
    """Decodes a photo to an encoder's input, in the same way for the nightly stage and for queries.

    :param data: JPEG, PNG, WebP, AVIF or GIF bytes.
    :param size: side of the input, px.
    :return: uint8 [size, size, 3], RGB.
    :raises UnreadableImageError: not an image that may be decoded.
    """
    return letterbox(decode(data, fit=size), size)
