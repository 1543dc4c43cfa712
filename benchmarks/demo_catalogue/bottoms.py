"""Trousers, shorts and skirts, drawn from their cuts."""

from __future__ import annotations

from .cut import Cut
from .shapes import Line, Part, Piece, at, both, closed, corner, curve, disc, symmetric


def trousers(cut: Cut) -> list[Part]:
    """A waistband, a fly, two legs."""
    hem = {"slim": (0.16, 0.38), "regular": (0.12, 0.44), "loose": (0.07, 0.58)}[cut.fit]
    end = 1.10 + cut.long
    leg = Piece(
        closed(
            corner(-0.005, -1.00), corner(0.34, -1.00), at(0.43, -0.72), at(0.46, -0.42),
            at((0.45 + hem[1]) / 2, 0.35), corner(hem[1], end),
            corner(hem[0], end + 0.015), at(0.09 + hem[0] * 0.2, 0.30), corner(-0.005, -0.30),
        ),
        folds=0.9, grain=3, rim=0.9,
    )  # fmt: skip
    parts: list[Part] = [
        *both(leg),
        Line(curve(at(0, -0.90), at(0.0, -0.60), at(0.0, -0.28)), 0.014, 0.62),
        Line(curve(at(0.075, -0.92), at(0.075, -0.62), at(0.0, -0.46)), 0.007, 0.72),
        *both(
            Line(curve(at(0.20, -0.915), at(0.25, -0.78), at(0.425, -0.70)), 0.010, 0.65),
            Line((at(hem[0] + 0.005, end - 0.05), at(hem[1] - 0.003, end - 0.06)), 0.007, 0.75),
        ),
        _waistband(0.345, -1.02, -0.91),
        Piece(disc(0.0, -0.965, 0.024), "metal", folds=0, rim=1),
    ]
    if cut.closure == "crease":
        parts += both(
            Line(curve(at(0.24, -0.80), at(0.26, 0.1), at((hem[0] + hem[1]) / 2, end)), 0.010, 0.84)
        )
    return parts


def shorts(cut: Cut) -> list[Part]:
    """Two short legs; some with a drawstring."""
    end = 0.18 + cut.long
    wide = {"slim": 0.52, "regular": 0.60, "loose": 0.68}[cut.fit]
    leg = Piece(
        closed(
            corner(-0.005, -0.58), corner(0.42, -0.58), at(0.51, -0.30), corner(wide, end - 0.03),
            at(wide * 0.55, end + 0.02),
            corner(0.05, end + 0.02), corner(-0.005, 0.0),
        ),
        folds=0.9, grain=6, rim=0.9,
    )  # fmt: skip
    parts: list[Part] = [
        *both(leg),
        Line((at(0, -0.50), at(0, 0.02)), 0.014, 0.62),
        *both(
            Line(curve(at(0.26, -0.49), at(0.32, -0.34), at(0.49, -0.25)), 0.010, 0.65),
            Line(
                curve(at(0.06, end - 0.05), at(wide * 0.55, end - 0.045), at(wide - 0.02, end - 0.095)),
                0.007,
                0.75,
            ),
        ),
        _waistband(0.425, -0.61, -0.49),
    ]
    if cut.closure == "cord":
        parts += [
            *[
                Line((at(-0.40 + 0.05 * n, -0.60), at(-0.40 + 0.05 * n, -0.50)), 0.008, 0.80)
                for n in range(17)
            ],
            *both(
                Line(curve(at(0.02, -0.54), at(0.06, -0.40), at(0.05, -0.22)), 0.018, stuff="white"),
                Line((at(0.05, -0.23), at(0.05, -0.19)), 0.024, stuff="metal"),
            ),
        ]
    else:
        parts.append(Piece(disc(0, -0.55, 0.024), "metal", folds=0, rim=1))
    return parts


def skirt(cut: Cut) -> list[Part]:
    """A waistband and one flared or narrow piece, often pleated."""
    end = {"mini": 0.16, "midi": 0.52, "maxi": 0.86}[cut.length] + cut.long
    waist = 0.34
    hem = {"slim": 0.46, "regular": 0.66, "loose": 0.86}[cut.fit]
    parts: list[Part] = [
        Piece(
            symmetric(
                corner(0, -0.66), corner(waist, -0.66), at(waist + (hem - waist) * 0.48, -0.30),
                corner(hem, end - 0.05),
                at(hem * 0.55, end + 0.03), at(0, end + 0.06),
            ),
            folds=1.0, rim=0.9,
        )
    ]  # fmt: skip
    pleats = 9 if cut.closure == "pleats" else 4
    for number in range(1, pleats + 1):
        share = -1 + 2 * number / (pleats + 1)
        foot = end + 0.05 - 0.09 * abs(share)
        parts.append(
            Line(
                curve(
                    at(waist * share, -0.58),
                    at((waist * share + hem * share) / 2, (end - 0.58) / 2),
                    at(hem * share, foot),
                ),
                0.014,
                0.74 if cut.closure == "pleats" else 0.9,
            )
        )
    parts.append(_waistband(waist + 0.005, -0.70, -0.58))
    return parts


def _waistband(half: float, top: float, bottom: float) -> Piece:
    return Piece(
        closed(
            corner(-half, top), at(0, top + 0.02), corner(half, top),
            corner(half + 0.012, bottom), at(0, bottom + 0.02), corner(-half - 0.012, bottom),
        ),
        "trim", light=0.94, folds=0.1, rim=0.5,
    )  # fmt: skip
