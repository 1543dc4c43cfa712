"""Parts that several tops share: front, neckline, sleeves, ribbed edges."""

from __future__ import annotations

from .shapes import (
    Line,
    Part,
    Piece,
    Point,
    at,
    between,
    both,
    closed,
    corner,
    curve,
    symmetric,
)


def front(wide: float, long: float, neck: float, deep: float, *, v: bool, hem: float = 0.45) -> Piece:
    """The front of a top, from its shoulders at -0.82 to its hem.

    :param wide: width against the usual one.
    :param long: where its hem is.
    :param neck: half the width of its neckline.
    :param deep: where its neckline ends.
    :param v: whether that is a point.
    :param hem: half the width of its hem.
    """
    return Piece(
        symmetric(
            *_neck(neck, -0.82, deep, v), corner(neck, -0.82), corner(0.52 * wide, -0.70), at(0.45 * wide,
            -0.46),
            at(0.43 * wide, -0.22), at(0.42 * wide, 0.15), corner(hem * wide, long - 0.02),
            at(0, long + 0.02),
        ),
        folds=0.8,
    )  # fmt: skip


def armholes(wide: float) -> list[Part]:
    """The seams between front and sleeves."""
    seam = curve(at(0.52 * wide, -0.70), at(0.45 * wide, -0.46), at(0.43 * wide, -0.24))
    return both(Line(seam, 0.010, 0.74))


def inside_of_neck(neck: float, top: float, deep: float) -> list[Part]:
    """The back of the neck seen from the front, with its label."""
    label = (
        corner(-0.05, top + 0.06),
        corner(0.05, top + 0.06),
        corner(0.05, top + 0.11),
        corner(-0.05, top + 0.11),
    )
    shape = symmetric(
        at(0, top + 0.03), corner(neck, top), at(neck * 0.9, (top + deep) / 2), at(0, deep + 0.05)
    )
    return [
        Piece(shape, "lining", folds=0, rim=0.2),
        Piece(closed(*label), "white", folds=0, rim=0.2),
    ]  # fmt: skip


def neckline(neck: float, deep: float, width: float, *, v: bool, top: float = -0.82) -> Part:
    """The binding or rib around the neck, in the cloth's plain colour."""
    right = [*reversed(_neck(neck, top, deep, v)[1:]), _neck(neck, top, deep, v)[0]]
    left = [at(-point.x, point.y) for point in right[:-1]]
    middle = right[-1]
    return Line(
        curve(at(-neck, top), *left, middle, *reversed(right[:-1]), at(neck, top)), width, 0.92, stuff="trim"
    )


def short_sleeves(wide: float, neck: float, top: float = -0.82) -> list[Part]:
    """Two sleeves that end above the elbow, with their hems."""
    down = top + 0.82
    sleeve = Piece(
        closed(
            corner(0.34 * wide, -0.56 + down), _shoulder(wide, neck, top), at(0.62 * wide, -0.61 + down),
            corner(0.93 * wide, -0.29 + down), at(0.80 * wide, -0.19 + down),
            corner(0.645 * wide, -0.12 + down),
            corner(0.40 * wide, -0.28 + down),
        ),
        light=0.95, folds=0.9, grain=-38, rim=0.8,
    )  # fmt: skip
    hem = curve(
        at(0.895 * wide, -0.33 + down), at(0.765 * wide, -0.225 + down), at(0.612 * wide, -0.155 + down)
    )
    return both(sleeve, Line(hem, 0.007, 0.74))


def long_sleeves(wide: float, neck: float, top: float = -0.82, end: float = 0.54) -> list[Part]:
    """Two sleeves down to the wrist at `end`, without cuffs."""
    down = top + 0.82
    sleeve = Piece(
        closed(
            corner(0.34 * wide, -0.56 + down), _shoulder(wide, neck, top), at(0.60 * wide, -0.60 + down),
            at(0.70 * wide, -0.28 + down), at(0.78 * wide, 0.10 + down), corner(0.84 * wide, end - 0.04),
            corner(0.645 * wide, end), at(0.56 * wide, 0.14 + down), corner(0.40 * wide, -0.28 + down),
        ),
        light=0.94, folds=0.9, grain=-11, rim=0.9,
    )  # fmt: skip
    return both(sleeve)


def spread_sleeves(wide: float, neck: float) -> list[Part]:
    """Two long sleeves laid out to the sides, with ribbed cuffs, as knitwear is photographed."""
    sleeve = Piece(
        closed(
            corner(0.34 * wide, -0.56), _shoulder(wide, neck, -0.82), at(0.66 * wide, -0.60),
            at(0.90 * wide, -0.24), corner(1.10 * wide, 0.14), at(1.03 * wide, 0.22),
            corner(0.94 * wide, 0.28),
            at(0.70 * wide, 0.04), corner(0.41 * wide, -0.20),
        ),
        light=0.95, folds=0.8, grain=-46, rim=0.9,
    )  # fmt: skip
    cuff = Piece(
        closed(
            corner(1.10 * wide, 0.14), at(1.03 * wide, 0.22), corner(0.94 * wide, 0.28),
            corner(1.02 * wide, 0.38), at(1.11 * wide, 0.31), corner(1.17 * wide, 0.23),
        ),
        "trim", light=0.9, folds=0.1, rim=0.9,
    )  # fmt: skip
    grooves = [
        Line(
            (
                between(at(0.955 * wide, 0.27), at(1.09 * wide, 0.155), share),
                between(at(1.03 * wide, 0.37), at(1.16 * wide, 0.24), share),
            ),
            0.006,
            0.8,
        )
        for share in (0.0, 0.17, 0.34, 0.51, 0.68, 0.85, 1.0)
    ]
    edge = Line(curve(at(1.10 * wide, 0.14), at(1.03 * wide, 0.22), at(0.94 * wide, 0.28)), 0.010, 0.66)
    return both(sleeve, cuff, *grooves, edge)


def cables(left: float, right: float, top: float, bottom: float) -> list[Part]:
    """A knitted plait down the front."""
    parts: list[Part] = []
    middle, half = (left + right) / 2, (right - left) / 2
    number = max(3, round((bottom - top) / 0.13))
    step = (bottom - top) / number
    for n in range(number):
        y = top + n * step
        rise = curve(at(middle - half, y), at(middle, y + step * 0.45), at(middle + half, y + step))
        fall = [at(2 * middle - point.x, point.y) for point in rise]
        parts += [Line(rise, 0.020, 0.80), Line(tuple(fall), 0.020, 0.88)]
    return [*parts, *(Line((at(x, top), at(x, bottom)), 0.010, 0.78) for x in (left - 0.02, right + 0.02))]


def cuffs(wide: float, *, ribbed: bool) -> list[Part]:
    """The ends of `long_sleeves` at their usual place: ribbed, or with a button."""
    cuff = Piece(
        closed(
            corner(0.645 * wide, 0.52), corner(0.84 * wide, 0.48), corner(0.83 * wide, 0.60),
            corner(0.67 * wide, 0.635)
        ),
        "trim", light=0.9, folds=0.1, rim=0.9,
    )  # fmt: skip
    edge = Line((at(0.648 * wide, 0.522), at(0.838 * wide, 0.482)), 0.010, 0.66)
    if not ribbed:
        return both(cuff, edge)
    ribs = [
        Line(
            (
                at((0.67 + 0.03 * n) * wide, 0.525 - 0.0063 * n),
                at((0.69 + 0.026 * n) * wide, 0.628 - 0.0063 * n),
            ),
            0.006,
            0.80,
        )
        for n in range(6)
    ]
    return both(cuff, *ribs, edge)


def ribbed_hem(half: float, top: float, bottom: float) -> list[Part]:
    """The rib that a knitted top ends in; narrower than the cloth above it."""
    low = half * 0.93
    band = Piece(
        closed(
            corner(-half, top), at(0, top + 0.02), corner(half, top),
            at(half * 0.995, (top + bottom) / 2), corner(low, bottom), at(0, bottom + 0.02),
            corner(-low, bottom),
            at(-half * 0.995, (top + bottom) / 2),
        ),
        "trim", light=0.92, folds=0.2,
    )  # fmt: skip
    edge = Line(curve(at(-half, top), at(0, top + 0.02), at(half, top)), 0.010, 0.70)
    return [band, *ribs(-low, low, top + 0.02, bottom, 28), edge]


def ribs(left: float, right: float, top: float, bottom: float, number: int) -> list[Part]:
    """Fine upright grooves."""
    step = (right - left) / number
    return [
        Line((at(left + step * n, top), at((left + step * n) * 0.985, bottom)), 0.006, 0.82)
        for n in range(1, number)
    ]


def _neck(neck: float, top: float, deep: float, v: bool) -> tuple[Point, Point]:
    if v:
        return corner(0, deep), at(neck * 0.55, (deep + top) / 2 + 0.03)
    return at(0, deep), at(neck * 0.74, deep - 0.055 - (deep - top) * 0.08)


def _shoulder(wide: float, neck: float, top: float) -> Point:
    """A corner on the shoulder line, a little inside the front, so that the sleeve runs on from it."""
    place = between(at(neck, top), at(0.52 * wide, top + 0.12), 0.93)
    return corner(place.x, place.y)
