"""Outlines: smooth curves through a few points, and the pieces of cloth they bound."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

# Points of a curve between two given ones; at 480 pixels' width more cannot be seen.
_STEPS = 8


class Point(NamedTuple):
    """A place on the picture: 1 is half its width, the origin its middle, y grows downwards."""

    x: float
    y: float
    sharp: bool = False


Stuff = Literal["main", "trim", "dark", "white", "rubber", "metal", "leather", "lining", "satin"]
"""What a piece is made of: the garment's cloth, the same without its pattern, or something else."""


@dataclass(frozen=True)
class Piece:
    """An area of one stuff.

    :param light: 1 is plainly lit; below is in the shade of what lies over it.
    :param folds: how strongly it is creased, 0 to 1.
    :param grain: angle of its pattern in degrees; a sleeve's turns with the sleeve.
    :param rim: how far its edges turn away from the light, 0 (flat) to 1 (round).
    """

    outline: tuple[Point, ...]
    stuff: Stuff = "main"
    light: float = 1.0
    folds: float = 0.5
    grain: float = 0.0
    rim: float = 0.6


@dataclass(frozen=True)
class Line:
    """A seam, a stitch line or a cord.

    :param width: in the same unit as points.
    :param light: how much darker (below 1) or lighter than what lies under it; ignored with `stuff`.
    :param stuff: a cord or strap of its own; None for a seam.
    :param dash: length of stitches; 0 for an unbroken line.
    """

    path: tuple[Point, ...]
    width: float = 0.008
    light: float = 0.72
    stuff: Stuff | None = None
    dash: float = 0.0


Part = Piece | Line


def at(x: float, y: float) -> Point:
    """A point the curve passes smoothly."""
    return Point(x, y)


def corner(x: float, y: float) -> Point:
    """A point where the curve turns sharply."""
    return Point(x, y, sharp=True)


def curve(*points: Point) -> tuple[Point, ...]:
    """An open Catmull-Rom curve through these points, broken at corners."""
    drawn: list[Point] = []
    run: list[Point] = []
    for point in points:
        run.append(point)
        if point.sharp and len(run) > 1:
            drawn += _through(run)
            run = [point]
    if len(run) > 1:
        drawn += _through(run)
    return tuple(drawn)


def closed(*points: Point) -> tuple[Point, ...]:
    """A closed curve through these points; where none is a corner, it is smooth all round."""
    first = next((place for place, point in enumerate(points) if point.sharp), None)
    if first is not None:
        turned = points[first:] + points[:first]
        return curve(*turned, turned[0])
    around = (*points[-2:], *points, *points[:2])
    return tuple(
        step for place in range(1, len(around) - 3) for step in _segment(*around[place - 1 : place + 3])
    )


def symmetric(*half: Point) -> tuple[Point, ...]:
    """A closed curve from its right half, given from the top of the axis to its bottom."""
    left = [_mirrored(point) for point in reversed(half) if point.x != 0]
    return closed(*half, *left)


def mirrored(parts: Iterable[Part]) -> list[Part]:
    """The same parts on the other side of the axis."""
    return [_flip(part) for part in parts]


def both(*parts: Part) -> list[Part]:
    """These parts on both sides of the axis."""
    return [*parts, *mirrored(parts)]


def moved(parts: Iterable[Part], x: float, y: float, scale: float = 1.0) -> list[Part]:
    """The same parts scaled about the origin, then moved."""

    def move(points: Sequence[Point]) -> tuple[Point, ...]:
        return tuple(Point(point.x * scale + x, point.y * scale + y, point.sharp) for point in points)

    return [
        Line(move(part.path), part.width * scale, part.light, part.stuff, part.dash * scale)
        if isinstance(part, Line)
        else Piece(move(part.outline), part.stuff, part.light, part.folds, part.grain, part.rim)
        for part in parts
    ]


def fitted(parts: Sequence[Part], width: float = 1.76, height: float = 2.3) -> list[Part]:
    """The same parts in the middle, as large as fits this width and height."""
    points = [point for part in parts for point in (part.path if isinstance(part, Line) else part.outline)]
    left, right = min(point.x for point in points), max(point.x for point in points)
    top, bottom = min(point.y for point in points), max(point.y for point in points)
    scale = min(width / (right - left), height / (bottom - top))
    return moved(parts, -scale * (left + right) / 2, -scale * (top + bottom) / 2, scale)


def disc(x: float, y: float, radius: float, squeeze: float = 1.0) -> tuple[Point, ...]:
    """A circle, or an ellipse whose height is `squeeze` of its width."""
    k = 0.7071
    ring = ((1, 0), (k, k), (0, 1), (-k, k), (-1, 0), (-k, -k), (0, -1), (k, -k))
    return closed(*(at(x + radius * u, y + radius * squeeze * v) for u, v in ring))


def between(start: Point, end: Point, share: float) -> Point:
    """The point at this share of the way from start to end."""
    return at(start.x + (end.x - start.x) * share, start.y + (end.y - start.y) * share)


def _flip(part: Part) -> Part:
    if isinstance(part, Line):
        return Line(_mirror_all(part.path), part.width, part.light, part.stuff, part.dash)
    return Piece(_mirror_all(part.outline), part.stuff, part.light, part.folds, -part.grain, part.rim)


def _mirror_all(points: Sequence[Point]) -> tuple[Point, ...]:
    return tuple(_mirrored(point) for point in points)


def _mirrored(point: Point) -> Point:
    return Point(-point.x, point.y, point.sharp)


def _through(run: Sequence[Point]) -> list[Point]:
    if len(run) == 2:
        return list(run)
    # The ends' tangents come from points mirrored beyond them, so that the curve starts and ends straight.
    before = Point(2 * run[0].x - run[1].x, 2 * run[0].y - run[1].y)
    after = Point(2 * run[-1].x - run[-2].x, 2 * run[-1].y - run[-2].y)
    around = [before, *run, after]
    steps = [step for place in range(1, len(around) - 2) for step in _segment(*around[place - 1 : place + 3])]
    return [*steps, run[-1]]


def _segment(a: Point, b: Point, c: Point, d: Point) -> list[Point]:
    steps = []
    for number in range(_STEPS):
        t = number / _STEPS
        steps.append(Point(_spline(a.x, b.x, c.x, d.x, t), _spline(a.y, b.y, c.y, d.y, t)))
    return steps


def _spline(a: float, b: float, c: float, d: float, t: float) -> float:
    return 0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3)
