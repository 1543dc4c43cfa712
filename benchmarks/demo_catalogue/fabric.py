"""Fabric: named colours, and patterns as arrays of pixels."""

from __future__ import annotations

import colorsys
import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

RGB = tuple[int, int, int]
"""Red, green, blue, 0 to 255."""
Pattern = Literal["plain", "stripes", "dots", "checks"]
Texture = Literal["smooth", "knit", "denim", "ribbed"]

COLOURS: dict[str, tuple[int, int, int]] = {
    "black": (38, 38, 41),
    "white": (243, 241, 236),
    "grey": (146, 149, 154),
    "navy": (34, 46, 88),
    "blue": (58, 116, 196),
    "green": (56, 122, 76),
    "red": (196, 40, 46),
    "pink": (238, 148, 176),
    "purple": (112, 66, 148),
    "yellow": (242, 200, 62),
    "orange": (230, 118, 40),
    "brown": (112, 72, 46),
}
"""Twelve colours that a shop has names for, far enough apart to be told from a photo."""


@dataclass(frozen=True)
class Cloth:
    """A woven or knitted thing.

    :param rgb: the main colour.
    :param second: what stripes, dots or checks are printed in.
    :param size: repeat of the pattern in pixels of the finished picture.
    :param angle: of the pattern in degrees, before a piece's own grain.
    :param share: how much of a stripe's repeat the second colour takes, 0 to 1.
    """

    rgb: tuple[int, int, int]
    second: tuple[int, int, int]
    pattern: Pattern = "plain"
    texture: Texture = "smooth"
    size: float = 40.0
    angle: float = 0.0
    share: float = 0.35

    def is_even(self, *, plain: bool = False) -> bool:
        """Whether it looks the same everywhere.

        :param plain: without its pattern, as on a collar or cuff.
        """
        return self.texture == "smooth" and (plain or self.pattern == "plain")

    def pixels(self, x: np.ndarray, y: np.ndarray, grain: float, *, plain: bool = False) -> np.ndarray:
        """The unlit cloth.

        :param x: float32 [height, width], horizontal place of each pixel on the garment.
        :param y: the same, vertical.
        :param grain: angle of the piece in degrees.
        :param plain: without its pattern, as on a collar or cuff.
        :return: float32 [3, height, width] or, where it is even, [3, 1, 1]; 0 to 255.
        """
        turn = math.radians(self.angle + grain)
        u = x * math.cos(turn) + y * math.sin(turn)
        v = y * math.cos(turn) - x * math.sin(turn)
        main = np.asarray(self.rgb, np.float32).reshape(3, 1, 1)
        if plain or self.pattern == "plain":
            painted = main
        else:
            second = np.asarray(self.second, np.float32).reshape(3, 1, 1)
            painted = main + (second - main) * self._second(u, v)
        weave = self._weave(u, v)
        return painted if weave is None else painted * weave

    def _second(self, u: np.ndarray, v: np.ndarray) -> np.ndarray:
        """How much of the second colour is at each pixel, 0 to 1."""
        if self.pattern == "stripes":
            return _band(v, self.size, self.share)
        if self.pattern == "checks":
            return 0.5 * _band(u, self.size, 0.5) + 0.5 * _band(v, self.size, 0.5)
        # Dots sit on two lattices, the second moved by half a repeat, as printed cloth has them.
        radius = self.size * 0.24
        return np.maximum(
            _dots(u, v, self.size, radius), _dots(u + self.size / 2, v + self.size / 2, self.size, radius)
        )

    def _weave(self, u: np.ndarray, v: np.ndarray) -> np.ndarray | None:
        """Light and shade of the threads themselves; None for smooth cloth."""
        if self.texture == "knit":
            zigzag = np.abs((u / 9.0) % 1.0 - 0.5) * 7.0
            return (
                1.0
                - 0.09 * (0.5 + 0.5 * np.sin((v + zigzag) * (2 * math.pi / 6.0)))
                - 0.06 * _band(u, 9.0, 0.2)
            )
        if self.texture == "ribbed":
            return 0.93 + 0.07 * np.sin(u * (2 * math.pi / 10.0))
        if self.texture == "denim":
            return 0.97 + 0.05 * np.sin((u + v) * (2 * math.pi / 3.2))
        return None


def tinted(rgb: tuple[int, int, int], hue: float, saturation: float, value: float) -> tuple[int, int, int]:
    """A neighbour of a colour: hue turned, saturation and value scaled."""
    h, s, v = colorsys.rgb_to_hsv(*(channel / 255 for channel in rgb))
    red, green, blue = colorsys.hsv_to_rgb((h + hue) % 1, min(1, s * saturation), min(0.97, v * value))
    return round(red * 255), round(green * 255), round(blue * 255)


def _band(place: np.ndarray, size: float, share: float) -> np.ndarray:
    """1 inside a band of `share` of every `size` pixels, with edges one pixel soft."""
    offset = np.abs((place / size) % 1.0 - 0.5) * size
    return np.clip(share * size / 2 - offset + 0.5, 0, 1)


def _dots(u: np.ndarray, v: np.ndarray, size: float, radius: float) -> np.ndarray:
    du = (u / size) % 1.0 - 0.5
    dv = (v / size) % 1.0 - 0.5
    return np.clip(radius - np.hypot(du, dv) * size + 0.5, 0, 1)
