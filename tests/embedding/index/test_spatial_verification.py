"""Whether the very picture asked for is told from pictures like it, whatever was done to it."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image, ImageDraw

from benchmarks.alterations import ALTERATIONS, altered
from embedding.index.spatial_verification import MAX_DIFFERENCE, SHORTLIST, differences
from storage import images, thumbnails

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
    return images.thumbnail(image, thumbnails.SIDE)


@pytest.fixture(scope="module")
def shirts() -> list[Image.Image]:
    return [shirt(at) for at in range(24)]


@pytest.mark.parametrize("alteration", ALTERATIONS)
def test_an_altered_photo_is_the_picture_it_was(shirts: list[Image.Image], alteration: str) -> None:
    shelf = [stored(image) for image in shirts]
    for at in range(0, len(shirts), 4):
        data = altered(encoded(shirts[at]), alteration)
        assert data is not None
        found = differences(images.decode(data), shelf)
        assert found.dtype == np.float32
        assert found.argmin() == at
        assert np.partition(found, 1)[1] > 2 * MAX_DIFFERENCE
        if alteration != "all":  # half the size, in poor quality, what is left of a print differs by more
            assert found[at] <= MAX_DIFFERENCE


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
    assert np.flatnonzero(found <= MAX_DIFFERENCE).tolist() == [3]


def test_pictures_like_it_are_others(shirts: list[Image.Image]) -> None:
    shelf = [stored(image) for image in shirts]
    for at, image in enumerate(shirts[:6]):
        assert differences(image, shelf[:at] + shelf[at + 1 :]).min() > MAX_DIFFERENCE


PLAIN = {
    "a black square": (lambda draw: draw.rectangle((40, 40, 140, 200), fill=(20, 20, 22))),
    "a black scarf": (lambda draw: draw.rectangle((75, 10, 105, 230), fill=(24, 22, 22))),
    "black socks": (
        lambda draw: [draw.rectangle((x, 60, x + 25, 220), fill=(18, 20, 20)) for x in (60, 100)]
    ),
    "black trousers": (
        lambda draw: draw.polygon(
            [(60, 20), (120, 20), (140, 230), (100, 230), (90, 90), (50, 230)], (22,) * 3
        )
    ),
    "a black disc": (lambda draw: draw.ellipse((40, 60, 140, 180), fill=(21, 21, 24))),
}


@pytest.mark.parametrize("name", PLAIN)
def test_a_plain_garment_is_no_other_plain_garment_of_its_colour(name: str) -> None:
    def drawn(garment: str) -> Image.Image:
        image = Image.new("RGB", (180, 240), "white")
        PLAIN[garment](ImageDraw.Draw(image))
        noise = np.random.default_rng(len(garment)).normal(0, 3, (240, 180, 1))  # as a camera has it
        return Image.fromarray((np.asarray(image) + noise).clip(0, 255).astype(np.uint8))

    others = [stored(drawn(other)) for other in PLAIN if other != name]
    assert differences(drawn(name), others).min() > MAX_DIFFERENCE
    assert differences(drawn(name).crop((20, 20, 165, 225)), others).min() > MAX_DIFFERENCE


def test_one_cut_in_two_weaves_is_two_pictures() -> None:
    def tie(across: int, down: int) -> Image.Image:
        weave = Image.new("RGB", (180, 240), (52, 34, 82))
        draw = ImageDraw.Draw(weave)
        for y in range(0, 240, 24):
            for x in range(0, 180, 24):
                draw.rectangle((x, y, x + across, y + down), fill=(64, 46, 94))
        shape = Image.new("L", weave.size, 0)
        ImageDraw.Draw(shape).polygon([(60, 10), (120, 10), (130, 200), (90, 230), (50, 200)], 255)
        return Image.composite(weave, Image.new("RGB", weave.size, "white"), shape)

    found = differences(tie(11, 23), [stored(tie(23, 11)), stored(tie(11, 23))])
    assert found[0] > MAX_DIFFERENCE
    assert found[1] <= MAX_DIFFERENCE


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
    """The photo itself is always the nearest. A crop of a garment so plain that any other of its colour would
    fit as well is not claimed to be the same picture."""
    table = pq.read_table(shared / "data" / "catalogue.parquet", columns=["image"])
    stored_photos = table["image"].slice(0, SHORTLIST).to_pylist()
    shelf = [stored(images.decode(image)) for image in stored_photos]
    claims = []
    for at in range(0, len(stored_photos), 5):
        for alteration in ("crop", "flip", "jpeg"):
            data = altered(stored_photos[at], alteration)
            assert data is not None
            found = differences(images.decode(data), shelf)
            assert found.argmin() == at
            claims.append(found[at] <= MAX_DIFFERENCE)
    assert np.mean(claims) > 0.97


@pytest.mark.parametrize("copies", [1, 3, 5, 8])
def test_all_copies_of_a_photo_are_found(shirts: list[Image.Image], copies: int) -> None:
    qualities = range(95, 95 - 3 * copies, -3)  # each store has encoded it anew
    saved = [images.decode(jpeg(shirts[0], quality)) for quality in qualities]
    shelf = [*map(stored, saved), *map(stored, shirts[1:])]
    found = differences(shirts[0], shelf)
    assert np.flatnonzero(found <= MAX_DIFFERENCE).tolist() == list(range(copies))


def jpeg(image: Image.Image, quality: int) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()
