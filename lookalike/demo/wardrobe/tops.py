"""What is worn above the waist, and the dress: parts of each from its cut."""

from __future__ import annotations

from lookalike.demo.wardrobe.cut import Cut
from lookalike.demo.wardrobe.shapes import Line, Part, Piece, at, both, closed, corner, curve, disc, symmetric


def t_shirt(cut: Cut) -> list[Part]:
    """Short sleeves, round or V neck."""
    wide, long = cut.wide, 0.72 + cut.long
    deep = {"crew": -0.62, "scoop": -0.46, "v": -0.40}[cut.collar]
    sleeve = Piece(
        closed(
            corner(0.30, -0.82), at(0.50, -0.76), corner(0.92 * wide, -0.30), at(0.80 * wide, -0.20),
            corner(0.64 * wide, -0.14), corner(0.42 * wide, -0.26),
        ),
        light=0.95, folds=0.8, grain=-38,
    )  # fmt: skip
    hem = Line(curve(at(0.885 * wide, -0.335), at(0.77 * wide, -0.235), at(0.615 * wide, -0.175)))
    return [
        *both(sleeve, hem),
        *_neck_inside(0.24, -0.80, deep),
        _body(wide, long, 0.24, deep, sharp=cut.collar == "v"),
        _neckline(0.24, deep, sharp=cut.collar == "v", width=0.045),
        Line(curve(at(-0.43 * wide, long - 0.05), at(0, long - 0.03), at(0.43 * wide, long - 0.05))),
        *both(Line(curve(at(0.53 * wide, -0.70), at(0.46 * wide, -0.48), at(0.43 * wide, -0.27)), light=0.8)),
    ]


def jumper(cut: Cut) -> list[Part]:
    """Knitted, long sleeves with ribbed cuffs, round, V or rolled neck."""
    wide, long = cut.wide * 1.06, 0.66 + cut.long
    deep = {"crew": -0.66, "v": -0.36, "roll": -0.72}[cut.collar]
    parts: list[Part] = [*both(*_long_sleeve(wide, ribbed=True))]
    if cut.collar != "roll":
        parts += _neck_inside(0.25, -0.80, deep)
    parts += [
        _body(wide, long, 0.25, deep, sharp=cut.collar == "v"),
        Piece(
            closed(
                corner(-0.44 * wide, long - 0.10), at(0, long - 0.08), corner(0.44 * wide, long - 0.10),
                corner(0.41 * wide, long + 0.04), at(0, long + 0.06), corner(-0.41 * wide, long + 0.04),
            ),
            "trim", light=0.9, folds=0.2,
        ),
        *_ribs(-0.40 * wide, 0.40 * wide, long - 0.085, long + 0.05, 26),
        *both(Line(curve(at(0.52 * wide, -0.70), at(0.45 * wide, -0.46), at(0.43 * wide, -0.22)), 0.012, 0.75)),
    ]  # fmt: skip
    if cut.collar == "roll":
        parts += [
            Piece(
                closed(
                    corner(-0.23, -0.98), at(0, -1.01), corner(0.23, -0.98), at(0.25, -0.86), corner(0.27, -0.76),
                    at(0, -0.66), corner(-0.27, -0.76), at(-0.25, -0.86),
                ),
                "trim", light=0.95, folds=0.3,
            ),
            *_ribs(-0.22, 0.22, -0.97, -0.72, 14),
        ]  # fmt: skip
    else:
        parts.append(_neckline(0.25, deep, sharp=cut.collar == "v", width=0.075))
    return parts


def hoodie(cut: Cut) -> list[Part]:
    """A hood, drawstrings and a pouch pocket; some have a zip."""
    wide, long = cut.wide * 1.06, 0.68 + cut.long
    hood = Piece(
        symmetric(corner(0, -1.16), at(0.22, -1.12), at(0.35, -0.96), at(0.36, -0.80), corner(0.26, -0.62), corner(0, -0.52)),
        "trim", light=0.96, folds=0.7, rim=1,
    )  # fmt: skip
    inside = Piece(
        symmetric(corner(0, -1.05), at(0.17, -1.00), at(0.235, -0.86), at(0.18, -0.70), corner(0, -0.54)),
        "lining", light=0.85, folds=0.4, rim=1,
    )  # fmt: skip
    flap = Piece(
        closed(corner(0.0, -0.50), at(0.16, -0.66), corner(0.25, -0.90), at(0.36, -0.82), at(0.33, -0.64), corner(0.06, -0.42)),
        "trim", folds=0.5, rim=0.9,
    )  # fmt: skip
    pocket = Piece(
        symmetric(corner(0, 0.18), corner(0.20, 0.18), at(0.25, 0.28), corner(0.34, 0.40), corner(0.34, long - 0.10), corner(0, long - 0.09)),
        light=1.0, folds=0.2, rim=0.5,
    )  # fmt: skip
    parts: list[Part] = [
        *both(*_long_sleeve(wide, ribbed=True)),
        hood,
        _body(wide, long, 0.26, -0.50, sharp=True),
        inside,
        *both(flap),
        pocket,
        *both(Line(curve(at(0.20, 0.19), at(0.25, 0.29), at(0.335, 0.40)), 0.016, 0.62)),
        Line((at(-0.20, 0.18), at(0.20, 0.18)), 0.012, 0.7),
        Piece(
            closed(
                corner(-0.44 * wide, long - 0.10), at(0, long - 0.08), corner(0.44 * wide, long - 0.10),
                corner(0.40 * wide, long + 0.03), at(0, long + 0.05), corner(-0.40 * wide, long + 0.03),
            ),
            "trim", light=0.88, folds=0.2,
        ),
        *_ribs(-0.39 * wide, 0.39 * wide, long - 0.085, long + 0.04, 26),
    ]  # fmt: skip
    if cut.closure == "zip":
        parts += [
            Line((at(0, -0.48), at(0, long + 0.05)), 0.03, 0.55),
            Line((at(0, -0.48), at(0, long + 0.05)), 0.012, stuff="metal", dash=0.012),
        ]
    parts += both(
        Line(curve(at(0.09, -0.52), at(0.11, -0.35), at(0.10, -0.12)), 0.02, stuff="white"),
        Line((at(0.10, -0.13), at(0.10, -0.08)), 0.028, stuff="metal"),
    )
    return parts


def shirt(cut: Cut) -> list[Part]:
    """A collar, a button placket, cuffs; long or short sleeves."""
    wide, long = cut.wide, 0.74 + cut.long
    if cut.sleeve == "short":
        sleeves = both(
            Piece(
                closed(
                    corner(0.30, -0.80), at(0.50, -0.74), corner(0.86 * wide, -0.22), at(0.76 * wide, -0.14),
                    corner(0.60 * wide, -0.08), corner(0.40 * wide, -0.24),
                ),
                light=0.95, folds=0.7, grain=-38,
            ),
            Line(curve(at(0.83 * wide, -0.27), at(0.73 * wide, -0.19), at(0.575 * wide, -0.125))),
        )  # fmt: skip
    else:
        sleeves = both(*_long_sleeve(wide, ribbed=False))
    body = Piece(
        symmetric(
            corner(0, -0.70), corner(0.17, -0.84), corner(0.50 * wide, -0.74), at(0.43 * wide, -0.42), at(0.43 * wide, -0.20),
            at(0.41 * wide, 0.14), at(0.44 * wide, long - 0.30), at(0.42 * wide, long - 0.12), at(0.25 * wide, long + 0.03), at(0, long + 0.06),
        ),
        folds=0.7,
    )  # fmt: skip
    leaf = Piece(
        closed(corner(0.0, -0.66), corner(0.13, -0.90), at(0.19, -0.88), corner(0.235, -0.80), corner(0.16, -0.54)),
        "trim", light=1.03, folds=0.1, rim=0.4,
    )  # fmt: skip
    inside = Piece(
        symmetric(corner(0, -0.93), at(0.10, -0.92), corner(0.15, -0.88), at(0.10, -0.76), corner(0, -0.66)),
        "lining",
        folds=0,
    )
    placket = Piece(
        closed(corner(-0.045, -0.66), corner(0.045, -0.66), corner(0.045, long + 0.05), corner(-0.045, long + 0.05)),
        "main", light=1.02, folds=0.1, rim=0.3,
    )  # fmt: skip
    parts: list[Part] = [
        *sleeves, body, inside, placket,
        *both(Line((at(0.045, -0.62), at(0.045, long + 0.04)), 0.006, 0.7)),
        *both(leaf),
        *both(Line(curve(at(0.145, -0.565), at(0.02, -0.665), at(0.125, -0.865)), 0.006, 0.75)),
        *both(Line(curve(at(0.50 * wide, -0.72), at(0.44 * wide, -0.48), at(0.425 * wide, -0.24)), light=0.78)),
    ]  # fmt: skip
    step = (long + 0.45) / 6
    for number in range(6):
        y = -0.56 + number * step
        parts += [
            Piece(disc(0, y, 0.019), "white", folds=0, rim=0.9),
            Line((at(-0.006, y), at(0.006, y)), 0.006, 0.5),
        ]
    if cut.pocket:
        parts += [
            Piece(
                closed(corner(0.15, -0.34), corner(0.35, -0.34), corner(0.35, -0.14), corner(0.25, -0.10), corner(0.15, -0.14)),
                light=1.0, folds=0.1, rim=0.5,
            ),
            Line((at(0.15, -0.30), at(0.35, -0.30)), 0.006, 0.75),
        ]  # fmt: skip
    return parts


def coat(cut: Cut) -> list[Part]:
    """Long, with lapels, an overlapping front, pockets; some have a belt."""
    wide, end = cut.wide, 0.92 + cut.long
    sleeve = both(
        Piece(
            closed(
                corner(0.28, -1.02), at(0.46, -0.96), at(0.62 * wide, -0.60), at(0.74 * wide, -0.10), corner(0.80 * wide, 0.34),
                corner(0.58 * wide, 0.38), at(0.52 * wide, 0.0), corner(0.38 * wide, -0.46),
            ),
            light=0.92, folds=0.7, grain=-12, rim=0.9,
        ),
        Line((at(0.60 * wide, 0.27), at(0.79 * wide, 0.23)), 0.014, 0.7),
    )  # fmt: skip
    body = Piece(
        symmetric(
            corner(0, -0.90), corner(0.18, -1.06), corner(0.50 * wide, -0.94), at(0.43 * wide, -0.62), at(0.42 * wide, -0.40),
            at(0.39 * wide, -0.12), at(0.45 * wide, 0.40), corner(0.52 * wide, end), at(0, end + 0.04),
        ),
        folds=0.6, rim=0.8,
    )  # fmt: skip
    inside = Piece(
        symmetric(
            corner(0, -1.10), at(0.12, -1.08), corner(0.17, -1.03), at(0.12, -0.80), corner(0.02, -0.44)
        ),
        "lining",
        folds=0,
    )
    collar = both(
        Piece(
            closed(corner(0.08, -1.10), at(0.18, -1.10), corner(0.27, -0.98), corner(0.36, -0.80), corner(0.22, -0.78), at(0.14, -0.96)),
            "trim", light=1.0, folds=0.1, rim=0.7,
        ),
    )  # fmt: skip
    lapel = both(
        Piece(
            closed(corner(0.15, -1.0), corner(0.22, -0.77), corner(0.37, -0.70), at(0.30, -0.50), corner(0.02, -0.30)),
            "main", light=1.06, folds=0.1, rim=0.8,
        ),
        Line(curve(at(0.375, -0.70), at(0.30, -0.50), at(0.02, -0.29)), 0.012, 0.6),
    )  # fmt: skip
    parts: list[Part] = [*sleeve, body, inside, *lapel, *collar]
    parts.append(Line(curve(at(0.03, -0.30), at(0.13, -0.10), at(0.14, end + 0.02)), 0.014, 0.55))
    pockets = Piece(
        closed(corner(0.20, 0.10), corner(0.40 * wide, 0.06), corner(0.405 * wide, 0.14), corner(0.205, 0.18)),
        "trim", light=0.95, folds=0, rim=0.8,
    )  # fmt: skip
    parts += both(pockets)
    if cut.closure == "belt":
        parts += [
            Piece(
                closed(corner(-0.405 * wide, -0.16), at(0, -0.13), corner(0.405 * wide, -0.16), corner(0.40 * wide, -0.05), at(0, -0.02), corner(-0.40 * wide, -0.05)),
                "trim", light=0.92, folds=0.1, rim=0.9,
            ),
            Piece(closed(corner(0.0, -0.17), corner(0.13, -0.17), corner(0.13, 0.01), corner(0.0, 0.01)), "dark", folds=0),
            Piece(closed(corner(0.03, -0.14), corner(0.10, -0.14), corner(0.10, -0.02), corner(0.03, -0.02)), "trim", folds=0),
        ]  # fmt: skip
    rows = (-0.20, 0.02, 0.24) if cut.closure != "belt" else (-0.26, 0.16, 0.36)
    for y in rows:
        for x in (-0.10, 0.08):
            parts.append(Piece(disc(x, y, 0.03), "dark", folds=0, rim=1))
    return parts


def dress(cut: Cut) -> list[Part]:
    """A bodice and a skirt: sleeveless, with straps, short or long sleeves; mini, midi or maxi."""
    wide = cut.wide * 0.92
    end = {"mini": 0.42, "midi": 0.82, "maxi": 1.14}[cut.length] + cut.long
    flare = {"slim": 0.42, "regular": 0.60, "loose": 0.74}[cut.fit] + 0.06 * (end - 0.4)
    deep = {"crew": -0.90, "scoop": -0.78, "v": -0.66}[cut.collar]
    neck = 0.22
    parts: list[Part] = []
    tip = 0.44 * wide
    if cut.sleeve == "short":
        parts += both(
            Piece(
                closed(corner(0.28, -1.08), at(0.44, -1.03), corner(0.74 * wide, -0.66), corner(0.52 * wide, -0.54), corner(0.36 * wide, -0.66)),
                light=0.94, folds=0.8, grain=-38,
            )
        )  # fmt: skip
    elif cut.sleeve == "long":
        parts += both(
            Piece(
                closed(
                    corner(0.28, -1.08), at(0.46, -1.02), at(0.62 * wide, -0.62), at(0.72 * wide, -0.20), corner(0.78 * wide, 0.14),
                    corner(0.62 * wide, 0.18), at(0.52 * wide, -0.18), corner(0.36 * wide, -0.62),
                ),
                light=0.94, folds=0.8, grain=-12, rim=0.9,
            )
        )  # fmt: skip
    else:
        tip = 0.34
    waist = 0.29 * wide
    parts += _neck_inside(neck, -1.08, deep)
    armhole = (
        (corner(tip, -1.02), at(0.325 * wide, -0.84), corner(0.37 * wide, -0.66))
        if tip == 0.34
        else (corner(tip, -1.02), at(0.38 * wide, -0.84), corner(0.37 * wide, -0.66))
    )
    parts.append(
        Piece(
            symmetric(
                _dip(deep, cut.collar == "v"), at(neck * 0.72, deep - 0.06) if cut.collar != "v" else at(neck * 0.5, (deep - 1.08) / 2 + 0.02),
                corner(neck, -1.08), *armhole, at(0.34 * wide, -0.50), corner(waist, -0.24), corner(0, -0.22),
            ),
            folds=0.5,
        )
    )  # fmt: skip
    parts.append(
        Piece(
            symmetric(
                corner(0, -0.26), corner(waist, -0.27), at(waist + (flare - waist) * 0.42, 0.02), corner(flare, end - 0.03), at(flare * 0.5, end + 0.03), at(0, end + 0.05),
            ),
            folds=1.0, rim=0.8,
        )
    )  # fmt: skip
    for share in (-0.72, -0.42, -0.12, 0.2, 0.5, 0.78):
        top = waist * share
        parts.append(
            Line(
                curve(
                    at(top, -0.20),
                    at((top + flare * share) / 2 * 0.96, end * 0.4),
                    at(flare * share, end - 0.02),
                ),
                0.014,
                0.90,
            )
        )
    parts.append(Line(curve(at(-waist, -0.255), at(0, -0.235), at(waist, -0.255)), 0.014, 0.7))
    if cut.closure == "belt":
        parts.append(
            Piece(
                closed(corner(-waist, -0.29), at(0, -0.27), corner(waist, -0.29), corner(waist, -0.21), at(0, -0.19), corner(-waist, -0.21)),
                "leather", folds=0, rim=0.9,
            )
        )  # fmt: skip
    parts.append(_neckline(neck, deep, sharp=cut.collar == "v", width=0.03, top=-1.08))
    return parts


def _body(wide: float, long: float, neck: float, deep: float, *, sharp: bool) -> Piece:
    side = at(neck * 0.55, (deep - 0.80) / 2 + 0.03) if sharp else at(neck * 0.72, deep - 0.055)
    return Piece(
        symmetric(
            _dip(deep, sharp), side, corner(neck, -0.82), corner(0.52 * wide, -0.70), at(0.44 * wide, -0.44), at(0.43 * wide, -0.22),
            at(0.42 * wide, 0.15), corner(0.45 * wide, long - 0.02), at(0, long + 0.02),
        ),
        folds=0.7,
    )  # fmt: skip


def _dip(deep: float, sharp: bool):  # noqa: ANN202
    return corner(0, deep) if sharp else at(0, deep)


def _neck_inside(neck: float, top: float, deep: float) -> list[Part]:
    """The back of the neck, seen from the front, with its label."""
    inside = Piece(
        symmetric(
            at(0, top + 0.035), corner(neck, top - 0.02), at(neck * 0.8, (top + deep) / 2), at(0, deep + 0.04)
        ),
        "lining",
        folds=0,
        rim=0.2,
    )
    label = Piece(
        closed(
            corner(-0.05, top + 0.05),
            corner(0.05, top + 0.05),
            corner(0.05, top + 0.10),
            corner(-0.05, top + 0.10),
        ),
        "white",
        folds=0,
        rim=0.2,
    )
    return [inside, label]


def _neckline(neck: float, deep: float, *, sharp: bool, width: float, top: float = -0.82) -> Part:
    side = at(neck * 0.55, (deep + top) / 2 + 0.03) if sharp else at(neck * 0.72, deep - 0.055)
    left = at(-side.x, side.y)
    return Line(
        curve(at(-neck, top), left, _dip(deep, sharp), side, at(neck, top)), width, 0.93, stuff="trim"
    )


def _long_sleeve(wide: float, *, ribbed: bool) -> list[Part]:
    sleeve = Piece(
        closed(
            corner(0.30, -0.82), at(0.50, -0.75), at(0.66 * wide, -0.40), at(0.76 * wide, 0.05), corner(0.83 * wide, 0.50),
            corner(0.645 * wide, 0.54), at(0.56 * wide, 0.14), corner(0.42 * wide, -0.26),
        ),
        light=0.93, folds=0.8, grain=-11, rim=0.9,
    )  # fmt: skip
    cuff = Piece(
        closed(corner(0.645 * wide, 0.52), corner(0.83 * wide, 0.48), corner(0.83 * wide, 0.60), corner(0.67 * wide, 0.635)),
        "trim", light=0.9, folds=0.1, rim=0.9,
    )  # fmt: skip
    if ribbed:
        lines = [
            Line(
                (
                    at((0.66 + 0.034 * n) * wide, 0.53 - 0.007 * n),
                    at((0.68 + 0.03 * n) * wide, 0.625 - 0.007 * n),
                ),
                0.006,
                0.8,
            )
            for n in range(6)
        ]
        return [sleeve, cuff, *lines]
    return [
        sleeve,
        cuff,
        Line((at(0.645 * wide, 0.52), at(0.83 * wide, 0.48)), 0.008, 0.7),
        Piece(disc(0.70 * wide, 0.57, 0.015), "white", folds=0),
    ]


def _ribs(left: float, right: float, top: float, bottom: float, number: int) -> list[Part]:
    step = (right - left) / number
    return [
        Line((at(left + step * n, top), at(left + step * n * 0.985, bottom)), 0.006, 0.82)
        for n in range(1, number)
    ]
