"""Which photos stand for no product."""

import pyarrow as pa
import pytest

from storage import shared_images
from storage.schemas import TABLES
from storage.shared_images import MIN_PRODUCTS, find_shared_images

COLUMNS = ["store", "title", "brand", "images"]
SCHEMA = pa.schema([TABLES["products"].columns.field(name) for name in COLUMNS])
UNLIKE = [
    *("Linen shirt", "Wool coat", "Denim jacket", "Silk scarf", "Leather belt", "Running shoes"),
    *("Cotton socks", "Rain hat", "Swim shorts", "Pleated skirt", "Evening dress", "Knit cardigan"),
]

COLOURS = ["red", "blue", "green", "sand", "black", "white", "navy", "rose", "grey", "lime"]


def row(title, *image_ids, store="shop.example", brand=None):
    images = [
        {"url": f"/{image_id}.jpg", "image_id": image_id, "position": at, "colour": None}
        for at, image_id in enumerate(image_ids)
    ]
    return {"store": store, "title": title, "brand": brand, "images": images}


def found(rows):
    return find_shared_images(pa.Table.from_pylist(rows, SCHEMA))


def test_one_photo_for_all_that_have_none_is_a_placeholder():
    rows = [row(title, "none") for title in UNLIKE] + [row(f"Hat {n}", f"own-{n}") for n in range(20)]
    assert found(rows) == {("shop.example", "none"): 12}


def test_a_size_chart_beside_the_products_own_photos_is_one():
    rows = [row(title, f"own-{title}", "chart") for title in UNLIKE]
    assert found(rows) == {("shop.example", "chart"): 12}


@pytest.mark.parametrize(
    "titles",
    [
        [f"Linen shirt – {colour}" for colour in COLOURS],
        [f"Oxford Shirt Slim Fit {size}" for size in range(36, 52)],
        ["Oxford shirt"] * 15,
        [f"亚麻衬衫{colour}色" for colour in "红蓝绿黑白灰紫黄橙粉"],
    ],
)
def test_colours_and_sizes_listed_one_by_one_keep_their_photo(titles):
    assert found([row(title, f"own-{title}", "group") for title in titles]) == {}
    several = [row(title, "main", "back") for title in titles] + [row(title, title) for title in UNLIKE]
    assert found(several) == {}


def test_what_all_titles_of_a_store_say_makes_no_article():
    titles = [f"{title} | Linden & Row Copenhagen" for title in UNLIKE]
    others = [row(f"Cap {n} | Linden & Row Copenhagen", f"own-{n}") for n in range(30)]
    assert found([row(title, "none") for title in titles] + others) == {("shop.example", "none"): 12}
    branded = [row(f"Acme Outdoor Wear {title}", "none", brand="Acme Outdoor Wear") for title in UNLIKE]
    assert found(branded) == {("shop.example", "none"): 12}


def test_few_products_make_no_placeholder_nor_do_other_stores():
    assert found([row(title, "none") for title in UNLIKE[: MIN_PRODUCTS - 1]]) == {}
    halves = [row(title, "none", store=f"{n % 2}.example") for n, title in enumerate(UNLIKE)]
    assert found(halves) == {}


def test_a_photo_twice_on_one_product_counts_once_and_one_that_is_missing_not_at_all():
    assert found([row(title, "same", "same", None) for title in UNLIKE[:9]]) == {}
    assert found([row(title, None) for title in UNLIKE]) == {}
    assert found([]) == {}


def test_each_title_is_read_once_however_many_photos_repeat(monkeypatch):
    read = []
    split = shared_images._split
    monkeypatch.setattr(shared_images, "_split", lambda text: read.append(text) or split(text))
    rows = [
        row(f"{UNLIKE[n % 12]} {n}", *(f"group-{(n + shift) % 40}" for shift in range(3))) for n in range(400)
    ]
    assert len(found(rows)) == 40
    assert len(read) == 2 * len(rows)  # title and brand
