"""The texts of a drawn garment: title, brand, description, price, sizes, numbers."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from .cut import Cut
from .fabric import Pattern, Texture

BRANDS = (
    *("Alder & Moss", "Halden Row", "Ostra", "Linnéa Voss", "Pier Nine", "Marlow Supply", "Kestrel"),
    *("Tamsin Grey", "Solvik", "Fennimore", "Casa Brisa", "North Quay", "Orlane Petit", "Juniper Works"),
)
"""Invented; no company is meant."""

_ONE = ("One size",)
_SHOES = ("37", "38", "39", "40", "41", "42", "43")
_WARM = ("wool", "merino", "alpaca")
_LETTERS = ("XS", "S", "M", "L", "XL")
_PRINTED = {"stripes": "Striped", "dots": "Polka dot", "checks": "Checked"}
_SLEEVES = {"short": "short-sleeved", "long": "long-sleeved", "none": "sleeveless"}
_COLLARS = {"v": "V-neck", "scoop": "scoop-neck", "roll": "roll-neck", "crew": "crew-neck"}


@dataclass(frozen=True)
class Sold:
    """How a kind is sold.

    :param category: the store's path.
    :param noun: the word that ends its name in a title.
    :param materials: for smooth cloth; knitted, ribbed and denim cloth have names of their own.
    :param usual: its usual price in euros.
    """

    category: str
    noun: str
    materials: tuple[str, ...]
    usual: int
    sizes: tuple[str, ...] = _LETTERS
    knitted: tuple[str, ...] = ("wool", "merino", "cotton-knit")


SOLD: dict[str, Sold] = {
    "t-shirt": Sold("Clothing > Tops > T-shirts", "T-shirt", ("organic cotton", "slub cotton", "jersey"), 22),
    "shirt": Sold("Clothing > Tops > Shirts", "shirt", ("poplin", "linen", "Oxford cotton"), 49),
    "jumper": Sold("Clothing > Knitwear > Jumpers", "jumper", ("cotton",), 69),
    "hoodie": Sold("Clothing > Tops > Hoodies", "hoodie", ("brushed cotton", "fleece", "loopback"), 59),
    "coat": Sold("Clothing > Outerwear > Coats", "coat", ("wool-blend", "boiled wool", "cotton-twill"), 179),
    "dress": Sold("Women > Dresses", "dress", ("linen", "viscose", "cotton", "crêpe"), 79),
    "skirt": Sold("Women > Skirts", "skirt", ("satin", "cotton", "linen", "viscose"), 49),
    "trousers": Sold("Clothing > Trousers", "trousers", ("cotton", "linen", "wool-blend"), 65),
    "shorts": Sold("Clothing > Shorts", "shorts", ("cotton", "linen", "chino"), 39),
    "cap": Sold("Accessories > Hats > Caps", "cap", ("cotton-twill", "canvas"), 25, _ONE),
    "sneakers": Sold("Shoes > Sneakers", "sneakers", ("canvas", "suede", "leather"), 89, _SHOES),
    "bag": Sold("Accessories > Bags", "bag", ("canvas", "nylon", "waxed cotton"), 95, _ONE),
    "scarf": Sold("Accessories > Scarves", "scarf", ("cotton", "modal"), 35, _ONE, _WARM),
}
"""How each kind is sold."""


@dataclass(frozen=True)
class Words:
    """What a shop writes next to the photo; fields as in `DemoProduct`."""

    title: str
    brand: str
    description: str
    category: str
    price: Decimal
    was_price: Decimal | None
    availability: str
    gtin: str
    sku: str
    sizes: tuple[str, ...]


def write(
    kind: str, colour: str, pattern: Pattern, texture: Texture, cut: Cut, number: int, seed: int
) -> Words:
    """The words for one garment, the same for the same arguments.

    :param number: its place in the catalogue; SKU and GTIN are made from it and the seed.
    """
    chance = random.Random(f"words {seed} {number}")
    sold = SOLD[kind]
    material = _material(sold, texture, chance)
    cutting = _cutting(kind, cut)
    words = [_PRINTED.get(pattern, ""), material, *cutting, _noun(kind, cut, sold)]
    title = " ".join(word for word in words if word)
    title = f"{title[0].upper()}{title[1:]} in {colour}"
    price, was_price = _price(sold.usual, chance)
    return Words(
        title=title,
        brand=chance.choice(BRANDS),
        description=_description(kind, colour, pattern, material, chance),
        category=sold.category,
        price=price,
        was_price=was_price,
        availability="out_of_stock" if chance.random() < 0.1 else "in_stock",
        gtin=gtin13(f"40{seed % 1000:03d}{number:07d}"),
        sku=f"{kind[:3].upper()}-{colour[:2].upper()}{number:05d}",
        sizes=_sizes(sold.sizes, chance),
    )


def gtin13(digits: str) -> str:
    """A GTIN-13 from its first twelve digits, the check digit added."""
    weighed = sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(digits))
    return f"{digits}{-weighed % 10}"


def _material(sold: Sold, texture: Texture, chance: random.Random) -> str:
    if texture == "denim":
        return "denim"
    if texture in ("knit", "ribbed"):
        return ("ribbed " if texture == "ribbed" else "") + chance.choice(sold.knitted)
    return chance.choice(sold.materials)


def _cutting(kind: str, cut: Cut) -> list[str]:
    match kind:
        case "t-shirt" | "jumper":
            return [_COLLARS[cut.collar]]
        case "shirt":
            return [_SLEEVES[cut.sleeve]]
        case "dress":
            return [_SLEEVES[cut.sleeve], cut.length]
        case "skirt":
            return ["pleated" if cut.closure == "pleats" else "", cut.length]
        case "trousers" | "shorts":
            return [{"slim": "slim", "regular": "straight", "loose": "wide-leg"}[cut.fit]]
        case "hoodie":
            return ["zip-up" if cut.closure == "zip" else ""]
        case "coat":
            return ["belted" if cut.closure == "belt" else ""]
        case "sneakers":
            return ["high-top" if cut.length == "high" else "low-top"]
        case _:
            return []


def _noun(kind: str, cut: Cut, sold: Sold) -> str:
    if kind == "bag":
        return "satchel" if cut.closure == "flap" else "tote bag"
    return sold.noun


def _price(usual: int, chance: random.Random) -> tuple[Decimal, Decimal | None]:
    euros = max(9, round(usual * chance.uniform(0.65, 1.6)))
    full = Decimal(euros) + chance.choice(
        (Decimal("0.00"), Decimal("-0.01"), Decimal("-0.05"), Decimal("0.50"))
    )
    if chance.random() < 0.22:
        reduced = (full * chance.choice((Decimal("0.8"), Decimal("0.7"), Decimal("0.5")))).quantize(
            Decimal("0.01")
        )
        return reduced, full.quantize(Decimal("0.01"))
    return full.quantize(Decimal("0.01")), None


def _sizes(sizes: Sequence[str], chance: random.Random) -> tuple[str, ...]:
    """All sizes, or the run without one of its ends, as shops sell out."""
    if len(sizes) > 3 and chance.random() < 0.3:
        return tuple(sizes[1:] if chance.random() < 0.5 else sizes[:-1])
    return tuple(sizes)


def _description(kind: str, colour: str, pattern: Pattern, material: str, chance: random.Random) -> str:
    plural = kind in ("trousers", "shorts", "sneakers")
    look = {"stripes": "stripes", "dots": "a polka dot print", "checks": "checks"}.get(pattern)
    opening = f"{'Our' if plural else 'A'} {kind} in {colour} {material}{f' with {look}' if look else ''}."
    return f"{opening} {chance.choice(_FACTS)} {chance.choice(_CARE)}"


_FACTS = (
    "Cut for an easy fit that layers well.",
    "Made in small runs from deadstock cloth.",
    "A shape we have kept for ten seasons.",
    "Holds its colour wash after wash.",
    "Designed in our studio & finished by hand.",
)
_CARE = ("Machine wash at 30 °C.", "Wash cold with like colours.", "Spot clean only.", "Dry flat, iron warm.")
