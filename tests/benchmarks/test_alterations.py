"""Alterations of a photo, the same each time."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image, ImageDraw

from benchmarks.alterations import ALTERATIONS, altered


def shop_photo() -> Image.Image:
    """A red shirt with a white print on white, the print not reaching the ground."""
    image = Image.new("RGB", (120, 160), "white")
    draw = ImageDraw.Draw(image)
    draw.rectangle((30, 20, 89, 139), fill=(200, 30, 40))
    draw.rectangle((50, 60, 69, 79), fill="white")
    return image


def encoded(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def opened(data: bytes | None) -> Image.Image:
    assert data is not None
    return Image.open(io.BytesIO(data))


@pytest.mark.parametrize("alteration", ALTERATIONS)
def test_an_alteration_repeats_and_changes_the_photo(alteration: str) -> None:
    photo = encoded(shop_photo())
    first, second = altered(photo, alteration), altered(photo, alteration)
    assert first == second
    image = opened(first)
    assert (image.format, image.mode) == ("JPEG", "RGB")
    assert first != photo


def test_each_alteration_does_what_it_is_called() -> None:
    photo = shop_photo()
    photo.paste((10, 10, 200), (30, 20, 60, 60))  # left and right differ
    data = encoded(photo)
    plain = np.asarray(photo).astype(int)
    flipped = np.asarray(opened(altered(data, "flip"))).astype(int)
    assert np.abs(flipped[:, ::-1] - plain).mean() < 3
    assert opened(altered(data, "rescale")).size == (60, 80)
    width, height = opened(altered(data, "crop")).size
    assert width * height == pytest.approx(0.8 * 120 * 160, rel=0.02)
    poor, fine = altered(data, "jpeg"), altered(data, "flip")
    assert poor is not None
    assert fine is not None
    assert len(poor) < len(fine)
    ground = np.asarray(opened(altered(data, "background"))).astype(int)
    assert ground[:10].min(axis=2).max() < 242
    assert np.abs(ground[25:135, 35:85] - plain[25:135, 35:85]).mean() < 3
    assert opened(altered(data, "all")).size == (round(120 * 0.8**0.5 / 2), round(160 * 0.8**0.5 / 2))


def test_a_photo_without_plain_ground_gets_none() -> None:
    street = Image.fromarray(np.random.default_rng(0).integers(0, 200, (80, 60, 3), np.uint8))
    assert altered(encoded(street), "background") is None
    assert altered(encoded(street), "all") is None
    assert altered(encoded(street), "crop") is not None
