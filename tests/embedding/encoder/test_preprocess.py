"""Photos become the encoder's input."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from embedding.encoder.preprocess import letterbox, pixels_of

RED = (200, 30, 40)


@pytest.mark.parametrize(
    ("size", "columns", "rows"),
    [((60, 80), (12, 84), (0, 96)), ((80, 60), (0, 96), (12, 84)), ((50, 50), (0, 96), (0, 96))],
)
def test_the_aspect_is_kept_on_a_white_square(
    size: tuple[int, int], columns: tuple[int, int], rows: tuple[int, int]
) -> None:
    square = letterbox(Image.new("RGB", size, RED), 96)
    assert (square.shape, square.dtype) == ((96, 96, 3), np.uint8)
    inside = np.zeros((96, 96), bool)
    inside[rows[0] : rows[1], columns[0] : columns[1]] = True
    assert (square[inside] == RED).all()
    assert (square[~inside] == 255).all()


@pytest.mark.parametrize("size", [(1, 1), (1, 5000), (5000, 1)])
def test_extreme_shapes_still_fit(size: tuple[int, int]) -> None:
    assert letterbox(Image.new("RGB", size, RED), 32).shape == (32, 32, 3)


def test_a_photo_in_more_pixels_gives_nearly_the_same_input() -> None:
    small = Image.effect_noise((150, 200), 60).convert("RGB").resize((600, 800))
    inputs = []
    for scale in (1, 3):
        buffer = io.BytesIO()
        small.resize((600 * scale, 800 * scale), Image.Resampling.BICUBIC).save(buffer, "JPEG", quality=95)
        inputs.append(pixels_of(buffer.getvalue(), 128).astype(int))
    assert np.abs(inputs[0] - inputs[1]).mean() < 3
