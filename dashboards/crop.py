"""Cropping a photo: the dialog with handles, and the part that they enclose."""

from __future__ import annotations

import io
from typing import NamedTuple

from PIL import Image

from lookalike.photo_reader import decode_photo

FRAME = (296, 400)
"""Most pixels of the photo in the dialog, width and height: what a phone has room for."""

LEAST = 0.03
"""Least part of a side that is searched for; what is smaller was a slip of the hand."""


SUGGESTED = (10, 90)
"""Edges of the frame at first, in percent of a side."""


class Box(NamedTuple):
    """A part of a photo: edges as fractions of its width and height, from the left and the top."""

    left: float
    top: float
    right: float
    bottom: float


WHOLE = Box(0, 0, 1, 1)


def cut(data: bytes, box: Box) -> bytes:
    """The part of a photo, as a PNG, without loss; a pixel of it at least.

    :raises UnreadableImageError: the photo cannot be read.
    """
    photo = decode_photo(data)
    width, height = photo.size
    left, top = min(round(box.left * width), width - 1), min(round(box.top * height), height - 1)
    right, bottom = max(left + 1, round(box.right * width)), max(top + 1, round(box.bottom * height))
    part = io.BytesIO()
    photo.crop((left, top, right, bottom)).save(part, "PNG", compress_level=1)
    return part.getvalue()


def framed(data: bytes) -> Image.Image:
    """The whole photo, RGB, as large as `FRAME` has room for.

    :raises UnreadableImageError: the photo cannot be read.
    """
    photo = decode_photo(data, fit=max(FRAME))
    scale = min(room / side for room, side in zip(FRAME, photo.size, strict=True))
    width, height = (max(1, round(scale * side)) for side in photo.size)
    return photo.resize((width, height), Image.Resampling.BICUBIC, reducing_gap=3.0)


def coordinates(
    across: tuple[int, int], down: tuple[int, int], size: tuple[int, int]
) -> tuple[int, int, int, int]:
    """The pixels of a frame: left, right, top, bottom, as the dialog's handles take them.

    :param across: its left and right edge, in percent of the width; `down` likewise of the height.
    :param size: the photo's width and height in pixels.
    """
    left, right = (round(edge * size[0] / 100) for edge in across)
    top, bottom = (round(edge * size[1] / 100) for edge in down)
    return left, right, top, bottom


def box_of(left: float, top: float, width: float, height: float, size: tuple[int, int]) -> Box:
    """A box from pixels, kept within the photo; `WHOLE` where it encloses next to nothing.

    :param size: the photo's width and height in pixels.
    """
    edges = Box(
        max(0.0, left / size[0]),
        max(0.0, top / size[1]),
        min(1.0, (left + width) / size[0]),
        min(1.0, (top + height) / size[1]),
    )
    enclosed = edges.right - edges.left >= LEAST and edges.bottom - edges.top >= LEAST
    return edges if enclosed else WHOLE
