"""Flat colours and plain shapes are no clothing, and look like no product."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from embedding.encoder.heads import Head, clothing_probability
from embedding.encoder.preprocess import letterbox, pixels_of
from embedding.encoder.runtime import OpenVINOEncoder, load_encoder
from embedding.encoder.weights import load_weights
from lookalike.demo.catalogue import catalogue

COLOURS = {
    "red": (255, 0, 0),
    "bright red": (220, 20, 30),
    "green": (0, 200, 0),
    "blue": (0, 0, 255),
    "black": (0, 0, 0),
    "white": (255, 255, 255),
    "grey": (128, 128, 128),
    "yellow": (255, 220, 0),
}


@pytest.fixture(scope="module")
def encoder(fashion_encoder: Path) -> OpenVINOEncoder:
    return load_encoder(fashion_encoder)


@pytest.fixture(scope="module")
def heads() -> dict[str, Head]:
    return load_weights("fashion").heads


@pytest.fixture(scope="module")
def products(encoder: OpenVINOEncoder) -> np.ndarray:
    photos = [garment.photos[0]() for garment in catalogue(8)]
    return encoder.encode(np.stack([pixels_of(photo, encoder.spec.size) for photo in photos]))


def rectangle(colour: tuple[int, int, int]) -> Image.Image:
    return Image.new("RGB", (300, 400), colour)


def circle(colour: tuple[int, int, int]) -> Image.Image:
    image = Image.new("RGB", (300, 300), "white")
    ImageDraw.Draw(image).ellipse((50, 50, 250, 250), fill=colour)
    return image


def gradient(colour: tuple[int, int, int]) -> Image.Image:
    share = np.linspace(0, 1, 300)[None, :, None]
    row = share * np.array(colour) + (1 - share) * 255
    return Image.fromarray(np.broadcast_to(row, (300, 300, 3)).astype(np.uint8))


@pytest.mark.parametrize("shape", [rectangle, circle, gradient])
@pytest.mark.parametrize("colour", COLOURS)
def test_a_plain_shape_is_no_clothing_and_like_no_product(
    encoder: OpenVINOEncoder, heads: dict[str, Head], products: np.ndarray, shape, colour: str
) -> None:
    vector = encoder.encode(letterbox(shape(COLOURS[colour]), encoder.spec.size)[None])
    assert clothing_probability(heads, vector)[0] < 0.5
    assert (products @ vector[0]).max() < 0.9


def test_photos_of_garments_are_clothing(heads: dict[str, Head], products: np.ndarray) -> None:
    assert (clothing_probability(heads, products) > 0.5).all()
