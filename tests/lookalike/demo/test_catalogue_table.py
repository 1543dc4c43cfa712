"""Catalogue tables as products for a demo storefront."""

from __future__ import annotations

import io
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import requests
from PIL import Image

from lookalike.demo.catalogue_table import check_digit, from_parquet
from lookalike.demo.storefront import serve
from storage.errors import InputError


def photo(number: int, kind: str = "JPEG") -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (30, 40), (number * 11 % 256, 90, 30)).save(buffer, kind)
    return buffer.getvalue()


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """Twelve products in row groups of five."""
    rows = [
        {
            "id": str(100 + number),
            "name": f"Red  Tape Men Brown Shoes {number}",
            "gender": "Men",
            "master_category": "Footwear",
            "sub_category": "Shoes",
            "article_type": "Formal Shoes",
            "colour": None if number == 3 else "Brown",
            "image": photo(number, "PNG" if number == 4 else "JPEG"),
        }
        for number in range(12)
    ]
    path = tmp_path / "catalogue.parquet"
    pq.write_table(pa.Table.from_pylist(rows), path, row_group_size=5)
    return path


def test_a_table_gives_products_with_its_own_photos(table):
    products = from_parquet(table)
    assert [product.product_id for product in products] == [str(100 + number) for number in range(12)]
    assert [product.photos[0]() for product in products] == [
        photo(number, "PNG" if number == 4 else "JPEG") for number in range(12)
    ]
    first = products[0]
    assert first.title == "Red Tape Men Brown Shoes 0"
    assert first.brand == "Red Tape"
    assert first.category == "Men > Footwear > Shoes > Formal Shoes"
    assert (first.kind, first.colour, first.currency) == ("Formal Shoes", "Brown", "EUR")
    assert first.sizes
    assert products[3].colour == ""


def test_what_is_made_up_is_the_same_at_every_run_and_in_every_part(table):
    def facts(products):
        return [(p.product_id, p.price, p.was_price, p.availability, p.gtin, p.sku) for p in products]

    whole = facts(from_parquet(table))
    assert facts(from_parquet(table, 4, offset=3)) == whole[3:7]
    assert facts(from_parquet(table, offset=10)) == whole[10:]
    assert facts(from_parquet(table, limit=0)) == facts(from_parquet(table, offset=99)) == []
    assert from_parquet(table, 2, offset=6)[1].photos[0]() == photo(7)
    assert len({price for _, price, *_ in whole}) > 6
    assert all(was is None or was > price > 0 for _, price, was, *_ in whole)


def test_article_numbers_have_a_right_check_digit(table):
    assert check_digit([int(digit) for digit in "400638133393"]) == 1
    for product in from_parquet(table):
        digits = [int(digit) for digit in product.gtin]
        assert len(digits) == 13
        assert sum(digits[::2]) + 3 * sum(digits[1::2]) == 10 * round(
            (sum(digits[::2]) + 3 * sum(digits[1::2])) / 10
        )


def test_ids_become_digits_and_stay_apart(tmp_path):
    ids = ["7", "7", "007", "SKU-1", "sku 2", "", None, "9" * 30]
    rows = [{"id": one, "name": "", "image": photo(1)} for one in ids]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "odd.parquet")
    products = from_parquet(tmp_path / "odd.parquet")
    made = [product.product_id for product in products]
    assert made[0] == "7"
    assert len(set(made)) == len(ids)
    assert all(one.isdigit() and one[0] != "0" for one in made)
    assert all(product.title for product in products)
    assert made == [product.product_id for product in from_parquet(tmp_path / "odd.parquet")]


def test_a_row_without_a_photo_has_an_empty_one(tmp_path):
    rows = [{"id": "1", "name": "a", "image": None}, {"id": "2", "name": "b", "image": photo(2)}]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "gap.parquet")
    assert [product.photos[0]() for product in from_parquet(tmp_path / "gap.parquet")] == [b"", photo(2)]


def test_numbers_as_ids_are_fine(tmp_path):
    pq.write_table(
        pa.table({"id": [5, 6], "name": ["a", "b"], "image": [photo(1)] * 2}), tmp_path / "n.parquet"
    )
    assert [product.product_id for product in from_parquet(tmp_path / "n.parquet")] == ["5", "6"]


def test_photos_are_served_as_they_are(table):
    products = from_parquet(table)
    with serve(products, "shopify") as front:
        listed = requests.get(f"{front.url}/products.json", timeout=5).json()["products"]
        answers = [requests.get(one["images"][0]["src"], timeout=5) for one in listed]
    assert [answer.content for answer in answers] == [product.photos[0]() for product in products]
    assert {answer.headers["Content-Type"] for answer in answers} == {"image/jpeg", "image/png"}


@pytest.mark.parametrize("limit", [{"limit": -1}, {"offset": -1}])
def test_negative_numbers_are_refused(table, limit):
    with pytest.raises(InputError, match="fewer than 0"):
        from_parquet(table, **limit)


def test_what_is_no_catalogue_is_refused_in_one_sentence(tmp_path):
    with pytest.raises(InputError, match=r"missing\.parquet does not exist"):
        from_parquet(tmp_path / "missing.parquet")
    (tmp_path / "text.parquet").write_text("hello")
    with pytest.raises(InputError, match="cannot be read as Parquet"):
        from_parquet(tmp_path / "text.parquet")
    pq.write_table(pa.table({"id": ["1"], "title": ["x"]}), tmp_path / "other.parquet")
    with pytest.raises(InputError, match="no column name, image"):
        from_parquet(tmp_path / "other.parquet")


def test_the_real_catalogue(shared):
    path = shared / "data" / "catalogue.parquet"
    products = from_parquet(path)
    assert len(products) == len({product.product_id for product in products}) == 7659
    assert all(Decimal(8) <= product.price < 181 for product in products)
    with serve(products, "woocommerce") as front:
        answer = requests.get(f"{front.url}/wp-json/wc/store/v1/products?per_page=100&page=77", timeout=20)
        assert answer.headers["X-WP-TotalPages"] == "77"
        last = answer.json()[-1]
        image = requests.get(last["images"][0]["src"], timeout=5).content
    (wanted,) = [product for product in products if product.product_id == str(last["id"])]
    assert image == wanted.photos[0]()
    assert Image.open(io.BytesIO(image)).height == 224
