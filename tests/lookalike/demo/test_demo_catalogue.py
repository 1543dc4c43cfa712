"""The demo's catalogue file: products of every kind, and a garment of each kind to search with."""

from __future__ import annotations

import io
from collections import Counter
from decimal import Decimal

import numpy as np
import pytest
from PIL import Image

from lookalike.demo.catalogue import FILE, OF_A_STYLE, catalogue, unsold
from lookalike.demo.catalogue_table import check_digit
from lookalike.demo.product import DemoProduct
from storage.errors import InputError

PATTERNS = ("Striped", "Polka dot", "Checked")
KINDS = ("t-shirt", "shirt", "jumper", "hoodie", "coat", "dress", "skirt", "trousers", "shorts", "cap")
KINDS += ("sneakers", "bag", "scarf")


@pytest.fixture(scope="module")
def products() -> list[DemoProduct]:
    return catalogue(300)


@pytest.mark.parametrize("count", [0, 1, 10, 78, 83, 300])
def test_a_catalogue_is_as_large_as_asked(count: int) -> None:
    assert len({one.product_id for one in catalogue(count)}) == count


@pytest.mark.parametrize("count", [-1, 301])
def test_a_larger_one_than_the_file_holds_is_refused(count: int) -> None:
    with pytest.raises(InputError, match=f"has 300 products, not {count}"):
        catalogue(count)


@pytest.mark.parametrize("count", [78, 83, 150, 300])
def test_a_catalogue_has_five_answers_to_the_unsold_garment_of_each_kind(count: int) -> None:
    sold = Counter((one.kind, one.colour) for one in catalogue(count))
    for kind in KINDS:
        assert sold[kind, unsold(kind).colour] >= OF_A_STYLE - 1


def test_products_are_what_a_shop_would_sell(products: list[DemoProduct]) -> None:
    assert {one.kind for one in products} == set(KINDS)
    assert len({one.colour for one in products}) >= 10
    assert len({one.handle for one in products}) == len({one.gtin for one in products}) == 300
    assert len({one.sku for one in products}) == 300
    assert {one.availability for one in products} == {"in_stock", "out_of_stock"}
    for one in products:
        assert one.colour in one.title
        assert one.brand
        assert one.description
        assert one.sizes
        assert one.price >= 4
        assert isinstance(one.price, Decimal)
        assert one.price.as_tuple().exponent == -2
        assert one.was_price is None or one.was_price > one.price
        assert len(one.gtin) == 13
        assert int(one.gtin[-1]) == check_digit([int(digit) for digit in one.gtin[:12]])
    assert 0.1 < sum(one.was_price is not None for one in products) / 300 < 0.4


def test_each_product_has_photos_of_its_own(products: list[DemoProduct]) -> None:
    assert {len(one.photos) for one in products} == {1, 2, 3}
    files = [photo() for one in products for photo in one.photos]
    files += [unsold(kind).photos[0]() for kind in KINDS]
    assert len(set(files)) == len(files)
    for file in files:
        assert Image.open(io.BytesIO(file)).size == (480, 640)


def test_what_is_searched_with_is_a_jpeg() -> None:
    assert {Image.open(io.BytesIO(unsold(kind).photos[0]())).format for kind in KINDS} == {"JPEG"}


def test_a_plain_garment_has_the_colour_that_its_name_says(products: list[DemoProduct]) -> None:
    """The middle of garments of one colour is nearer to the middle of that colour's than to another's."""
    seen = {
        one: middle(one)
        for one in products
        if one.kind in ("dress", "bag", "trousers", "t-shirt") and not one.title.startswith(PATTERNS)
    }
    names = {one.colour for one in seen}
    means = {
        name: np.mean([rgb for one, rgb in seen.items() if one.colour == name], axis=0) for name in names
    }
    assert len(names) >= 8
    for one, rgb in seen.items():
        assert min(names, key=lambda name: np.linalg.norm(rgb - means[name])) == one.colour


def test_the_file_is_small() -> None:
    assert FILE.stat().st_size < 8_000_000


def middle(product: DemoProduct) -> np.ndarray:
    """The median colour of a garment's middle, float64 [3]."""
    pixels = np.asarray(Image.open(io.BytesIO(product.photos[0]())))
    return np.median(pixels[260:380, 150:220].reshape(-1, 3), axis=0)
