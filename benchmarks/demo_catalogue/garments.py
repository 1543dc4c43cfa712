"""A catalogue of made-up garments: drawn, named and priced, the same for the same seed."""

from __future__ import annotations

from lookalike.demo.catalogue import OF_A_STYLE
from lookalike.demo.product import DemoProduct

from .design import Garment, Style, design, invent, photos
from .kinds import KINDS
from .photograph import Save, jpeg
from .wording import write

CURRENCY = "EUR"


def catalogue(products: int, seed: int, save: Save = jpeg) -> list[DemoProduct]:
    """Products of every kind; their photos are drawn anew at every call of their functions.

    :param products: how many; number `n` is of the style `n % len(styles(products, seed))`.
    :param seed: another seed gives other products.
    :param save: writes each photo.
    """
    chosen = styles(products, seed)
    return [
        _product(design(chosen[number % len(chosen)], seed * 1_000_003 + number), number, seed, save)
        for number in range(products)
    ]


def unsold(products: int, seed: int) -> list[DemoProduct]:
    """A garment of the first style of each kind that `catalogue` does not hold; its photos are JPEGs."""
    chosen = styles(products, seed)[: len(KINDS)]
    return [
        _product(design(style, -1 - seed), number, seed, jpeg)
        for number, style in enumerate(chosen, start=products)
    ]


def styles(products: int, seed: int) -> list[Style]:
    """The styles of a catalogue of this size: one for about six products, and one of each kind at least.

    Kinds take turns, and each comes in its usual colours first.
    """
    kinds = list(KINDS.values())
    number = max(len(kinds), products // OF_A_STYLE)
    return [
        invent(kind.name, kind.palette[turn % len(kind.palette)], seed * 1_000_003 + turn)
        for turn in range(-(-number // len(kinds)))
        for kind in kinds
    ][:number]


def _product(garment: Garment, number: int, seed: int, save: Save) -> DemoProduct:
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
        photos=photos(garment, 1 + garment.seed % 3, save),
    )
