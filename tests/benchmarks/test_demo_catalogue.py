"""The drawing of the demo's catalogue, and the committed file that it wrote."""

from __future__ import annotations

import io

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from benchmarks.demo_catalogue.design import design, detail, draw, front, invent, posed
from benchmarks.demo_catalogue.fabric import COLOURS
from benchmarks.demo_catalogue.garments import catalogue
from benchmarks.demo_catalogue.kinds import KINDS
from benchmarks.demo_catalogue.photograph import HEIGHT, WIDTH
from benchmarks.demo_catalogue.write import SCHEMA, described
from lookalike.demo.catalogue import FILE


def test_the_committed_file_is_what_the_script_describes() -> None:
    table = pq.read_table(FILE)
    assert table.schema.equals(SCHEMA)
    kept, now = table.to_pylist(), list(described())
    assert [one | {"photos": len(one["photos"]), "sizes": tuple(one["sizes"])} for one in kept] == [
        one | {"photos": len(one["photos"])} for one in now
    ]
    # Another libwebp may write other bytes of the same picture.
    for number in (5, 17, 304):
        for file, drawn in zip(kept[number]["photos"], now[number]["photos"], strict=True):
            difference = np.abs(pixels(file) - pixels(drawn()))
            assert difference.mean() < 1


def test_the_same_seed_gives_the_same_catalogue_and_another_seed_another() -> None:
    one, again, other = catalogue(300, seed=1), catalogue(300, seed=1), catalogue(300, seed=2)
    assert [product.title for product in one] == [product.title for product in again]
    assert [product.title for product in one] != [product.title for product in other]
    assert one[17].photos[0]() == again[17].photos[0]() != other[17].photos[0]()


def test_a_large_catalogue_holds_every_kind_in_every_colour() -> None:
    products = catalogue(1200, 1)
    assert {one.kind for one in products} == set(KINDS)
    assert {one.colour for one in products} == set(COLOURS)


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_is_drawn_from_the_front_posed_and_from_close_by(kind: str) -> None:
    for seed, scene in enumerate((front, posed, detail)):
        image = draw(design(invent(kind, "navy", seed), seed), scene(seed))
        assert image.size == (WIDTH, HEIGHT)
        covered = np.asarray(image, np.float32).min(axis=2) < 180
        assert 0.05 < covered.mean() < 0.97
        if scene is front:
            rows, columns = np.flatnonzero(covered.any(axis=1)), np.flatnonzero(covered.any(axis=0))
            assert rows[0] > 4
            assert rows[-1] < HEIGHT - 5
            assert columns[0] > 4
            assert columns[-1] < WIDTH - 5


def pixels(file: bytes) -> np.ndarray:
    """Its colours, float32 [height, width, 3]."""
    return np.asarray(Image.open(io.BytesIO(file)).convert("RGB"), np.float32)
