"""A catalogue of made-up garments: drawn, named and priced, the same for the same seed."""

from __future__ import annotations

from lookalike.demo.product import DemoProduct
from lookalike.demo.wardrobe.design import Garment, Style, design, invent, photos
from lookalike.demo.wardrobe.kinds import KINDS
from lookalike.demo.wardrobe.wording import write

CURRENCY = "EUR"
# A photo's answer holds five products: with six of a style, all five can be of the photo's own.
_OF_A_STYLE = 6


def catalogue(products: int, seed: int) -> list[DemoProduct]:
    """Products of every kind; their photos are drawn anew at every call of their functions.

    :param products: how many.
    :param seed: another seed gives other products.
    """
    chosen = styles(products, seed)
    return [
        _product(design(chosen[number % len(chosen)], seed * 1_000_003 + number), number, seed)
        for number in range(products)
    ]


def styles(products: int, seed: int) -> list[Style]:
    """The styles of a catalogue of this size: one for about six products, and one of each kind at least.

    Kinds take turns, and each comes in its usual colours first.
    """
    kinds = list(KINDS.values())
    number = max(len(kinds), products // _OF_A_STYLE)
    return [
        invent(kind.name, kind.palette[turn % len(kind.palette)], seed * 1_000_003 + turn)
        for turn in range(-(-number // len(kinds)))
        for kind in kinds
    ][:number]


def unseen(style: Style, seed: int) -> bytes:
    """The photo, a JPEG file, of a garment of this style that no catalogue holds."""
    return photos(design(style, -1 - seed), 1)[0]()


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
