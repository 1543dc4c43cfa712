"""A catalogue of made-up garments: drawn, named and priced, the same for the same seed."""

from __future__ import annotations

from lookalike.demo.product import DemoProduct
from lookalike.demo.wardrobe.design import Garment, design, photos
from lookalike.demo.wardrobe.fabric import COLOURS
from lookalike.demo.wardrobe.kinds import KINDS
from lookalike.demo.wardrobe.wording import write

CURRENCY = "EUR"
# A photo's answer holds five products: with four of each kind and colour, most of them can have both.
_OF_EACH = 4


def catalogue(products: int, seed: int) -> list[DemoProduct]:
    """Products of every kind; their photos are drawn anew at every call of their functions.

    Kinds take turns, and every kind comes in as many colours as leave at least four products of each:
    five colours at 300 products, all twelve from 624 on.

    :param products: how many.
    :param seed: another seed gives other products.
    """
    colours = min(len(COLOURS), max(1, products // (_OF_EACH * len(KINDS))))
    cells = [(kind, made.palette[place]) for place in range(colours) for kind, made in KINDS.items()]
    return [
        _product(design(*cells[number % len(cells)], seed=seed * 1_000_003 + number), number, seed)
        for number in range(products)
    ]


def _product(garment: Garment, number: int, seed: int) -> DemoProduct:
    words = write(
        garment.kind, garment.colour, garment.pattern, garment.cloth.texture, garment.cut, number, seed
    )
    return DemoProduct(
        product_id=str(1000 + number),
        title=words.title,
        brand=words.brand,
        description=words.description,
        kind=garment.kind,
        colour=garment.colour,
        category=words.category,
        price=words.price,
        was_price=words.was_price,
        currency=CURRENCY,
        availability=words.availability,
        gtin=words.gtin,
        sku=words.sku,
        sizes=words.sizes,
        photos=photos(garment, 1 + garment.seed % 3),
    )
