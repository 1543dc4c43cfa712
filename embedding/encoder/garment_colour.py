"""A photo's garment colours: a soft histogram in CIELAB that leaves out a plain background.

Bins are soft, each pixel counting for the bins around it by a Gaussian, so that a shade more light moves
little. Pixels near the middle count more. Plain background that is connected to the border does not count.
"""

from __future__ import annotations

import numpy as np
from keras import KerasTensor, ops

# Centres of the bins by axis: lightness, green to red, blue to yellow. A photo's colours lie closer to grey
# than CIELAB reaches, and the bins with them.
_LIGHTNESS = (5.0, 20.0, 35.0, 50.0, 65.0, 80.0, 95.0)
_GREEN_RED = (-40.0, -20.0, -8.0, 0.0, 8.0, 20.0, 40.0, 60.0)
_BLUE_YELLOW = (-45.0, -25.0, -10.0, 0.0, 10.0, 25.0, 45.0, 70.0)
_WIDTHS = (8.0, 6.0, 6.0)  # half as wide as the bins of before: 0.5 to 1 point more precision of colours

BINS = len(_LIGHTNESS) * len(_GREEN_RED) * len(_BLUE_YELLOW)
"""Length of the histogram."""

GRID_PX = 32
"""Side that photos are averaged down to first."""

_NEAR = 14.0
"""Distance in CIELAB (CIE76) up to which a pixel counts as background."""

_WHITE_BORDER = 0.25
"""Least share of the border that is white for a white background: a garment may touch the rest."""

_PLAIN_BORDER = 0.6
"""Least share of the border that has one other colour for a background of that colour."""

_LEAST_LEFT = 0.03
"""Where less of the photo than this share is left, nothing is background."""

_ERODED_FROM = 0.05
_MODE_STEPS, _MODE_WIDTH = 4, 20.0
_FLOOD_STEPS = 20
_CENTRE = (0.35, 0.3)  # standard deviations of what pixels count, in heights and widths of the photo

# Not shared with `embedding.outfits.colours`, whose constants have four digits: its CIELAB differs by up to
# 0.02, and 18 of its 32,768 colours would fall into another bin. A change there would alter what stored style
# heads were trained on, a change here stored embeddings.
_TO_XYZ = np.array(
    [[0.412453, 0.357580, 0.180423], [0.212671, 0.715160, 0.072169], [0.019334, 0.119193, 0.950227]],
    np.float32,
)
_WHITE_XYZ = np.array([0.950456, 1.0, 1.088754], np.float32)
_WHITE_LAB = np.array([100.0, 0.0, 0.0], np.float32)


def histogram(pixels: KerasTensor) -> KerasTensor:
    """The histogram of each photo.

    :param pixels: float32 [n, size, size, 3] RGB in 0…255, letterboxed on white; size a multiple of 32.
    :return: float32 [n, 448], sums to 1.
    """
    pool = int(pixels.shape[1]) // GRID_PX
    small = ops.average_pool(pixels, pool, pool) / 255.0
    lab = _lab(small)
    inside, height, width = _photo(small)
    kept = _garment(lab, inside)
    counts = kept * _centre(height, width)
    counts = ops.reshape(counts / ops.sum(counts, axis=(1, 2), keepdims=True), (-1, GRID_PX * GRID_PX, 1))
    lightness, green_red, blue_yellow = (
        _soft_bins(lab[..., axis], centres, _WIDTHS[axis])
        for axis, centres in enumerate((_LIGHTNESS, _GREEN_RED, _BLUE_YELLOW))
    )
    hues = ops.reshape(
        green_red[:, :, :, None] * blue_yellow[:, :, None, :],
        (-1, GRID_PX * GRID_PX, BINS // len(_LIGHTNESS)),
    )
    joint = ops.matmul(ops.transpose(counts * lightness, (0, 2, 1)), hues)
    return ops.reshape(joint, (-1, BINS))


def _lab(rgb: KerasTensor) -> KerasTensor:
    """sRGB in 0…1 as CIELAB, D65."""
    linear = ops.where(rgb > 0.04045, ((ops.maximum(rgb, 0.04045) + 0.055) / 1.055) ** 2.4, rgb / 12.92)
    # Channel by channel: a matrix product would be in bfloat16 where the processor has it.
    xyz = [
        sum(float(share) * linear[..., channel] for channel, share in enumerate(row)) / float(white)
        for row, white in zip(_TO_XYZ, _WHITE_XYZ, strict=True)
    ]
    x, y, z = (
        ops.where(one > 0.008856, ops.maximum(one, 0.008856) ** (1 / 3), 7.787 * one + 16 / 116)
        for one in xyz
    )
    return ops.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1)


def _photo(small: KerasTensor) -> tuple[KerasTensor, KerasTensor, KerasTensor]:
    """Where the photo is between the white bars of the letterbox.

    :return: float32 [n, 32, 32], 1 inside; its height and width, float32 [n, 1, 1], in shares of the square.
    """
    white = ops.cast(ops.min(small, axis=-1) >= 0.9999, "float32")
    sides = []
    for axis in (2, 1):
        # Lines from the border on that are white throughout, as many on either side.
        coloured = 1.0 - ops.min(white, axis=axis)
        passed = ops.minimum(
            ops.cumsum(coloured, axis=1), ops.flip(ops.cumsum(ops.flip(coloured, 1), axis=1), 1)
        )
        within = ops.cast(passed > 0, "float32")
        both = ops.maximum(within, ops.flip(within, 1))
        # A white photo is all photo.
        sides.append(ops.where(ops.sum(both, axis=1, keepdims=True) > 0, both, ops.ones_like(both)))
    rows, columns = sides
    inside = rows[:, :, None] * columns[:, None, :]
    return inside, ops.mean(rows, axis=1)[:, None, None], ops.mean(columns, axis=1)[:, None, None]


def _garment(lab: KerasTensor, inside: KerasTensor) -> KerasTensor:
    """Mask of the garment, all but the plain background: float32 [n, 32, 32]."""
    border = inside * (1.0 - _eroded(inside))
    whites = _share(border, _distance(lab, ops.convert_to_tensor(_WHITE_LAB)) < _NEAR)
    common = _mode(lab, border)
    near_common = _distance(lab, common) < _NEAR
    is_white, is_plain = whites >= _WHITE_BORDER, _share(border, near_common) >= _PLAIN_BORDER
    near_white = _distance(lab, ops.convert_to_tensor(_WHITE_LAB)) < _NEAR
    near = (
        ops.cast(ops.where(is_white, near_white, ops.logical_and(near_common, is_plain)), "float32") * inside
    )
    background = near * border
    for _ in range(_FLOOD_STEPS):
        background = near * ops.maximum(_widest(background, (3, 1)), _widest(background, (1, 3)))
    kept = inside * (1.0 - background)
    shrunk = inside * (1.0 - _widest(1.0 - kept, (3, 3)))
    left, of = ops.sum(kept, axis=(1, 2), keepdims=True), ops.sum(inside, axis=(1, 2), keepdims=True)
    kept = ops.where(
        ops.logical_and(left > _ERODED_FROM * of, ops.sum(shrunk, axis=(1, 2), keepdims=True) > 0),
        shrunk,
        kept,
    )
    left = ops.sum(kept, axis=(1, 2), keepdims=True)
    return ops.where(left < _LEAST_LEFT * of, inside, kept)


def _mode(lab: KerasTensor, border: KerasTensor) -> KerasTensor:
    """The border's most frequent colour, float32 [n, 1, 1, 3], by mean shift."""
    weights = border[..., None]
    found = ops.sum(weights * lab, axis=(1, 2), keepdims=True) / ops.sum(weights, axis=(1, 2), keepdims=True)
    for _ in range(_MODE_STEPS):
        near = (
            ops.exp(-((_distance(lab, found) / _MODE_WIDTH) ** 2) / 2)[..., None] * weights + 1e-6 * weights
        )
        found = ops.sum(near * lab, axis=(1, 2), keepdims=True) / ops.sum(near, axis=(1, 2), keepdims=True)
    return found


def _distance(lab: KerasTensor, colour: KerasTensor) -> KerasTensor:
    return ops.sqrt(ops.sum((lab - colour) ** 2, axis=-1))


def _share(border: KerasTensor, near: KerasTensor) -> KerasTensor:
    of = ops.sum(border, axis=(1, 2), keepdims=True)
    return ops.sum(border * ops.cast(near, "float32"), axis=(1, 2), keepdims=True) / of


def _widest(mask: KerasTensor, window: tuple[int, int]) -> KerasTensor:
    return ops.max_pool(mask[..., None], window, 1, "same")[..., 0]


def _eroded(mask: KerasTensor) -> KerasTensor:
    """A mask without its border; outside the square there is nothing."""
    padded = ops.pad(1.0 - mask, ((0, 0), (1, 1), (1, 1)), constant_values=1.0)
    return 1.0 - ops.max_pool(padded[..., None], 3, 1, "valid")[..., 0]


def _centre(height: KerasTensor, width: KerasTensor) -> KerasTensor:
    """Weights of pixels, larger near the middle: float32 [n, 32, 32]."""
    at = ops.convert_to_tensor((np.arange(GRID_PX, dtype=np.float32) + 0.5) / GRID_PX - 0.5)
    down, across = at[None, :, None] / (_CENTRE[0] * height), at[None, None, :] / (_CENTRE[1] * width)
    return ops.exp(-(down**2 + across**2) / 2)


def _soft_bins(values: KerasTensor, centres: tuple[float, ...], width: float) -> KerasTensor:
    """Soft assignment of pixels to the bins of an axis, float32 [n, 1024, bins]; sums to 1."""
    flat = ops.reshape(values, (-1, GRID_PX * GRID_PX, 1))
    at = ops.convert_to_tensor(np.array(centres, np.float32))
    return ops.softmax(-(((flat - at) / width) ** 2) / 2, axis=-1)
