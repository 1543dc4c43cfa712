"""A garment's colours: a histogram in CIELAB, its main colour, its name, and whether two go together."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import numpy as np

BINS = 8
"""Bins along each of L*, a* and b*."""

_LEVEL_BITS = 5  # of red, green and blue that are distinguished
_LEVELS = 2**_LEVEL_BITS
_LIMITS = ((0.0, 100.0), (-60.0, 80.0), (-60.0, 80.0))
_SMOOTHING = 0.6  # bins: near colours in neighbouring bins count as similar
_FEWEST_CELLS = 20  # of a garment; a white one on white has fewer, and then the whole photo counts
_PALE, _COLOURLESS = 90.0, 6.0
_BLOCK = 128  # grids whose cells stay in the processor's cache: half the time that 1024 take

_NAMED = {
    "black": (12, 0, 0),
    "charcoal": (32, 0, -2),
    "grey": (60, 0, 0),
    "white": (95, 0, 1),
    "cream": (91, 1, 10),
    "beige": (80, 3, 16),
    "tan": (65, 12, 28),
    "brown": (36, 15, 20),
    "navy": (20, 3, -20),
    "blue": (45, 2, -38),
    "light blue": (75, -6, -18),
    "teal": (46, -26, -8),
    "green": (45, -32, 24),
    "olive": (46, -5, 26),
    "yellow": (84, 2, 66),
    "orange": (64, 44, 60),
    "red": (44, 60, 38),
    "burgundy": (26, 34, 12),
    "pink": (74, 30, 2),
    "purple": (38, 34, -34),
}
_ACHROMATIC = 12.0  # chroma below which a colour has no hue to speak of
_HUELESS = 8.0  # chroma below which a colour is named black, grey or white
_QUIET = ("black", "charcoal", "grey", "white", "cream", "beige", "tan", "navy")
"""Names of colours that go with every other."""

_NEAR = 30.0
"""Distance in CIELCh at which harmony has fallen to 1/e: stylists combine near colours, tone in tone and with
what is as light, more often than distant ones.
"""

_WORDS = ((25.0, "tone in tone"), (150.0, ""), (180.0, "in contrast"))
"""Up to how many degrees of hue apart, what two colours are called."""


def histograms(grids: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Colours of garments, the pale background left out.

    :param grids: uint8 [height, width, 3] each, RGB, see `storage.thumbnails.grid`.
    :return: float32 [n, BINS³], square roots of the shares of each bin, so that the inner product of two is
        their Bhattacharyya coefficient; and float32 [n, 3], the main colours in CIELAB.
    """
    parts = [_of_block(grids[start : start + _BLOCK]) for start in range(0, len(grids), _BLOCK)]
    if not parts:
        return np.empty((0, BINS**3), np.float32), np.empty((0, 3), np.float32)
    return np.concatenate([part for part, _ in parts]), np.concatenate([main for _, main in parts])


def name(lab: np.ndarray) -> str:
    """The nearest colour's name, of float32 [3] in CIELAB.

    What has a hue is named by it: a check of white and purple has little chroma, and is no grey.
    """
    names = np.array(list(_NAMED))
    known = np.array(list(_NAMED.values()), np.float32)
    chroma = np.hypot(known[:, 1], known[:, 2])
    hueless = _chroma(lab) < _HUELESS
    distances = np.abs(known[:, 0] - lab[0])
    if not hueless:
        distances = 0.5 * distances + 0.3 * np.abs(chroma - _chroma(lab)) + 0.5 * _hue_distances(lab, known)
    return str(names[np.where((chroma < _HUELESS) == hueless, distances, np.inf).argmin()])


def harmony(lab: np.ndarray, others: np.ndarray) -> np.ndarray:
    """How well colours go with one, by their distance in lightness, chroma and hue: float32 [n], from 0 to 1.

    :param lab: float32 [3], in CIELAB, whose distance is CIELCh's of 1976.
    :param others: float32 [n, 3].
    """
    return np.exp(-np.linalg.norm(others - lab, axis=1) / _NEAR).astype(np.float32)


def in_words(one: np.ndarray, other: np.ndarray) -> str:
    """What two colours are together, such as `navy and tan` or `blue, tone in tone`."""
    first, second = name(one), name(other)
    if first == second:
        return f"both {first}"
    quiet = first in _QUIET or second in _QUIET or min(_chroma(one), _chroma(other)) < _ACHROMATIC
    distance = float(_hue_distances(one, other[None])[0])
    relation = "" if quiet else next(words for limit, words in _WORDS if distance <= limit)
    return f"{first} and {second}{f', {relation}' if relation else ''}"


def _of_block(grids: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    lab_of, bin_of, pale = _tables()
    cells = _codes(np.concatenate([grid.reshape(-1, 3) for grid in grids]))
    sizes = [grid.shape[0] * grid.shape[1] for grid in grids]
    rows = np.repeat(np.arange(len(grids), dtype=np.int32), sizes)
    garment = ~pale[cells]
    few = np.bincount(rows[garment], minlength=len(grids)) < _FEWEST_CELLS
    kept = garment | few[rows]
    cells, rows = cells[kept], rows[kept]
    bins = bin_of[cells]
    counts = np.bincount(rows * BINS**3 + bins, minlength=len(grids) * BINS**3).reshape(len(grids), -1)
    smooth = _smoothed(counts.astype(np.float32))
    roots = np.sqrt(smooth / np.maximum(smooth.sum(axis=1, keepdims=True), 1e-6))
    of_main = bins == np.argmax(counts, axis=1)[rows]
    cells, rows = cells[of_main], rows[of_main]
    firsts = np.searchsorted(rows, np.arange(len(grids)))  # every garment has cells of its main colour
    sums = np.add.reduceat(lab_of[cells], firsts, axis=0)
    means = sums / np.bincount(rows, minlength=len(grids))[:, None]
    return roots.astype(np.float32), means.astype(np.float32)


def _codes(cells: np.ndarray) -> np.ndarray:
    """Codes of colours, int32 [n], of uint8 [n, 3]."""
    levels = cells >> (8 - _LEVEL_BITS)  # a division takes ten times as long
    red, green, blue = (levels[:, channel].astype(np.int32) for channel in range(3))
    codes: np.ndarray = red << 2 * _LEVEL_BITS | green << _LEVEL_BITS | blue
    return codes


@functools.cache
def _tables() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of each code of a colour: CIELAB, its bin, and whether it is a background's."""
    step = 256 // _LEVELS
    axis = (np.arange(_LEVELS) * step + step / 2) / 255
    rgb = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), axis=-1).reshape(-1, 3)
    lab = _lab(rgb)
    places = [
        np.clip(((lab[:, at] - low) / (high - low) * BINS).astype(np.int64), 0, BINS - 1)
        for at, (low, high) in enumerate(_LIMITS)
    ]
    pale = (lab[:, 0] > _PALE) & (np.abs(lab[:, 1:]) < _COLOURLESS).all(axis=1)
    return lab, (places[0] * BINS + places[1]) * BINS + places[2], pale


def _lab(rgb: np.ndarray) -> np.ndarray:
    """CIELAB of sRGB from 0 to 1, float [n, 3], white point D65."""
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    matrix = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    xyz = linear @ matrix.T / np.array([0.9505, 1.0, 1.089])
    roots = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    x, y, z = roots.T
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=1)


def _smoothed(counts: np.ndarray) -> np.ndarray:
    """Histograms blurred by a Gaussian, float32 [n, BINS³]."""
    distances = np.subtract.outer(np.arange(BINS), np.arange(BINS))
    blur = np.exp(-(distances**2) / (2 * _SMOOTHING**2)).astype(np.float32)
    cube = counts.reshape(-1, BINS, BINS, BINS)
    for _ in range(3):
        cube = np.moveaxis(cube @ blur, 3, 1)
    return cube.reshape(len(counts), -1)


def _hue_distances(lab: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Degrees between the hues, from 0 to 180: float [n]."""
    degrees = np.degrees(np.arctan2(others[:, 2], others[:, 1]) - np.arctan2(lab[2], lab[1]))
    wrapped: np.ndarray = np.abs((degrees + 180) % 360 - 180)
    return wrapped


def _chroma(lab: np.ndarray) -> np.ndarray:
    chroma: np.ndarray = np.hypot(lab[..., 1], lab[..., 2])
    return chroma
