"""A garment's design (a few choices) and its photos."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from PIL import Image

from .cut import Cut
from .fabric import COLOURS, RGB, Cloth, Pattern, tinted
from .kinds import KINDS
from .photograph import Save, Scene, jpeg, render

_LEATHERS: tuple[RGB, ...] = ((122, 82, 52), (60, 44, 38), (38, 36, 38), (168, 122, 80))
_WHITES: tuple[RGB, ...] = ((248, 248, 247), (250, 250, 250), (244, 243, 240))
_PASTELS: tuple[RGB, ...] = ((245, 244, 241), (241, 243, 246), (247, 243, 239), (243, 246, 242))


@dataclass(frozen=True)
class Garment:
    """One garment.

    :param colour: name of its main colour, a key of `COLOURS`.
    :param leather: RGB of straps and belts.
    :param seed: of its creases and of how its photos are taken.
    """

    kind: str
    colour: str
    cloth: Cloth
    cut: Cut
    leather: RGB
    seed: int

    @property
    def pattern(self) -> Pattern:
        """What is printed on it."""
        return self.cloth.pattern


@dataclass(frozen=True)
class Style:
    """What several shops sell at once, each its own: garments that look alike.

    :param fixed: the choices of its cut that give it its look; see `Kind.fixed`.
    """

    kind: str
    colour: str
    pattern: Pattern
    fixed: tuple[tuple[str, Any], ...]


def invent(kind: str, colour: str, seed: int) -> Style:
    """A style of this kind and colour; everything else follows from the seed."""
    chance = random.Random(f"style {kind} {colour} {seed}")
    made = KINDS[kind]
    pattern = chance.choice(made.patterns)
    return Style(kind, colour, pattern, tuple((name, chance.choice(made.cuts[name])) for name in made.fixed))


def design(style: Style, seed: int) -> Garment:
    """A garment of this style; everything else follows from the seed."""
    chance = random.Random(f"{style} {seed}")
    made = KINDS[style.kind]
    chosen = {name: chance.choice(options) for name, options in made.cuts.items()} | dict(style.fixed)
    base = _shade(style.colour, chance)
    cloth = Cloth(
        base,
        _second(style, base, chance),
        style.pattern,
        chance.choice(made.textures),
        size=chance.choice((24.0, 32.0, 44.0)),
        angle=90.0 if made.upright and style.pattern == "stripes" else 0.0,
        share=chance.choice((0.20, 0.28, 0.36)),
    )
    cut = Cut(**chosen, wide=chance.uniform(0.93, 1.09), long=chance.uniform(-0.06, 0.07))
    return Garment(style.kind, style.colour, cloth, cut, chance.choice(_LEATHERS), chance.getrandbits(31))


def draw(garment: Garment, scene: Scene | None = None) -> Image.Image:
    """The garment's photo, RGB, 480 by 640 pixels, the same for the same arguments.

    :param scene: how it is taken; from the front where None.
    """
    parts = KINDS[garment.kind].parts(garment.cut)
    return render(parts, garment.cloth, scene or front(garment.seed), garment.seed, leather=garment.leather)


def photos(garment: Garment, number: int, save: Save = jpeg) -> tuple[Callable[[], bytes], ...]:
    """Functions that draw its photos as files: from the front, differently posed, from close by.

    :param number: how many, one to three.
    """
    scenes = (front(garment.seed), posed(garment.seed), detail(garment.seed))
    return tuple(partial(_file, garment, scene, save) for scene in scenes[:number])


def front(seed: int) -> Scene:
    """The usual shop photo."""
    chance = random.Random(f"front {seed}")
    return Scene(
        ground=chance.choice(_WHITES),
        scale=chance.uniform(0.93, 1.0),
        turn=chance.uniform(-1.2, 1.2),
        move=(chance.uniform(-0.02, 0.02), chance.uniform(-0.03, 0.03)),
        light=chance.uniform(0.03, 0.07),
    )


def posed(seed: int) -> Scene:
    """Further away, turned, mirrored, on a coloured ground."""
    chance = random.Random(f"posed {seed}")
    return Scene(
        ground=chance.choice(_PASTELS),
        scale=chance.uniform(0.82, 0.92),
        turn=chance.choice((-1, 1)) * chance.uniform(2, 6),
        move=(chance.uniform(-0.07, 0.07), chance.uniform(-0.08, 0.08)),
        flip=True,
        light=chance.uniform(-0.06, 0.02),
    )


def detail(seed: int) -> Scene:
    """From so close that its edges are cut off."""
    chance = random.Random(f"detail {seed}")
    return Scene(
        ground=chance.choice(_WHITES),
        scale=chance.uniform(1.35, 1.6),
        turn=chance.uniform(-3, 3),
        move=(chance.uniform(-0.12, 0.12), chance.uniform(0.24, 0.40)),
    )


def _file(garment: Garment, scene: Scene, save: Save) -> bytes:
    return save(draw(garment, scene))


def _shade(colour: str, chance: random.Random) -> RGB:
    """A neighbour of the colour: no two dyers' navy are the same."""
    hue, saturation = chance.uniform(-0.012, 0.012), chance.uniform(0.9, 1.08)
    return tinted(COLOURS[colour], hue, saturation, chance.uniform(0.92, 1.08))


def _second(style: Style, base: RGB, chance: random.Random) -> RGB:
    """The colour of a pattern: one that stands out from the main one without taking over."""
    if style.pattern == "checks" and KINDS[style.kind].tonal:
        towards = 60 if max(base) > 190 else 255
        red, green, blue = (round(channel + (towards - channel) * 0.42) for channel in base)
        return red, green, blue
    if style.colour == "white":
        return COLOURS["grey" if style.pattern == "checks" else chance.choice(("navy", "grey"))]
    return COLOURS["white"]
