"""Whether the very picture asked for is told from pictures like it, whatever was done to it."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image, ImageDraw

from embedding.index.verification import MOST_APART, SHORTLIST, differences
from embedding.training.alterations import ALTERATIONS, altered
from storage import photos, thumbnails

COLOURS = ((200, 30, 40), (30, 60, 200), (40, 160, 60), (30, 30, 30))


def shirt(at: int) -> Image.Image:
    """A shirt on white whose colour, cut and print are its own."""
    rng = np.random.default_rng(at)
    image = Image.new("RGB", (180, 240), "white")
    draw = ImageDraw.Draw(image)
    width, sleeve = rng.integers(70, 100), rng.integers(15, 40)
    left = (180 - width) // 2
    draw.rectangle((left, 40, left + width, 210), fill=COLOURS[at % len(COLOURS)])
    draw.rectangle((left - sleeve, 40, left + width + sleeve, 80), fill=COLOURS[at % len(COLOURS)])
    for _ in range(6):
        x, y = rng.integers(left, left + width - 20), rng.integers(60, 180)
        draw.ellipse((x, y, x + 20, y + 20), fill=tuple(rng.integers(0, 220, 3).tolist()))
    return image


def encoded(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def stored(image: Image.Image) -> bytes:
    return photos.thumbnail(image, thumbnails.SIDE)


@pytest.fixture(scope="module")
def shirts() -> list[Image.Image]:
    return [shirt(at) for at in range(24)]


@pytest.mark.parametrize("alteration", ALTERATIONS)
def test_an_altered_photo_is_the_picture_it_was(shirts: list[Image.Image], alteration: str) -> None:
    shelf = [stored(image) for image in shirts]
    for at in range(0, len(shirts), 4):
        data = altered(encoded(shirts[at]), alteration)
        assert data is not None
        found = differences(photos.decode(data), shelf)
        assert found.dtype == np.float32
        assert found.argmin() == at
        assert np.partition(found, 1)[1] > 2 * MOST_APART
        if alteration != "all":  # half the size, in poor quality, what is left of a print differs by more
            assert found[at] <= MOST_APART


@pytest.mark.parametrize(
    "made",
    [
        lambda image: image.crop((20, 20, 160, 190)),
        lambda image: image.resize((1800, 2400)),
        lambda image: image.resize((45, 60)),
    ],
    ids=["another shape", "ten times", "a quarter"],
)
def test_other_sizes_and_shapes(
    shirts: list[Image.Image], made: Callable[[Image.Image], Image.Image]
) -> None:
    found = differences(made(shirts[3]), [stored(image) for image in shirts])
    assert np.flatnonzero(found <= MOST_APART).tolist() == [3]


def test_pictures_like_it_are_others(shirts: list[Image.Image]) -> None:
    shelf = [stored(image) for image in shirts]
    for at, image in enumerate(shirts[:6]):
        assert differences(image, shelf[:at] + shelf[at + 1 :]).min() > MOST_APART


def test_a_photo_without_anything_on_it_is_no_picture() -> None:
    blank = Image.new("RGB", (180, 240), "white")
    assert np.isinf(differences(blank, [stored(blank), stored(blank)])).all()


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (300, 1), (5, 4)])
def test_odd_shapes_raise_nothing(size: tuple[int, int]) -> None:
    odd = Image.new("RGB", size, (90, 20, 20))
    assert len(differences(odd, [stored(odd), stored(shirt(1))])) == 2
    assert len(differences(shirt(1), [stored(odd)])) == 1


def test_nothing_stored_is_no_picture() -> None:
    assert differences(shirt(1), []).shape == (0,)


def test_real_photos_are_found_again(shared: Path) -> None:
    table = pq.read_table(shared / "data" / "catalogue.parquet", columns=["image"])
    images = table["image"].slice(0, SHORTLIST).to_pylist()
    shelf = [stored(photos.decode(image)) for image in images]
    for at in range(0, len(images), 5):
        for alteration in ("crop", "flip", "jpeg"):
            data = altered(images[at], alteration)
            assert data is not None
            found = differences(photos.decode(data), shelf)
            assert found.argmin() == at
            assert found[at] <= MOST_APART
