"""Jumpers, hoodies and coats, drawn from their cuts."""

from __future__ import annotations

from . import sewing
from .cut import Cut
from .shapes import Line, Part, Piece, at, both, closed, corner, curve, disc, symmetric


def jumper(cut: Cut) -> list[Part]:
    """Knitted, long sleeves with ribbed cuffs; a round, V or rolled neck."""
    wide, long = cut.wide * 1.06, 0.62 + cut.long
    deep = {"crew": -0.66, "v": -0.38, "roll": -0.72}[cut.collar]
    rolled, v = cut.collar == "roll", cut.collar == "v"
    return [
        *sewing.spread_sleeves(wide, 0.25),
        *([] if rolled else sewing.inside_of_neck(0.25, -0.82, deep)),
        sewing.front(wide, long, 0.25, deep, v=v),
        *sewing.armholes(wide),
        *(_plaits(long) if cut.closure == "cables" else []),
        *sewing.ribbed_hem(0.448 * wide, long - 0.06, long + 0.07),
        *(_roll_neck() if rolled else [sewing.neckline(0.25, deep, 0.075, v=v)]),
    ]


def hoodie(cut: Cut) -> list[Part]:
    """A hood, drawstrings and a pouch pocket; some have a zip."""
    wide, long = cut.wide * 1.06, 0.64 + cut.long
    hood = Piece(
        symmetric(
            corner(0, -1.16), at(0.22, -1.12), at(0.35, -0.96), at(0.36, -0.80), corner(0.26, -0.62),
            corner(0, -0.52)
        ),
        "trim", light=0.96, folds=0.7, rim=1,
    )  # fmt: skip
    inside = Piece(
        symmetric(corner(0, -1.05), at(0.17, -1.00), at(0.235, -0.86), at(0.18, -0.70), corner(0, -0.54)),
        "lining", light=0.85, folds=0.4, rim=1,
    )  # fmt: skip
    flap = Piece(
        closed(
            corner(0.0, -0.50), at(0.16, -0.66), corner(0.25, -0.90), at(0.36, -0.82), at(0.33, -0.64),
            corner(0.06, -0.42)
        ),
        "trim", folds=0.5, rim=0.9,
    )  # fmt: skip
    return [
        *sewing.long_sleeves(wide, 0.26),
        *sewing.cuffs(wide, ribbed=True),
        hood,
        sewing.front(wide, long, 0.26, -0.50, v=True),
        *sewing.armholes(wide),
        inside,
        *both(flap),
        *_pouch(long),
        *sewing.ribbed_hem(0.448 * wide, long - 0.06, long + 0.06),
        *(_zip(long) if cut.closure == "zip" else []),
        *both(
            Line(curve(at(0.09, -0.52), at(0.11, -0.35), at(0.10, -0.12)), 0.02, stuff="white"),
            Line((at(0.10, -0.13), at(0.10, -0.08)), 0.028, stuff="metal"),
        ),
    ]


def coat(cut: Cut) -> list[Part]:
    """To the knee or below, with lapels, two rows of buttons and pockets; some have a belt."""
    wide, end = cut.wide * 0.96, 1.10 + cut.long * 2
    sleeve_end = Line((at(0.62 * wide, 0.335), at(0.80 * wide, 0.295)), 0.012, 0.7)
    body = Piece(
        symmetric(
            corner(0, -0.90), corner(0.18, -1.06), corner(0.50 * wide, -0.945), at(0.45 * wide, -0.70),
            at(0.42 * wide, -0.44),
            at(0.40 * wide, -0.12), at(0.46 * wide, 0.40), corner(0.53 * wide, end), at(0, end + 0.04),
        ),
        folds=0.8, rim=0.8,
    )  # fmt: skip
    pocket = Piece(
        closed(
            corner(0.20, 0.10), corner(0.39 * wide, 0.06), corner(0.395 * wide, 0.14), corner(0.205, 0.18),
        ),
        "trim", light=0.95, folds=0, rim=0.8,
    )  # fmt: skip
    armhole = curve(at(0.50 * wide, -0.945), at(0.44 * wide, -0.70), at(0.42 * wide, -0.46))
    return [
        *sewing.long_sleeves(wide * 0.98, 0.18, -1.06, end=0.42),
        *both(sleeve_end),
        body,
        *both(Line(armhole, 0.010, 0.70)),
        *_lapels(),
        Line(curve(at(0.03, -0.30), at(0.13, -0.10), at(0.14, end + 0.02)), 0.014, 0.55),
        *both(pocket),
        *(_tied_belt(wide) if cut.closure == "belt" else []),
        *_two_rows((-0.26, 0.16, 0.36) if cut.closure == "belt" else (-0.20, 0.02, 0.24)),
    ]


def _plaits(long: float) -> list[Part]:
    return [
        *sewing.cables(-0.05, 0.05, -0.34, long - 0.07),
        *both(*sewing.cables(0.20, 0.29, -0.50, long - 0.07)),
    ]


def _roll_neck() -> list[Part]:
    roll = Piece(
        closed(
            corner(-0.22, -1.0), at(0, -1.03), corner(0.22, -1.0), at(0.235, -0.88), corner(0.27, -0.76),
            at(0, -0.67), corner(-0.27, -0.76), at(-0.235, -0.88),
        ),
        "trim", light=0.97, folds=0.3, rim=0.8,
    )  # fmt: skip
    turn = Line(curve(at(-0.235, -0.80), at(0, -0.73), at(0.235, -0.80)), 0.012, 0.70)
    return [roll, *sewing.ribs(-0.22, 0.22, -1.0, -0.74, 16), turn]


def _pouch(long: float) -> list[Part]:
    bottom = long - 0.10
    outline = (
        corner(-0.20, 0.18), corner(0.20, 0.18), at(0.25, 0.28), corner(0.34, 0.40), corner(0.34, bottom),
        corner(-0.34, bottom), corner(-0.34, 0.40), at(-0.25, 0.28),
    )  # fmt: skip
    opening = Line(curve(at(0.20, 0.19), at(0.25, 0.29), at(0.335, 0.40)), 0.016, 0.62)
    return [
        Piece(closed(*outline), folds=0.2, rim=0.5),
        *both(opening, Line((at(0.338, 0.40), at(0.338, bottom)), 0.008, 0.74)),
        Line((at(-0.20, 0.18), at(0.20, 0.18)), 0.012, 0.7),
    ]


def _zip(long: float) -> list[Part]:
    path = (at(0, -0.48), at(0, long + 0.07))
    return [Line(path, 0.03, 0.55), Line(path, 0.012, stuff="metal", dash=0.012)]


def _lapels() -> list[Part]:
    collar = Piece(
        closed(
            corner(0.08, -1.10), at(0.18, -1.10), corner(0.27, -0.98), corner(0.36, -0.80),
            corner(0.22, -0.78), at(0.14, -0.96)
        ),
        "trim", light=1.0, folds=0.1, rim=0.7,
    )  # fmt: skip
    lapel = Piece(
        closed(
            corner(0.15, -1.0), corner(0.22, -0.77), corner(0.37, -0.70), at(0.30, -0.50), corner(0.02,
            -0.30),
        ),
        light=1.06, folds=0.1, rim=0.8,
    )  # fmt: skip
    inside = symmetric(
        corner(0, -1.10), at(0.12, -1.08), corner(0.17, -1.03), at(0.12, -0.80), corner(0.02, -0.44)
    )
    edge = Line(curve(at(0.375, -0.70), at(0.30, -0.50), at(0.02, -0.29)), 0.012, 0.6)
    return [Piece(inside, "satin", folds=0.6), *both(lapel, edge, collar)]


def _two_rows(places: tuple[float, ...]) -> list[Part]:
    return [Piece(disc(x, y, 0.03), "dark", folds=0, rim=1) for y in places for x in (-0.10, 0.08)]


def _tied_belt(wide: float) -> list[Part]:
    half = 0.405 * wide
    band = Piece(
        closed(
            corner(-half, -0.16), at(0, -0.13), corner(half, -0.16),
            corner(half, -0.05), at(0, -0.02), corner(-half, -0.05),
        ),
        "trim", light=0.88, folds=0.1, rim=0.9,
    )  # fmt: skip
    buckle = closed(corner(0.0, -0.17), corner(0.13, -0.17), corner(0.13, 0.01), corner(0.0, 0.01))
    tongue = closed(corner(0.03, -0.14), corner(0.10, -0.14), corner(0.10, -0.02), corner(0.03, -0.02))
    return [band, Piece(buckle, "dark", folds=0), Piece(tongue, "trim", folds=0)]
