"""Made-up garments: each drawn from its kind, colour, pattern and cut, the same for the same seed."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from PIL import Image

from lookalike.demo.wardrobe import accessories, bottoms, tops
from lookalike.demo.wardrobe.cut import Cut
from lookalike.demo.wardrobe.photograph import HEIGHT, WIDTH, Scene, jpeg, render
from lookalike.demo.wardrobe.fabric import COLOURS, Cloth, Pattern, Texture, tinted
from lookalike.demo.product import DemoProduct
from lookalike.demo.wardrobe.shapes import Part
from lookalike.demo.wardrobe.wording import write


@dataclass(frozen=True)
class Kind:
    """What garments of one kind have in common.

    :param draw: its parts from a cut.
    :param colours: the colours it comes in, the usual ones first.
    :param cuts: the choices of its cut, by field of `Cut`.
    :param textures: what it is made of.
    """

    name: str
    draw: Callable[[Cut], list[Part]]
    colours: tuple[str, ...]
    cuts: dict[str, tuple[object, ...]]
    patterns: tuple[Pattern, ...] = ("plain", "plain", "stripes", "dots", "checks")
    textures: tuple[Texture, ...] = ("smooth",)


KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind("t-shirt", tops.t_shirt, ("white", "navy", "red", "yellow", "grey"), {"collar": ("crew", "crew", "v", "scoop")}, ("plain", "plain", "stripes", "dots")),
        Kind("shirt", tops.shirt, ("blue", "white", "pink", "green", "black"), {"sleeve": ("long", "long", "short"), "pocket": (True, False)}, ("plain", "stripes", "checks", "checks", "dots")),
        Kind("jumper", tops.jumper, ("brown", "grey", "navy", "red", "green"), {"collar": ("crew", "v", "roll")}, ("plain", "plain", "stripes"), ("knit",)),
        Kind("hoodie", tops.hoodie, ("grey", "black", "purple", "blue", "orange"), {"closure": ("", "", "zip")}, ("plain", "plain", "plain", "stripes")),
        Kind("coat", tops.coat, ("brown", "black", "navy", "red", "green"), {"closure": ("", "belt")}, ("plain", "plain", "checks")),
        Kind("dress", tops.dress, ("navy", "red", "yellow", "pink", "green"), {"sleeve": ("none", "short", "long"), "length": ("mini", "midi", "maxi"), "fit": ("slim", "regular", "loose"), "collar": ("crew", "scoop", "v"), "closure": ("", "", "belt")}),
        Kind("skirt", bottoms.skirt, ("black", "pink", "purple", "blue", "brown"), {"length": ("mini", "midi", "maxi"), "fit": ("slim", "regular", "loose"), "closure": ("", "pleats")}),
        Kind("trousers", bottoms.trousers, ("blue", "black", "brown", "grey", "green"), {"fit": ("slim", "regular", "loose"), "closure": ("", "crease")}, ("plain", "plain", "plain", "checks", "stripes"), ("smooth", "denim")),
        Kind("shorts", bottoms.shorts, ("orange", "navy", "green", "white", "red"), {"fit": ("slim", "regular", "loose"), "closure": ("", "cord")}, ("plain", "plain", "checks", "stripes")),
        Kind("cap", accessories.cap, ("red", "black", "blue", "yellow", "green"), {}, ("plain", "plain", "plain", "stripes", "checks")),
        Kind("sneakers", accessories.sneakers, ("white", "black", "red", "blue", "pink"), {"length": ("low", "low", "high"), "closure": ("", "stripes")}, ("plain",)),
        Kind("bag", accessories.bag, ("brown", "black", "red", "yellow", "purple"), {"closure": ("", "flap")}, ("plain", "plain", "plain", "stripes", "dots")),
        Kind("scarf", accessories.scarf, ("red", "grey", "purple", "orange", "blue"), {}, ("plain", "stripes", "checks", "checks"), ("knit", "ribbed", "smooth")),
    )
}  # fmt: skip
"""Every kind of garment that a demo storefront sells."""

_GROUNDS = ((248, 248, 247), (250, 250, 250), (244, 243, 240), (240, 242, 245), (247, 241, 236))


@dataclass(frozen=True)
class Garment:
    """One garment, complete: `draw` adds nothing by chance but creases.

    :param colour: name of the main colour, a key of `COLOURS`.
    :param second: name of the colour that its pattern is printed in.
    """

    kind: str
    colour: str
    second: str
    pattern: Pattern
    cloth: Cloth
    cut: Cut
    leather: tuple[int, int, int]
    seed: int


def design(kind: str, colour: str, seed: int) -> Garment:
    """A garment of this kind and colour; everything else follows from the seed."""
    chance = random.Random(f"{kind} {colour} {seed}")  # noqa: S311 - a drawing, not a secret
    made = KINDS[kind]
    pattern = chance.choice(made.patterns)
    second = "navy" if colour in ("white", "yellow") and chance.random() < 0.6 else "white"
    if colour == "white" and second == "white":
        second = "grey"
    chosen = {name: chance.choice(options) for name, options in made.cuts.items()}
    cut = Cut(**chosen, wide=chance.uniform(0.93, 1.09), long=chance.uniform(-0.06, 0.07))  # type: ignore[arg-type]
    rgb = tinted(
        COLOURS[colour], chance.uniform(-0.012, 0.012), chance.uniform(0.9, 1.08), chance.uniform(0.92, 1.08)
    )
    cloth = Cloth(
        rgb,
        COLOURS[second],
        pattern,
        chance.choice(made.textures),
        size=chance.choice((22.0, 30.0, 42.0)),
        angle=90.0 if pattern == "stripes" and kind in ("shirt", "trousers", "skirt") else 0.0,
        share=chance.choice((0.2, 0.28, 0.36)),
    )
    leather = chance.choice(((122, 82, 52), (60, 44, 38), (38, 36, 38), (168, 122, 80)))
    return Garment(kind, colour, second, pattern, cloth, cut, leather, chance.getrandbits(31))


def draw(garment: Garment, scene: Scene | None = None) -> Image.Image:
    """The garment's photo, RGB, 480 by 640 pixels.

    :param scene: how it is taken; from the front where None.
    """
    parts = KINDS[garment.kind].draw(garment.cut)
    return render(parts, garment.cloth, scene or front(garment.seed), garment.seed, accent=garment.leather)


def front(seed: int) -> Scene:
    """The usual shop photo."""
    chance = random.Random(f"front {seed}")  # noqa: S311
    return Scene(
        ground=chance.choice(_GROUNDS[:3]),
        scale=chance.uniform(0.90, 0.97),
        turn=chance.uniform(-1.2, 1.2),
        move=(chance.uniform(-0.02, 0.02), chance.uniform(-0.02, 0.03)),
        light=chance.uniform(0.03, 0.07),
    )


def another(seed: int) -> Scene:
    """A second photo: further away, turned, on another ground."""
    chance = random.Random(f"another {seed}")  # noqa: S311
    return Scene(
        ground=chance.choice(_GROUNDS[2:]),
        scale=chance.uniform(0.72, 0.86),
        turn=chance.choice((-1, 1)) * chance.uniform(3, 8),
        move=(chance.uniform(-0.06, 0.06), chance.uniform(-0.05, 0.05)),
        flip=True,
        light=chance.uniform(-0.06, 0.02),
    )


def detail(garment: Garment) -> Image.Image:
    """A closer look: the upper two thirds of it."""
    chance = random.Random(f"detail {garment.seed}")  # noqa: S311
    return draw(
        garment,
        Scene(
            scale=chance.uniform(1.25, 1.4),
            turn=chance.uniform(-3, 3),
            move=(chance.uniform(-0.05, 0.05), 0.22),
        ),
    )


def photos(garment: Garment, number: int) -> tuple[Callable[[], bytes], ...]:
    """Functions that draw the garment's photos, one to three."""
    every = (
        lambda: jpeg(draw(garment)),
        lambda: jpeg(draw(garment, another(garment.seed))),
        lambda: jpeg(detail(garment)),
    )
    return every[:number]


def catalogue(products: int, seed: int) -> list[DemoProduct]:
    """A made-up catalogue: as many products, of every kind, the same for the same seed.

    Colours are dealt so that every kind has at least four products of each colour it comes in, as far as so
    many products go: more products, more colours.
    """
    colours = min(len(COLOURS), max(1, products // (4 * len(KINDS))))
    cells = [
        (kind.name, colour)
        for place in range(colours)
        for kind in KINDS.values()
        for colour in [palette(kind)[place]]
    ]
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
        currency="EUR",
        availability=words.availability,
        gtin=words.gtin,
        sku=words.sku,
        sizes=words.sizes,
        photos=photos(garment, 1 + garment.seed % 3),
    )


def palette(kind: Kind) -> tuple[str, ...]:
    """All colours, the kind's usual ones first."""
    return (*kind.colours, *(colour for colour in COLOURS if colour not in kind.colours))


__all__ = ["HEIGHT", "KINDS", "WIDTH", "Garment", "Kind", "Scene", "catalogue", "design", "draw", "palette"]
