"""The kinds of garment: how each is drawn, and its colours, cuts, patterns and fabrics."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from . import accessories, bottoms, layers, tops
from .cut import Cut
from .fabric import COLOURS, Pattern, Texture
from .shapes import Part

_FITS = ("slim", "regular", "loose")
_LENGTHS = ("mini", "midi", "maxi")


@dataclass(frozen=True)
class Kind:
    """What garments of one kind have in common; a choice that is named twice is made twice as often.

    :param parts: its parts from a cut.
    :param colours: the usual ones, see `palette`.
    :param cuts: the choices of its cut, by field of `Cut`.
    :param fixed: which of these make the look of a style and are the same for all garments of it.
    :param textures: what it is made of.
    :param upright: whether stripes run down it.
    :param tonal: whether its checks are shades of one colour.
    """

    name: str
    parts: Callable[[Cut], list[Part]]
    colours: tuple[str, ...]
    patterns: tuple[Pattern, ...]
    cuts: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    textures: tuple[Texture, ...] = ("smooth",)
    upright: bool = False
    tonal: bool = False
    fixed: tuple[str, ...] = ()

    @property
    def palette(self) -> tuple[str, ...]:
        """All colours, the usual ones first."""
        return (*self.colours, *(colour for colour in COLOURS if colour not in self.colours))


KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind(
            "t-shirt",
            tops.t_shirt,
            ("white", "navy", "red", "yellow", "grey"),
            ("plain", "plain", "stripes", "stripes", "dots"),
            {"collar": ("crew", "crew", "v", "scoop")},
        ),
        Kind(
            "shirt",
            tops.shirt,
            ("blue", "white", "pink", "green", "black"),
            ("plain", "stripes", "checks", "checks", "dots"),
            {"sleeve": ("long", "long", "short"), "pocket": (True, False)},
            upright=True,
            fixed=("sleeve",),
        ),
        Kind(
            "jumper",
            layers.jumper,
            ("brown", "grey", "navy", "red", "green"),
            ("plain", "plain", "stripes"),
            {"collar": ("crew", "v", "roll"), "closure": ("", "cables")},
            ("knit",),
            fixed=("collar",),
        ),
        Kind(
            "hoodie",
            layers.hoodie,
            ("grey", "black", "purple", "blue", "orange"),
            ("plain", "plain", "plain", "stripes"),
            {"closure": ("", "", "zip")},
        ),
        Kind(
            "coat",
            layers.coat,
            ("brown", "black", "navy", "red", "green"),
            ("plain", "plain", "checks"),
            {"closure": ("", "belt")},
            tonal=True,
        ),
        Kind(
            "dress",
            tops.dress,
            ("navy", "red", "yellow", "pink", "green"),
            ("plain", "plain", "stripes", "dots", "checks"),
            {
                "sleeve": ("none", "short", "long"),
                "length": _LENGTHS,
                "fit": _FITS,
                "collar": ("crew", "scoop", "v"),
                "closure": ("", "", "belt"),
            },
            fixed=("sleeve", "length", "fit"),
        ),
        Kind(
            "skirt",
            bottoms.skirt,
            ("black", "pink", "purple", "blue", "brown"),
            ("plain", "plain", "stripes", "dots", "checks"),
            {"length": _LENGTHS, "fit": _FITS, "closure": ("", "pleats")},
            upright=True,
            fixed=("length", "fit"),
        ),
        Kind(
            "trousers",
            bottoms.trousers,
            ("blue", "black", "brown", "grey", "green"),
            ("plain", "plain", "plain", "checks", "stripes"),
            {"fit": _FITS, "closure": ("", "crease")},
            ("smooth", "denim"),
            upright=True,
            tonal=True,
            fixed=("fit",),
        ),
        Kind(
            "shorts",
            bottoms.shorts,
            ("orange", "navy", "green", "white", "red"),
            ("plain", "plain", "checks", "stripes"),
            {"fit": _FITS, "closure": ("", "cord")},
            fixed=("fit",),
        ),
        Kind(
            "cap",
            accessories.cap,
            ("red", "black", "blue", "yellow", "green"),
            ("plain", "plain", "plain", "stripes", "checks"),
        ),
        Kind(
            "sneakers",
            accessories.sneakers,
            ("white", "black", "red", "blue", "pink"),
            ("plain",),
            {"length": ("low", "low", "high"), "closure": ("", "stripes")},
            fixed=("length",),
        ),
        Kind(
            "bag",
            accessories.bag,
            ("brown", "black", "red", "yellow", "purple"),
            ("plain", "plain", "plain", "stripes", "dots"),
            {"closure": ("", "flap")},
            fixed=("closure",),
        ),
        Kind(
            "scarf",
            accessories.scarf,
            ("red", "grey", "purple", "orange", "blue"),
            ("plain", "stripes", "checks", "checks"),
            {},
            ("knit", "ribbed", "smooth"),
        ),
    )
}
"""Every kind of garment that a demo storefront sells, by name."""
