"""Regions: the single garments in what a segmentation says of a photo's pixels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image

from embedding.encoder.segmentation import BACKGROUND, CLASSES, PERSON

_FIRST = CLASSES.index(PERSON) + 1
GARMENTS = CLASSES[_FIRST:]
"""The classes that are garments."""

LEAST_AREA = 0.006
"""Least share of a photo that a garment fills."""

_JOINED = 3
"""Pieces of one class that are at most twice this many pixels apart are one garment: a strap or an open coat
divides what is worn under it, and shoes come in pairs."""

_LEAST_SKIN = 0.03
"""Share of a person in a piece of a photo from which on what else it shows is worn."""

MARGIN = 0.04
"""What a crop has more than the garment's box on each side, in shares of the box's."""

_EDGE = 8.0  # how steeply a photo turns into its pale ground where garment and background are equally likely


@dataclass(frozen=True, eq=False)
class Region:
    """Where a photo shows one garment.

    :ivar name: one of `GARMENTS`.
    :ivar mask: bool [height, width], its pixels in the segmentation.
    :ivar score: mean probability that a pixel there shows a garment, 0 to 1.
    :ivar worn: whether somebody wears it; else the class is a guess by most of its pixels.
    """

    name: str
    mask: np.ndarray
    score: float
    worn: bool

    @property
    def area(self) -> float:
        """Share of the photo that it fills."""
        return float(self.mask.mean())

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Left, top, right and bottom, in shares of the photo's width and height."""
        rows, columns = (np.flatnonzero(self.mask.any(axis=axis)) for axis in (1, 0))
        height, width = self.mask.shape
        return (
            float(columns[0] / width),
            float(rows[0] / height),
            float((columns[-1] + 1) / width),
            float((rows[-1] + 1) / height),
        )


def regions(probabilities: np.ndarray, least_area: float = LEAST_AREA) -> list[Region]:
    """The garments in a photo, those that fill most of it first.

    What is worn are as many garments as it has classes; a thing that lies or hangs alone is one garment.

    :param probabilities: float32 [classes, height, width], of `Segmenter.segment`.
    """
    likeliest = probabilities.argmax(axis=0)
    garment, person = likeliest >= _FIRST, likeliest == CLASSES.index(PERSON)
    likely = probabilities[_FIRST:].sum(axis=0)
    found = []
    for thing in _pieces(garment | person, least_area):
        worn = bool(person[thing].mean() > _LEAST_SKIN)
        if worn:
            kinds = [
                (at, piece)
                for at in range(_FIRST, len(CLASSES))
                for piece in _pieces(thing & (likeliest == at), least_area)
            ]
        else:
            kinds = [
                (_FIRST + int(probabilities[_FIRST:, piece].sum(axis=1).argmax()), piece)
                for piece in _pieces(thing & garment, least_area)
            ]
        found += [Region(CLASSES[at], piece, float(likely[piece].mean()), worn) for at, piece in kinds]
    return sorted(found, key=lambda region: -region.area * region.score)


def _pieces(mask: np.ndarray, least_area: float) -> list[np.ndarray]:
    """The pieces of a mask that fill so much of it, bool [height, width] each."""
    if not mask.any() or mask.mean() < least_area:
        return []
    numbers = _labelled(_grown(mask, _JOINED)) * mask
    pieces = (numbers == number for number in np.unique(numbers[mask]))
    return [piece for piece in pieces if piece.mean() >= least_area]


def crop_box(box: tuple[float, float, float, float], photo: tuple[int, int]) -> tuple[int, int, int, int]:
    """What to crop from a photo for a garment, with `MARGIN`: left, top, right and bottom, px.

    It encloses a pixel at least: a garment in a tiny photo may be narrower than one.

    :param box: as `Region.box`.
    :param photo: its width and height, px.
    """
    left, top, right, bottom = box
    across, down = MARGIN * (right - left), MARGIN * (bottom - top)
    (width, height) = photo
    x, y = max(0, int((left - across) * width)), max(0, int((top - down) * height))
    return (
        x,
        y,
        min(width, max(x + 1, round((right + across) * width))),
        min(height, max(y + 1, round((bottom + down) * height))),
    )


def on_pale_ground(photo: Image.Image, probabilities: np.ndarray) -> Image.Image:
    """A photo whose background is white, as shops show garments; who wears them stays.

    :param photo: RGB.
    :param probabilities: of `Segmenter.segment`.
    """
    shown = np.clip((0.5 - probabilities[CLASSES.index(BACKGROUND)]) * _EDGE + 0.5, 0, 1)
    mask = Image.fromarray((255 * shown).astype(np.uint8)).resize(photo.size, Image.Resampling.BILINEAR)
    return Image.composite(photo, Image.new("RGB", photo.size, "white"), mask)


def _labelled(mask: np.ndarray) -> np.ndarray:
    """Numbers the connected pieces of a mask from 1: int64 [height, width], 0 outside.

    SciPy does so, too, but nothing that only asks should need it.
    """
    numbers = np.where(mask, np.arange(1, mask.size + 1).reshape(mask.shape), 0)
    while True:
        spread = numbers
        # Along whole lines at a time, so that a few rounds do.
        for axis in (0, 1):
            for direction in (slice(None), slice(None, None, -1)):
                spread = _carried(spread, mask, axis, direction)
        if (spread == numbers).all():
            return numbers
        numbers = spread


def _carried(numbers: np.ndarray, mask: np.ndarray, axis: int, direction: slice) -> np.ndarray:
    """Carries the largest number so far along each unbroken line of a mask."""
    lines, within = (np.moveaxis(one, axis, 0)[direction] for one in (numbers, mask))
    carried = np.empty_like(lines)
    last = np.zeros_like(lines[0])
    for row, (line, inside) in enumerate(zip(lines, within, strict=True)):
        last = np.where(inside, np.maximum(last, line), 0)
        carried[row] = last
    return np.moveaxis(carried[direction], 0, axis)


def _grown(mask: np.ndarray, by: int) -> np.ndarray:
    """A mask with all pixels that are at most so many rows and columns away."""
    around = np.lib.stride_tricks.sliding_window_view(np.pad(mask, by), (2 * by + 1, 2 * by + 1))
    return np.asarray(around.any(axis=(-1, -2)))
