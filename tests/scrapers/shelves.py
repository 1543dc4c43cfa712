"""Small catalogues for demo storefronts, with photos that take no time to draw."""

from __future__ import annotations

import hashlib
from decimal import Decimal
from functools import partial

from lookalike.demo.product import DemoProduct
from tests.scrapers.webserver import photo


def gtin13(number: int) -> str:
    digits = f"{400638100000 + number:012d}"
    total = sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(digits))
    return f"{digits}{-total % 10}"


def products(count: int, *, photos: int = 2) -> list[DemoProduct]:
    """A catalogue in which every field differs from product to product."""
    return [
        DemoProduct(
            product_id=str(1000 + number),
            title=f"Shirt & tie “No. {number}”",
            brand=f"Brand {number % 5}",
            description=f"A shirt, number {number}. Wash at 30 °C.",
            kind="shirt",
            colour=("red", "blue", "green")[number % 3],
            category="Men > Shirts",
            price=Decimal(1000 + 37 * number) / 100,
            was_price=Decimal(9999) / 100 if number % 4 == 0 else None,
            currency="EUR",
            availability="out_of_stock" if number % 6 == 5 else "in_stock",
            gtin=gtin13(number),
            sku=f"SKU-{number}",
            sizes=("S", "M", "L"),
            photos=tuple(partial(photo, 10 * number + place) for place in range(photos)),
        )
        for number in range(count)
    ]


def image_ids(product: DemoProduct) -> list[str]:
    """The ids of a product's photos."""
    return [hashlib.sha256(draw()).hexdigest() for draw in product.photos]
