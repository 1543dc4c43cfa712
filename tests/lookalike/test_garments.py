"""Drawn garments: the same for the same seed, and told apart by what can be seen."""

from __future__ import annotations

import io
import time
from collections import Counter
from decimal import Decimal

import numpy as np
import pytest
from PIL import Image

from lookalike.demo.garments import catalogue, styles, unseen
from lookalike.demo.wardrobe.design import design, detail, draw, front, invent, posed
from lookalike.demo.wardrobe.fabric import COLOURS
from lookalike.demo.wardrobe.kinds import KINDS
from lookalike.demo.wardrobe.photograph import HEIGHT, WIDTH
from lookalike.demo.wardrobe.wording import gtin13


@pytest.fixture(scope="module")
def products():
    return catalogue(300, seed=1)


def test_the_same_seed_gives_the_same_catalogue(products):
    again = catalogue(300, seed=1)
    assert [one.title for one in products] == [one.title for one in again]
    assert [photo() for photo in products[17].photos] == [photo() for photo in again[17].photos]


def test_another_seed_gives_other_products(products):
    other = catalogue(300, seed=2)
    assert [one.title for one in products] != [one.title for one in other]
    assert products[0].photos[0]() != other[0].photos[0]()


def test_a_catalogue_is_as_large_as_asked():
    assert [len(catalogue(number, 1)) for number in (0, 1, 10, 1000)] == [0, 1, 10, 1000]


def test_a_catalogue_holds_every_kind_and_many_colours(products):
    assert len(KINDS) >= 12
    assert {one.kind for one in products} == set(KINDS)
    assert len({one.colour for one in products}) >= 10
    assert {one.colour for one in catalogue(1200, 1)} == set(COLOURS)
    assert len(COLOURS) == 12


def test_a_catalogue_has_five_answers_to_a_photo_of_any_of_its_styles(products):
    of_a_style = Counter((one.kind, one.colour) for one in products)
    assert {(style.kind, style.colour) for style in styles(300, 1)} == set(of_a_style)
    assert min(of_a_style.values()) >= 5


def test_products_are_what_a_shop_would_sell(products):
    assert len({one.product_id for one in products}) == len({one.handle for one in products}) == 300
    assert len({one.gtin for one in products}) == len({one.sku for one in products}) == 300
    assert {len(one.photos) for one in products} == {1, 2, 3}
    assert {one.availability for one in products} == {"in_stock", "out_of_stock"}
    for one in products:
        assert one.colour in one.title
        assert one.brand
        assert one.description
        assert one.sizes
        assert isinstance(one.price, Decimal)
        assert one.price >= 4
        assert one.price.as_tuple().exponent == -2
        assert one.was_price is None or one.was_price > one.price
        assert one.gtin == gtin13(one.gtin[:12])
        assert len(one.gtin) == 13
    assert 0.1 < sum(one.was_price is not None for one in products) / 300 < 0.4


def test_a_gtin_has_the_check_digit_of_the_standard():
    assert gtin13("400638133393") == "4006381333931"


def test_every_photo_of_a_product_is_another_jpeg(products):
    product = next(one for one in products if len(one.photos) == 3)
    files = [photo() for photo in product.photos]
    assert len(set(files)) == 3
    for file in files:
        image = Image.open(io.BytesIO(file))
        assert (image.format, image.mode, image.size) == ("JPEG", "RGB", (WIDTH, HEIGHT))


def test_no_two_products_of_a_style_share_a_photo(products):
    fronts = [one.photos[0]() for one in products if (one.kind, one.colour) == ("dress", "navy")]
    assert len(fronts) == len(set(fronts)) >= 5


def test_an_unseen_photo_is_in_no_catalogue():
    style = styles(39, 1)[5]
    sold = {one.photos[0]() for one in catalogue(39, 1) if one.kind == style.kind}
    assert unseen(style, 1) not in sold
    assert unseen(style, 1) == unseen(style, 1) != unseen(style, 2)


@pytest.mark.parametrize("kind", KINDS)
def test_every_cut_and_pattern_of_a_kind_can_be_drawn(kind):
    for seed in range(4):
        garment = design(invent(kind, "red", seed), seed)
        for scene in (front(seed), posed(seed), detail(seed)):
            image = draw(garment, scene)
            assert image.size == (WIDTH, HEIGHT)
            assert 0.05 < covered(image).mean() < 0.97


@pytest.mark.parametrize("kind", KINDS)
def test_a_garment_fills_its_photo_and_stays_inside(kind):
    for seed in range(4):
        mask = covered(draw(design(invent(kind, "navy", seed), seed)))
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        assert rows[0] > 4
        assert rows[-1] < HEIGHT - 5
        assert columns[0] > 4
        assert columns[-1] < WIDTH - 5
        assert np.ptp(rows) > 0.8 * HEIGHT or np.ptp(columns) > 0.75 * WIDTH


@pytest.mark.parametrize("name", COLOURS)
def test_a_garment_has_the_colour_that_its_name_says(name):
    for kind in ("dress", "bag", "trousers"):
        style = next(one for one in (invent(kind, name, n) for n in range(50)) if one.pattern == "plain")
        image = np.asarray(draw(design(style, 3)), np.float32)
        inside = image[HEIGHT // 2 - 60 : HEIGHT // 2 + 60, WIDTH // 2 - 90 : WIDTH // 2 - 20]
        seen = np.median(inside.reshape(-1, 3), axis=0)
        distances = {other: np.linalg.norm(seen - np.array(rgb)) for other, rgb in COLOURS.items()}
        assert min(distances, key=lambda other: distances[other]) == name


def test_kinds_are_told_apart_by_their_outlines():
    """A garment's outline is nearer to the mean outline of its own kind than to any other kind's."""
    outlines = {
        kind: np.stack([outline(design(invent(kind, "navy", n), n)) for n in range(8)]) for kind in KINDS
    }
    means = {kind: some[:5].mean(axis=0) for kind, some in outlines.items()}
    right = [
        min(means, key=lambda other: np.abs(means[other] - one).mean()) == kind
        for kind, some in outlines.items()
        for one in some[5:]
    ]
    assert np.mean(right) >= 0.75


def test_drawing_is_fast(products):
    photos = [photo for one in products[:26] for photo in one.photos]
    photos[0]()
    began = time.process_time()
    for photo in photos:
        photo()
    assert (time.process_time() - began) / len(photos) < 0.15


def covered(image: Image.Image) -> np.ndarray:
    """Where the garment is: pixels far from white, bool [height, width]."""
    return np.asarray(image, np.float32).min(axis=2) < 180


def outline(garment) -> np.ndarray:
    """What it covers, 24 by 32 shares."""
    mask = Image.fromarray((covered(draw(garment)) * 255).astype(np.uint8))
    return np.asarray(mask.resize((24, 32), Image.Resampling.BOX), np.float32) / 255
