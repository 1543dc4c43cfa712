"""Random views: they repeat by their seed, and only white ground becomes another ground."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from embedding.training.augment import random_view
from embedding.training.backgrounds import replace_background, white_background


def _garment(colour: str) -> Image.Image:
    photo = Image.new("RGB", (120, 160), "white")
    draw = ImageDraw.Draw(photo)
    draw.rectangle((30, 20, 90, 140), fill=colour)
    draw.rectangle((50, 60, 70, 90), fill="white")  # a print: white that does not reach the border
    return photo


def test_a_view_follows_from_its_seed() -> None:
    photo = _garment("navy")
    first, again, other = (np.asarray(random_view(photo, np.random.default_rng(seed))) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert first.shape != other.shape or (first != other).any()


def test_views_differ_in_ground_frame_and_light_and_keep_the_garment() -> None:
    photo = _garment("navy")
    grounds = 0
    for seed in range(60):
        view = np.asarray(random_view(photo, np.random.default_rng(seed)), int)
        assert min(view.shape[:2]) > 40
        blue = (view[..., 2] > view[..., 0] + 25) & (view[..., 0] < 110)
        assert blue.mean() > 0.1
        grounds += np.median(view[[0, -1]].reshape(-1, 3).std(axis=0)) > 4
    assert 5 < grounds < 55


def test_white_background_is_white_that_reaches_the_border() -> None:
    background = white_background(_garment("navy"))
    assert background[:15].all()
    assert not background[30:130, 35:85].any()


def test_a_garment_on_white_is_put_on_another_ground_and_others_stay() -> None:
    rng = np.random.default_rng(0)
    photo = _garment("maroon")
    moved = np.asarray(replace_background(photo, rng))
    before = np.asarray(photo)
    np.testing.assert_array_equal(moved[100:135, 35:85], before[100:135, 35:85])
    np.testing.assert_array_equal(moved[65:85, 55:65], before[65:85, 55:65])
    assert (moved[:10] < 246).any(axis=2).mean() > 0.9
    street = Image.fromarray(rng.integers(0, 200, (80, 60, 3), dtype=np.uint8))
    assert replace_background(street, rng) is street
