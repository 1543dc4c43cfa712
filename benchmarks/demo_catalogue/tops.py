"""T-shirts, shirts and dresses, drawn from their cuts."""

from __future__ import annotations

from . import sewing
from .cut import Cut
from .shapes import Line, Part, Piece, at, both, closed, corner, curve, disc, symmetric


def t_shirt(cut: Cut) -> list[Part]:
    """Short sleeves; a round, wide or V neck."""
    wide, long = cut.wide, 0.72 + cut.long
    deep = {"crew": -0.64, "scoop": -0.47, "v": -0.42}[cut.collar]
    neck, v, low = (0.29 if cut.collar == "scoop" else 0.24), cut.collar == "v", long - 0.05
    return [
        *sewing.short_sleeves(wide, neck),
        *sewing.inside_of_neck(neck, -0.82, deep),
        sewing.front(wide, long, neck, deep, v=v),
        sewing.neckline(neck, deep, 0.045, v=v),
        Line(curve(at(-0.44 * wide, low), at(0, low + 0.02), at(0.44 * wide, low)), 0.007, 0.74),
        *sewing.armholes(wide),
    ]


def shirt(cut: Cut) -> list[Part]:
    """A collar, a button placket, a curved hem; long sleeves with cuffs, or short ones."""
    wide, long = cut.wide, 0.74 + cut.long
    if cut.sleeve == "short":
        sleeves = sewing.short_sleeves(wide, 0.17, -0.84)
    else:
        sleeves = [
            *sewing.long_sleeves(wide, 0.17, -0.84),
            *sewing.cuffs(wide, ribbed=False),
            *both(Piece(disc(0.71 * wide, 0.57, 0.016), "white", folds=0)),
        ]
    body = Piece(
        symmetric(
            corner(0, -0.70), corner(0.17, -0.84), corner(0.52 * wide, -0.72), at(0.45 * wide, -0.46),
            at(0.43 * wide, -0.22),
            at(0.41 * wide, 0.14), at(0.45 * wide, long - 0.30), at(0.43 * wide, long - 0.12),
            at(0.25 * wide, long + 0.03),
            at(0, long + 0.06),
        ),
        folds=0.8,
    )  # fmt: skip
    placket = Piece(
        closed(
            corner(-0.045, -0.66), corner(0.045, -0.66), corner(0.045, long + 0.05), corner(-0.045,
            long + 0.05),
        ),
        light=1.02, folds=0.1, rim=0.3,
    )  # fmt: skip
    return [
        *sleeves,
        body,
        *sewing.armholes(wide),
        placket,
        *both(Line((at(0.045, -0.62), at(0.045, long + 0.04)), 0.006, 0.7)),
        *_collar(),
        *_buttons(long),
        *(_breast_pocket() if cut.pocket else ()),
    ]


def dress(cut: Cut) -> list[Part]:
    """A bodice and a skirt: mini, midi or maxi; without sleeves, with short or with long ones."""
    wide, top = cut.wide * 0.94, -1.08
    end = {"mini": 0.50, "midi": 0.82, "maxi": 1.16}[cut.length] + cut.long
    hem = {"slim": 0.48, "regular": 0.62, "loose": 0.76}[cut.fit] + 0.08 * (end - 0.4)
    deep = {"crew": -0.91, "scoop": -0.77, "v": -0.66}[cut.collar]
    neck, waist, v = 0.23, 0.30 * wide, cut.collar == "v"
    tip = {"none": corner(0.37, -1.01)}.get(cut.sleeve, corner(0.52 * 0.92 * wide, top + 0.12))
    sleeves: list[Part] = []
    if cut.sleeve == "short":
        sleeves = sewing.short_sleeves(wide * 0.92, neck, top)
    elif cut.sleeve == "long":
        sleeves = [*sewing.long_sleeves(wide * 0.92, neck, top, end=0.22)]
    side = at(neck * 0.55, (deep + top) / 2 + 0.03) if v else at(neck * 0.74, deep - 0.055)
    bodice = Piece(
        symmetric(
            corner(0, deep) if v else at(0, deep), side, corner(neck, top), tip, at(0.35 * wide, -0.84),
            corner(0.39 * wide, -0.64),
            at(0.345 * wide, -0.46), corner(waist, -0.24), corner(0, -0.22),
        ),
        folds=0.6,
    )  # fmt: skip
    skirt = Piece(
        symmetric(
            corner(0, -0.26), corner(waist, -0.27), at(waist + (hem - waist) * 0.40, 0.02),
            corner(hem, end - 0.04),
            at(hem * 0.55, end + 0.03), at(0, end + 0.05),
        ),
        folds=1.2, rim=0.8,
    )  # fmt: skip
    return [
        *sleeves,
        *sewing.inside_of_neck(neck, top, deep),
        bodice,
        skirt,
        *_drape(waist, hem, end),
        Line(curve(at(-waist, -0.255), at(0, -0.235), at(waist, -0.255)), 0.014, 0.68),
        *(_belt(waist) if cut.closure == "belt" else ()),
        sewing.neckline(neck, deep, 0.03, v=v, top=top),
    ]


def _collar() -> list[Part]:
    leaf = Piece(
        closed(
            corner(0.0, -0.66), corner(0.12, -0.905), at(0.18, -0.89), corner(0.235, -0.80), corner(0.17,
            -0.55),
        ),
        "trim", light=1.03, folds=0.1, rim=0.5,
    )  # fmt: skip
    back = symmetric(
        corner(0, -0.93), at(0.09, -0.925), corner(0.14, -0.90), at(0.10, -0.76), corner(0, -0.66)
    )
    stand = Line(curve(at(-0.125, -0.90), at(0, -0.925), at(0.125, -0.90)), 0.035, 0.98, stuff="trim")
    edge = Line((at(0.0, -0.655), at(0.168, -0.548), at(0.238, -0.80)), 0.010, 0.62)
    return [Piece(back, "lining", folds=0, rim=0.3), stand, *both(leaf, edge)]


def _buttons(long: float) -> list[Part]:
    step = (long + 0.45) / 6
    return [Piece(disc(0, -0.56 + n * step, 0.020), "white", folds=0, rim=1) for n in range(6)]


def _breast_pocket() -> list[Part]:
    shape = (
        corner(0.15, -0.34),
        corner(0.34, -0.34),
        corner(0.34, -0.14),
        corner(0.245, -0.10),
        corner(0.15, -0.14),
    )
    return [
        Piece(closed(*shape), folds=0.1, rim=0.4),
        Line((*shape, shape[0]), 0.007, 0.72),
        Line((at(0.15, -0.30), at(0.34, -0.30)), 0.006, 0.78),
    ]  # fmt: skip


def _drape(waist: float, hem: float, end: float) -> list[Part]:
    """The folds of a skirt, from its waist to its hem."""
    folds: list[Part] = []
    for share in (-0.74, -0.45, -0.14, 0.18, 0.50, 0.79):
        top = waist * share
        path = curve(
            at(top, -0.20), at((top + hem * share) / 2 * 0.96, end * 0.4), at(hem * share, end - 0.02)
        )
        folds += [Line(path, 0.030, 0.95), Line(path, 0.012, 0.90)]
    return folds


def _belt(waist: float) -> list[Part]:
    band = Piece(
        closed(
            corner(-waist, -0.29), at(0, -0.27), corner(waist, -0.29),
            corner(waist, -0.21), at(0, -0.19), corner(-waist, -0.21),
        ),
        "leather", folds=0, rim=0.9,
    )  # fmt: skip
    buckle = closed(corner(-0.06, -0.30), corner(0.06, -0.30), corner(0.06, -0.16), corner(-0.06, -0.16))
    return [band, Line((*buckle, buckle[0]), 0.016, stuff="metal")]
