"""Renders a garment's parts as a product photo: fabric, creases, light, shadow and background."""

from __future__ import annotations

import functools
import io
import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from .fabric import RGB, Cloth
from .shapes import Line, Part, Piece, Point, Stuff, fitted

WIDTH, HEIGHT = 480, 640
"""Size of a photo in pixels."""

# Masks are drawn this much larger and averaged down, which makes their edges smooth.
_FINER = 2
# Shadows are soft: a quarter of the size is enough.
_COARSER = 4
_UNIT = WIDTH / 2
_STUFF: dict[str, tuple[int, int, int]] = {
    "white": (240, 239, 235),
    "rubber": (226, 222, 212),
    "metal": (196, 186, 160),
    "leather": (122, 82, 52),
    "satin": (205, 192, 170),
}

_DARKER = {"lining": 0.62, "dark": 0.45}


@dataclass(frozen=True)
class Scene:
    """How a photo is taken.

    :param ground: RGB of the backdrop.
    :param scale: size of the garment; 1 leaves a small border.
    :param turn: degrees clockwise.
    :param move: where its middle is, in units of half the width.
    :param flip: mirrored.
    :param light: how much brighter the left is than the right, about 0.06.
    """

    ground: tuple[int, int, int] = (248, 248, 247)
    scale: float = 1.0
    turn: float = 0.0
    move: tuple[float, float] = (0.0, 0.0)
    flip: bool = False
    light: float = 0.05


def render(
    parts: Sequence[Part],
    cloth: Cloth,
    scene: Scene,
    seed: int,
    *,
    leather: RGB | None = None,
) -> Image.Image:
    """The photo, RGB, 480 by 640 pixels; the same for the same arguments.

    :param leather: colour of leather parts; brown where None.
    """
    return _Picture(cloth, scene, seed, leather).draw(parts)


Save = Callable[[Image.Image], bytes]
"""Writes a photo as the bytes of an image file."""


def jpeg(image: Image.Image) -> bytes:
    """The photo as a JPEG file, about 30 kB."""
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=88)
    return buffer.getvalue()


def webp(image: Image.Image) -> bytes:
    """The photo as a WebP file, about 8 kB."""
    buffer = io.BytesIO()
    image.save(buffer, "WEBP", quality=75, method=6)
    return buffer.getvalue()


class _Picture:
    def __init__(self, cloth: Cloth, scene: Scene, seed: int, leather: RGB | None = None) -> None:
        self.cloth, self.scene = cloth, scene
        self.random = np.random.default_rng(seed)
        self.leather = leather
        turn = math.radians(scene.turn)
        self._cos, self._sin = math.cos(turn) * scene.scale * _UNIT, math.sin(turn) * scene.scale * _UNIT

    def draw(self, parts: Sequence[Part]) -> Image.Image:
        """All parts over the shadow that they cast together."""
        parts = fitted(parts)
        canvas = self._ground()
        canvas *= 1 - self._shadow(parts)
        for part in parts:
            box, mask = self._mask(part)
            if mask.size:
                self._lay(canvas, part, box, mask)
        planes = np.clip(canvas, 0, 255).astype(np.uint8)
        return Image.merge("RGB", [Image.fromarray(plane) for plane in planes])

    def _ground(self) -> np.ndarray:
        across, away = _frame()
        vignette = 1.006 - 0.07 * away - 0.35 * self.scene.light * across
        return _planes(self.scene.ground) * vignette

    def _shadow(self, parts: Sequence[Part]) -> np.ndarray:
        """Darkness of the ground: a wide soft shadow, and a narrow one where cloth touches it."""
        shape = Image.new("L", (WIDTH // _COARSER, HEIGHT // _COARSER))
        pen = ImageDraw.Draw(shape)
        for part in parts:
            path = part.outline if isinstance(part, Piece) else part.path
            pixels = [(x / _COARSER, y / _COARSER) for x, y in self._place(path)]
            if isinstance(part, Piece):
                pen.polygon(pixels, fill=255)
            elif part.stuff:
                width = max(1, round(part.width * self.scene.scale * _UNIT / _COARSER))
                pen.line(pixels, fill=255, width=width)
        wide = _moved(shape.filter(ImageFilter.GaussianBlur(7)), 2, 4)
        near = _moved(shape.filter(ImageFilter.GaussianBlur(1.6)), 0, 1)
        dark = Image.blend(wide, near, 0.45).resize((WIDTH, HEIGHT), Image.Resampling.BILINEAR)
        return np.asarray(dark, np.float32) * (0.30 / 255)

    def _place(self, path: Sequence[Point]) -> list[tuple[float, float]]:
        """Pixels of the photo."""
        cos, sin = self._cos, self._sin
        x0 = WIDTH / 2 + self.scene.move[0] * _UNIT
        y0 = HEIGHT / 2 + self.scene.move[1] * _UNIT
        side = -1 if self.scene.flip else 1
        return [(x * side * cos - y * sin + x0, x * side * sin + y * cos + y0) for x, y, _ in path]

    def _mask(self, part: Part) -> tuple[tuple[int, int, int, int], np.ndarray]:
        """The part's bounding box and how much of each pixel it covers, float32 0 to 1."""
        path = part.outline if isinstance(part, Piece) else part.path
        pixels = self._place(path)
        pad = 2 + (part.width * self.scene.scale * _UNIT if isinstance(part, Line) else 0)
        left = max(0, math.floor(min(x for x, _ in pixels) - pad))
        top = max(0, math.floor(min(y for _, y in pixels) - pad))
        right = min(WIDTH, math.ceil(max(x for x, _ in pixels) + pad))
        bottom = min(HEIGHT, math.ceil(max(y for _, y in pixels) + pad))
        if right <= left or bottom <= top:
            return (0, 0, 0, 0), np.zeros((0, 0), np.float32)
        mask = Image.new("L", ((right - left) * _FINER, (bottom - top) * _FINER))
        moved = [((x - left) * _FINER, (y - top) * _FINER) for x, y in pixels]
        pen = ImageDraw.Draw(mask)
        if isinstance(part, Piece):
            pen.polygon(moved, fill=255)
        else:
            width = max(1, round(part.width * self.scene.scale * _UNIT * _FINER))
            for stroke in _dashes(moved, part.dash * self.scene.scale * _UNIT * _FINER):
                pen.line(stroke, fill=255, width=width, joint="curve")
        return (left, top, right, bottom), np.asarray(mask.reduce(_FINER), np.float32) / 255

    def _lay(self, canvas: np.ndarray, part: Part, box: tuple[int, int, int, int], mask: np.ndarray) -> None:
        left, top, right, bottom = box
        under = canvas[:, top:bottom, left:right]
        if isinstance(part, Line):
            if part.stuff is None:
                under *= 1 - mask * (1 - part.light)
                return
            colour = self._colour(part.stuff) * (0.94 if part.light == 0.72 else part.light)
            under += (colour - under) * mask
            return
        change = self._stuff(part, box) * self._shade(part, box, mask)
        change -= under
        change *= mask
        under += change

    def _stuff(self, piece: Piece, box: tuple[int, int, int, int]) -> np.ndarray:
        if piece.stuff not in ("main", "trim", "lining", "dark"):
            return self._colour(piece.stuff)
        if not self.cloth.is_even(plain=piece.stuff != "main"):
            return self._woven(piece, box)
        return self._colour(piece.stuff)

    def _woven(self, piece: Piece, box: tuple[int, int, int, int]) -> np.ndarray:
        left, top, right, bottom = box
        x = np.arange(left, right, dtype=np.float32)[None, :]
        y = np.arange(top, bottom, dtype=np.float32)[:, None]
        # The pattern moves and turns with the garment.
        turn = math.radians(self.scene.turn)
        x = x - (WIDTH / 2 + self.scene.move[0] * _UNIT)
        y = y - (HEIGHT / 2 + self.scene.move[1] * _UNIT)
        along = (x * math.cos(turn) + y * math.sin(turn)) / self.scene.scale
        down = (y * math.cos(turn) - x * math.sin(turn)) / self.scene.scale
        if self.scene.flip:
            along = -along
        pixels = self.cloth.pixels(along, down, piece.grain, plain=piece.stuff != "main")
        return pixels * _DARKER[piece.stuff] if piece.stuff in _DARKER else pixels

    def _colour(self, stuff: Stuff) -> np.ndarray:
        if stuff == "leather" and self.leather:
            return _planes(self.leather)
        if stuff in _STUFF:
            return _planes(_STUFF[stuff])
        return _planes(self.cloth.rgb) * np.float32(_DARKER.get(stuff, 1.0))

    def _shade(self, piece: Piece, box: tuple[int, int, int, int], mask: np.ndarray) -> np.ndarray:
        """Light on the piece: rounded edges, soft creases, and the lamp on the left."""
        left, _, right, _ = box
        height, width = mask.shape
        shade = np.full((height, width), piece.light, np.float32)
        if piece.rim:
            edges = Image.fromarray((mask * 255).astype(np.uint8)).resize(
                (max(1, width // _COARSER), max(1, height // _COARSER)), Image.Resampling.BOX
            )
            soft = edges.filter(ImageFilter.GaussianBlur(2.4)).resize(
                (width, height), Image.Resampling.BILINEAR
            )
            inside = np.clip(np.asarray(soft, np.float32) * (2 / 255) - 1, 0, 1)
            shade *= 1 - 0.28 * piece.rim * (1 - inside) ** 2
        if piece.folds:
            # On black cloth creases would vanish, on white they would look dirty.
            depth = 0.13 + 0.28 * (1 - max(self.cloth.rgb) / 255)
            shade *= 1 + depth * piece.folds * self._creases(width, height)
        lamp = 1 + self.scene.light * (0.5 - np.linspace(left, right, width, dtype=np.float32) / WIDTH) * 2
        shade *= lamp
        return shade

    def _creases(self, width: int, height: int) -> np.ndarray:
        """Smooth noise, longer downwards than across, about -1 to 1."""
        across, down = max(3, round(width / 24)), max(3, round(height / 130))
        grid = self.random.normal(0, 0.45, (down, across)).astype(np.float32)
        return np.asarray(Image.fromarray(grid).resize((width, height), Image.Resampling.BICUBIC))


@functools.cache
def _frame() -> tuple[np.ndarray, np.ndarray]:
    """Of each pixel, how far right of the middle it is, and its squared distance from the middle."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
    x, y = x / WIDTH - 0.5, y / HEIGHT - 0.45
    return x, x * x + y * y


def _planes(rgb: RGB) -> np.ndarray:
    """A colour that broadcasts over planes, float32 [3, 1, 1]."""
    return np.asarray(rgb, np.float32).reshape(3, 1, 1)


def _moved(image: Image.Image, right: int, down: int) -> Image.Image:
    moved = Image.new("L", image.size)
    moved.paste(image, (right, down))
    return moved


def _dashes(path: Sequence[tuple[float, float]], length: float) -> list[list[tuple[float, float]]]:
    """The path cut into stitches of this length with gaps of the same; the path itself where it is 0."""
    if length <= 0:
        return [list(path)]
    strokes: list[list[tuple[float, float]]] = []
    drawn = 0.0
    for (x0, y0), (x1, y1) in itertools.pairwise(path):
        span = math.hypot(x1 - x0, y1 - y0)
        place = 0.0
        while place < span:
            step = min(length - drawn % length, span - place) + 1e-6
            if int(drawn / length) % 2 == 0:
                a, b = place / span, min(1.0, (place + step) / span)
                strokes.append(
                    [(x0 + (x1 - x0) * a, y0 + (y1 - y0) * a), (x0 + (x1 - x0) * b, y0 + (y1 - y0) * b)]
                )
            place += step
            drawn += step
    return strokes
