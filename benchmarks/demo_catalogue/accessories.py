"""Caps, shoes, bags and scarves, drawn from their cuts."""

from __future__ import annotations

from .cut import Cut
from .shapes import Line, Part, Piece, at, both, closed, corner, curve, disc, moved


def cap(cut: Cut) -> list[Part]:
    """A dome of panels and a brim, seen from the side."""
    dome = Piece(
        closed(
            corner(-0.74, 0.24), at(-0.77, -0.06), at(-0.58, -0.42), at(-0.12, -0.56), at(0.32, -0.42),
            at(0.52, -0.10),
            corner(0.54, 0.16), at(0.26, 0.27), at(-0.20, 0.31),
        ),
        folds=0.4, rim=1,
    )  # fmt: skip
    brim = Piece(
        closed(
            corner(-0.10, 0.30), at(0.22, 0.25), corner(0.535, 0.10), at(0.86, 0.15), at(1.08, 0.29),
            corner(1.13, 0.40),
            at(0.90, 0.43), at(0.52, 0.40), at(0.16, 0.37),
        ),
        "trim", light=0.97, folds=0.1, rim=0.9,
    )  # fmt: skip
    edge = curve(at(-0.10, 0.305), at(0.16, 0.375), at(0.52, 0.405), at(0.90, 0.435), at(1.13, 0.405))
    stitches = [
        curve(at(0.10, 0.295), at(0.50, 0.20), at(0.84, 0.24), at(1.02, 0.37)),
        curve(at(0.20, 0.32), at(0.52, 0.265), at(0.78, 0.295), at(0.90, 0.38)),
    ]
    top = at(-0.12, -0.555)
    panels = [
        curve(top, at(-0.28, -0.18), at(-0.30, 0.29)),
        curve(top, at(0.20, -0.24), at(0.30, 0.24)),
        curve(top, at(-0.52, -0.28), at(-0.63, 0.25)),
    ]
    strap = (corner(-0.80, 0.16), corner(-0.62, 0.12), corner(-0.60, 0.30), corner(-0.77, 0.26))
    eyelets = ((-0.44, -0.20), (0.02, -0.27), (0.34, -0.15))
    return [
        Piece(closed(*strap), "trim", light=0.75, folds=0),
        dome,
        *[Line(panel, 0.010, 0.66) for panel in panels],
        Piece(disc(-0.12, -0.565, 0.055, 0.5), "trim", light=0.9, folds=0, rim=1),
        *[Piece(disc(x, y, 0.016), "dark", folds=0) for x, y in eyelets],
        brim,
        *[Line(path, 0.006, 0.75, dash=0.02) for path in stitches],
        Line(edge, 0.020, 0.60),
        Line(curve(at(-0.10, 0.30), at(0.22, 0.25), at(0.535, 0.10)), 0.012, 0.6),
    ]


def sneakers(cut: Cut) -> list[Part]:
    """A pair seen from the side, low or high."""
    return [*moved(_shoe(cut), 0.06, -0.30, 0.86), *moved(_shoe(cut), -0.03, 0.20, 1.0)]


def bag(cut: Cut) -> list[Part]:
    """A tote with two handles, or a satchel with a flap and a strap."""
    return _satchel(cut) if cut.closure == "flap" else _tote(cut)


def scarf(cut: Cut) -> list[Part]:
    """Wound once, with two fringed ends."""
    long = 0.92 + cut.long
    left = Piece(
        closed(
            corner(-0.36, -0.50), at(-0.20, -0.62), corner(-0.02, -0.50), at(-0.03, 0.1), corner(-0.06,
            long - 0.16), corner(-0.44, long - 0.12), at(-0.38, 0.0),
        ),
        light=0.93, folds=1.0, grain=3, rim=1,
    )  # fmt: skip
    right = Piece(
        closed(
            corner(0.0, -0.52), at(0.18, -0.62), corner(0.36, -0.52), at(0.40, 0.1), corner(0.46, long),
            corner(0.08, long + 0.03), at(0.02, 0.1),
        ),
        folds=1.0, grain=-4, rim=1,
    )  # fmt: skip
    back = Piece(
        closed(
            at(-0.50, -0.72), at(-0.30, -1.02), at(0, -1.10), at(0.30, -1.02), at(0.50, -0.72), at(0.0,
            -0.60),
        ),
        light=0.62, folds=0.8, grain=90, rim=1,
    )  # fmt: skip
    front = Piece(
        closed(
            at(-0.53, -0.78), at(-0.40, -0.88), at(-0.18, -0.76), at(0.0, -0.72), at(0.18, -0.76), at(0.40,
            -0.88), at(0.53, -0.78), at(0.44, -0.52), at(0.20, -0.40), at(0, -0.37), at(-0.20, -0.40),
            at(-0.44, -0.52),
        ),
        light=1.03, folds=1.0, grain=84, rim=1,
    )  # fmt: skip
    parts: list[Part] = [back]
    parts += [*_fringe(-0.43, -0.07, long - 0.13, long - 0.17), left]
    parts += [*_fringe(0.09, 0.45, long + 0.01, long - 0.02), right, front]
    parts += [
        Line(curve(at(-0.46, -0.70), at(-0.15, -0.60), at(0.16, -0.60), at(0.47, -0.72)), 0.02, 0.82),
        Line(curve(at(-0.42, -0.60), at(-0.10, -0.50), at(0.20, -0.50), at(0.40, -0.58)), 0.014, 0.86),
    ]
    return parts


def _fringe(left: float, right: float, y_left: float, y_right: float) -> list[Part]:
    parts: list[Part] = []
    for number in range(15):
        share = number / 14
        x, y = left + (right - left) * share, y_left + (y_right - y_left) * share
        sway = 0.006 * ((number * 7) % 5 - 2)
        parts.append(Line((at(x, y - 0.02), at(x + sway, y + 0.12)), 0.017, 0.88, stuff="trim"))
    return parts


def _shoe(cut: Cut) -> list[Part]:
    high = cut.length == "high"
    collar = -0.56 if high else -0.34
    sole = Piece(
        closed(
            corner(-0.82, 0.18), at(-0.86, 0.30), corner(-0.78, 0.40), at(0.0, 0.415), at(0.70, 0.40),
            at(0.90, 0.34), corner(0.93, 0.24), at(0.50, 0.22), at(0.0, 0.19),
        ),
        "rubber", folds=0, rim=0.7,
    )  # fmt: skip
    upper = Piece(
        closed(
            corner(-0.80, 0.24), at(-0.83, 0.0), at(-0.78, collar * 0.6), corner(-0.80, collar),
            at(-0.60, collar + 0.06), corner(-0.34, collar - 0.02),
            at(-0.10, -0.20), at(0.20, -0.04), at(0.60, 0.02), at(0.84, 0.10), corner(0.92, 0.27),
            at(0.40, 0.25), at(-0.10, 0.22),
        ),
        folds=0.3, rim=1,
    )  # fmt: skip
    tongue = Piece(
        closed(
            corner(-0.40, collar + 0.04), at(-0.38, collar - 0.12), corner(-0.22, collar - 0.14), at(-0.08,
            -0.26), corner(0.14, -0.06), corner(-0.20, -0.06),
        ),
        "trim", light=0.85, folds=0.2, rim=0.9,
    )  # fmt: skip
    toe = Piece(
        closed(
            corner(0.54, 0.26), at(0.56, 0.10), corner(0.62, 0.025), at(0.80, 0.07), at(0.90, 0.16),
            corner(0.925, 0.28),
        ),
        "rubber", folds=0, rim=0.9,
    )  # fmt: skip
    heel = Piece(
        closed(
            corner(-0.80, 0.24), at(-0.83, 0.0), corner(-0.795, -0.12), corner(-0.68, -0.10), at(-0.64,
            0.08), corner(-0.60, 0.22),
        ),
        "trim", light=0.8, folds=0, rim=0.9,
    )  # fmt: skip
    eyestay = Line(curve(at(-0.36, collar + 0.10), at(-0.22, -0.06), at(0.20, 0.08)), 0.010, 0.7)
    laces: list[Part] = []
    for number in range(6 if high else 5):
        share = number / 5
        x, y = 0.13 - 0.42 * share, 0.0 + (collar - 0.0) * share * 0.9
        laces.append(Line((at(x - 0.045, y + 0.085), at(x + 0.065, y - 0.065)), 0.034, stuff="white"))
    stripe: list[Part] = [
        Line((at(x, 0.17), at(x - 0.13, -0.06)), 0.036, stuff="white") for x in (-0.16, -0.06, 0.04)
    ] if cut.closure == "stripes" else []  # fmt: skip
    return [
        tongue,
        upper,
        heel,
        *stripe,
        eyestay,
        *laces,
        toe,
        Line(curve(at(0.53, 0.25), at(0.55, 0.10), at(0.62, 0.02)), 0.010, 0.7),
        sole,
        Line(curve(at(-0.83, 0.33), at(0.0, 0.35), at(0.90, 0.31)), 0.010, 0.8),
        Line(curve(at(-0.76, collar + 0.02), at(-0.60, collar + 0.08), at(-0.38, collar + 0.02)), 0.020, 0.7),
    ]


def _tote(cut: Cut) -> list[Part]:
    wide = 0.62 * cut.wide
    handles: list[Part] = [
        Line(
            curve(at(-0.30, -0.28), at(-0.29, -0.72), at(0, -1.00), at(0.29, -0.72), at(0.30, -0.28)),
            0.055,
            0.75,
            stuff="leather",
        ),
    ]
    front: list[Part] = [
        Line(
            curve(at(-0.32, 0.0), at(-0.31, -0.60), at(0, -0.88), at(0.31, -0.60), at(0.32, 0.0)),
            0.06,
            1.0,
            stuff="leather",
        ),
    ]
    body = Piece(
        closed(
            corner(-wide, -0.30), at(0, -0.27), corner(wide, -0.30), at(wide * 1.04, 0.2),
            corner(wide * 1.06, 0.72),
            at(wide * 0.9, 0.80), at(0, 0.82), at(-wide * 0.9, 0.80), corner(-wide * 1.06, 0.72),
            at(-wide * 1.04, 0.2),
        ),
        folds=0.45, rim=0.8,
    )  # fmt: skip
    mouth = Piece(
        closed(corner(-wide, -0.30), at(0, -0.36), corner(wide, -0.30), at(0, -0.24)),
        "lining",
        light=0.8,
        folds=0,
        rim=0.3,
    )
    tab = Piece(
        closed(
            corner(0.27, -0.06), corner(0.37, -0.06), corner(0.37, 0.10), at(0.32, 0.14), corner(0.27, 0.10)
        ),
        "leather", folds=0, rim=0.8,
    )  # fmt: skip
    return [
        *handles,
        mouth,
        body,
        Line(curve(at(-wide, -0.23), at(0, -0.20), at(wide, -0.23)), 0.007, 0.75),
        *front,
        *both(tab),
        *[Piece(disc(x, 0.07, 0.018), "metal", folds=0) for x in (-0.32, 0.32)],
    ]


def _satchel(cut: Cut) -> list[Part]:
    wide = 0.64 * cut.wide
    handle = curve(at(-0.30, -0.16), at(-0.30, -0.50), at(0, -0.72), at(0.30, -0.50), at(0.30, -0.16))
    body = Piece(
        closed(
            corner(-wide * 0.92, -0.16), at(0, -0.19), corner(wide * 0.92, -0.16), at(wide * 1.05, 0.3),
            at(wide * 1.08, 0.60), at(wide * 0.98, 0.68), at(0, 0.70), at(-wide * 0.98, 0.68),
            at(-wide * 1.08, 0.60),
            at(-wide * 1.05, 0.3),
        ),
        folds=0.3, rim=1,
    )  # fmt: skip
    flap = Piece(
        closed(
            corner(-wide * 0.93, -0.18), at(0, -0.23), corner(wide * 0.93, -0.18), at(wide * 0.99, 0.06),
            at(wide * 0.80, 0.24), at(0, 0.32), at(-wide * 0.80, 0.24), at(-wide * 0.99, 0.06),
        ),
        light=1.06, folds=0.2, rim=1,
    )  # fmt: skip
    rim = (
        at(-wide * 0.99, 0.06),
        at(-wide * 0.80, 0.245),
        at(0, 0.325),
        at(wide * 0.80, 0.245),
        at(wide * 0.99, 0.06),
    )
    clasp = closed(corner(-0.08, 0.22), corner(0.08, 0.22), corner(0.08, 0.40), corner(-0.08, 0.40))
    return [
        Line(handle, 0.07, 0.85, stuff="leather"),
        body,
        flap,
        Line(curve(*rim), 0.016, 0.5),
        Line(curve(*(at(point.x * 0.95, point.y - 0.035) for point in rim)), 0.006, 0.78, dash=0.02),
        *[Piece(disc(x, -0.14, 0.045), "metal", folds=0, rim=1) for x in (-0.30, 0.30)],
        Piece(clasp, "metal", folds=0, rim=1),
        Piece(disc(0, 0.31, 0.03), "dark", folds=0),
        Line(curve(at(-wide * 1.02, 0.60), at(0, 0.63), at(wide * 1.02, 0.60)), 0.006, 0.8, dash=0.02),
    ]
