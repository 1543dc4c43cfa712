"""Drawings and patterns of things that are not clothing: negative examples for the head for clothing.

Each kind is a function from a random generator to an image of `SIDE` px; one seed draws one picture.
"""

from __future__ import annotations

import colorsys
import string
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

SIDE = 256
"""Side of every drawing, px."""

Colour = tuple[int, int, int]
Kind = Callable[[np.random.Generator], Image.Image]


def noise(rng: np.random.Generator) -> Image.Image:
    """Independent random pixels, in grey or colour."""
    cells = int(rng.choice([16, 64, 128, SIDE]))
    values = rng.integers(0, 256, (cells, cells, 3), np.uint8)
    if rng.random() < 0.3:
        values[:] = values[..., :1]
    return Image.fromarray(values).resize((SIDE, SIDE), Image.Resampling.NEAREST)


def clouds(rng: np.random.Generator) -> Image.Image:
    """Smooth noise, like sky, marble or a photo out of focus."""
    total = np.zeros((SIDE, SIDE, 3))
    for cells in (3, 6, 12, 24):
        coarse = Image.fromarray(rng.integers(0, 256, (cells, cells, 3), np.uint8))
        total += np.asarray(coarse.resize((SIDE, SIDE), Image.Resampling.BICUBIC)) / cells
    total -= total.min()
    return Image.fromarray((255 * total / total.max()).astype(np.uint8))


def gradient(rng: np.random.Generator) -> Image.Image:
    """A gradient between two colours, or one colour."""
    start, end = (np.array(_colour(rng)) for _ in range(2))
    if rng.random() < 0.25:
        end = start
    across = np.linspace(0, 1, SIDE)[None, :, None] * np.ones((SIDE, 1, 1))
    turned = Image.fromarray((start + (end - start) * across).astype(np.uint8))
    return turned.rotate(90 * int(rng.integers(4)))


def writing(rng: np.random.Generator) -> Image.Image:
    """Lines of letters: a page, a screenshot, a sign."""
    image, draw = _canvas(rng, plain=True)
    ink = _contrast(image.getpixel((0, 0)))
    size = int(rng.choice([9, 12, 16, 24, 48]))
    font = ImageFont.load_default(size)
    letters = np.array(list(string.ascii_letters + " " * 12))
    for top in range(int(rng.integers(4, 40)), SIDE - size, int(size * 1.3)):
        line = "".join(rng.choice(letters, max(3, int(rng.integers(250, 420) / size))))
        draw.text((int(rng.integers(4, 16)), top), line, ink, font=font)
    return image


def chart(rng: np.random.Generator) -> Image.Image:
    """Bars or a line between two axes."""
    image, draw = _canvas(rng, plain=True)
    ink = _contrast(image.getpixel((0, 0)))
    draw.line((30, 20, 30, 230, 240, 230), ink, 2)
    heights = rng.integers(20, 200, int(rng.integers(3, 11)))
    step = 200 / len(heights)
    if rng.random() < 0.5:
        for at, height in enumerate(heights):
            left = 36 + at * step
            draw.rectangle((left, 230 - int(height), left + step * 0.7, 229), _colour(rng))
    else:
        points = [(36 + at * step, 230 - int(height)) for at, height in enumerate(heights)]
        draw.line(points, _colour(rng), int(rng.integers(2, 5)))
    return image


def scribble(rng: np.random.Generator) -> Image.Image:
    """Random pencil strokes."""
    image, draw = _canvas(rng, plain=True)
    for _ in range(int(rng.integers(1, 5))):
        steps = rng.normal(0, 22, (int(rng.integers(8, 40)), 2)).cumsum(axis=0)
        points = np.clip(steps + rng.integers(60, 196, 2), 4, SIDE - 4)
        draw.line(
            [tuple(map(float, point)) for point in points], _colour(rng), int(rng.integers(1, 6)), "curve"
        )
    return image


def shapes(rng: np.random.Generator) -> Image.Image:
    """Circles, boxes and triangles strewn about."""
    image, draw = _canvas(rng)
    for _ in range(int(rng.integers(3, 25))):
        x, y = rng.integers(0, SIDE, 2)
        reach = int(rng.integers(8, 60))
        match int(rng.integers(3)):
            case 0:
                draw.ellipse((x - reach, y - reach, x + reach, y + reach), _colour(rng))
            case 1:
                draw.rectangle((x - reach, y - reach // 2, x + reach, y + reach // 2), _colour(rng))
            case _:
                draw.regular_polygon((int(x), int(y), reach), 3, int(rng.integers(120)), fill=_colour(rng))
    return image


def house(rng: np.random.Generator) -> Image.Image:
    """A house under the sky, with a roof, a door and windows."""
    image, draw = _landscape(rng)
    left, right = int(rng.integers(30, 80)), int(rng.integers(170, 230))
    top = int(rng.integers(90, 130))
    draw.rectangle((left, top, right, 215), _colour(rng))
    draw.polygon([(left - 12, top), ((left + right) // 2, top - 60), (right + 12, top)], _colour(rng))
    draw.rectangle((left + 20, 165, left + 45, 215), _colour(rng))
    for window in range(left + 60, right - 25, 35):
        draw.rectangle((window, top + 20, window + 22, top + 45), (220, 235, 250), _colour(rng), 2)
    return image


def trees(rng: np.random.Generator) -> Image.Image:
    """Trees on a hill."""
    image, draw = _landscape(rng)
    for _ in range(int(rng.integers(1, 8))):
        x, foot = int(rng.integers(20, 236)), int(rng.integers(170, 235))
        size = int(rng.integers(18, 60))
        draw.rectangle((x - 4, foot - size, x + 4, foot), (110, 75, 45))
        crown = (int(rng.integers(20, 90)), int(rng.integers(90, 170)), int(rng.integers(20, 80)))
        if rng.random() < 0.5:
            draw.ellipse((x - size * 0.6, foot - 2 * size, x + size * 0.6, foot - size * 0.7), crown)
        else:
            draw.polygon(
                [
                    (x - size * 0.6, foot - size * 0.6),
                    (x, foot - 2.4 * size),
                    (x + size * 0.6, foot - size * 0.6),
                ],
                crown,
            )
    return image


def bottle(rng: np.random.Generator) -> Image.Image:
    """A bottle, a flask or a tube with its label, as a shop shows it."""
    image, draw = _canvas(rng, plain=True)
    half, top = int(rng.integers(20, 60)), int(rng.integers(70, 130))
    body = _colour(rng)
    draw.rounded_rectangle((128 - half, top, 128 + half, 236), int(rng.integers(2, 24)), body)
    neck = int(rng.integers(6, max(7, half // 2)))
    draw.rectangle((128 - neck, top - 24, 128 + neck, top), body)
    draw.rectangle((128 - neck - 4, top - 48, 128 + neck + 4, top - 22), _colour(rng))
    draw.rectangle((128 - half + 5, top + 40, 128 + half - 5, top + 80), _colour(rng))
    return image


def car(rng: np.random.Generator) -> Image.Image:
    """A car from the side."""
    image, draw = _landscape(rng)
    body, roof = _colour(rng), int(rng.integers(105, 130))
    draw.rounded_rectangle((25, 150, 231, 200), 12, body)
    draw.polygon([(65, 150), (90, roof), (170, roof), (200, 150)], body)
    draw.polygon([(78, 148), (95, roof + 8), (126, roof + 8), (126, 148)], (200, 225, 240))
    draw.polygon([(132, 148), (132, roof + 8), (165, roof + 8), (186, 148)], (200, 225, 240))
    for wheel in (75, 185):
        draw.ellipse((wheel - 24, 176, wheel + 24, 224), (30, 30, 30))
        draw.ellipse((wheel - 10, 190, wheel + 10, 210), (170, 170, 170))
    return image


def face(rng: np.random.Generator) -> Image.Image:
    """A face of a few strokes."""
    image, draw = _canvas(rng, plain=True)
    skin = _colour(rng)
    ink = _contrast(skin)
    reach = int(rng.integers(60, 110))
    draw.ellipse((128 - reach, 128 - reach, 128 + reach, 128 + reach), skin, ink, 3)
    for eye in (128 - reach // 2, 128 + reach // 2):
        draw.ellipse((eye - 9, 100, eye + 9, 118), ink)
    draw.arc((128 - reach // 2, 120, 128 + reach // 2, 128 + reach * 2 // 3), 10, 170, ink, 5)
    return image


def cup(rng: np.random.Generator) -> Image.Image:
    """A cup on a table."""
    image, draw = _canvas(rng)
    draw.rectangle((0, 190, SIDE, SIDE), _colour(rng))
    glaze = _colour(rng)
    draw.ellipse((165, 120, 215, 180), None, glaze, 10)
    draw.polygon([(65, 95), (185, 95), (170, 210), (80, 210)], glaze)
    draw.ellipse((65, 82, 185, 108), _colour(rng), glaze, 4)
    return image


def flower(rng: np.random.Generator) -> Image.Image:
    """A flower: petals about a centre, on a stalk."""
    image, draw = _canvas(rng)
    draw.line((128, 120, 128, 250), (50, 130, 50), 8)
    petal, count = _colour(rng), int(rng.integers(5, 12))
    for at in range(count):
        angle = 2 * np.pi * at / count
        x, y = 128 + 45 * np.cos(angle), 105 + 45 * np.sin(angle)
        draw.ellipse((x - 26, y - 26, x + 26, y + 26), petal)
    draw.ellipse((104, 81, 152, 129), _colour(rng))
    return image


def flat(rng: np.random.Generator) -> Image.Image:
    """One colour throughout."""
    return Image.new("RGB", (SIDE, SIDE), _plain_colour(rng))


def disc(rng: np.random.Generator) -> Image.Image:
    """A disc or a box of one colour on white, as a product is shown."""
    image = Image.new("RGB", (SIDE, SIDE), (255, 255, 255))
    draw = ImageDraw.Draw(image)
    reach = int(rng.integers(30, 120))
    box = (128 - reach, 128 - reach, 128 + reach, 128 + reach)
    (draw.ellipse if rng.random() < 0.75 else draw.rectangle)(box, _plain_colour(rng))
    return image


KINDS: tuple[Kind, ...] = (
    *(noise, clouds, gradient, writing, scribble, shapes, house, trees, bottle),
    *(chart, car, face, cup, flower),
    # Behind the others: what a kind draws depends on its place.
    *(flat, disc),
)
"""All kinds."""

_PURE = ((255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0), (128, 128, 128), (255, 255, 255))


def drawn(kind: Kind, seed: int) -> Image.Image:
    """One picture of a kind, sometimes blurred, as photos of drawings are."""
    rng = np.random.default_rng([KINDS.index(kind), seed])
    image = kind(rng)
    return image.filter(ImageFilter.GaussianBlur(rng.uniform(0.5, 2))) if rng.random() < 0.3 else image


def _colour(rng: np.random.Generator) -> Colour:
    """Any colour, greys and pale ones among them."""
    red, green, blue = colorsys.hsv_to_rgb(rng.random(), rng.random(), rng.uniform(0.1, 1))
    return round(255 * red), round(255 * green), round(255 * blue)


def _plain_colour(rng: np.random.Generator) -> Colour:
    """A pure colour, black or any other, a third of the time each."""
    return (_PURE[int(rng.integers(len(_PURE)))], (0, 0, 0), _colour(rng))[int(rng.integers(3))]


def _contrast(background: object) -> Colour:
    """Black or white, whichever has more contrast to a background."""
    return (20, 20, 20) if np.mean(np.asarray(background)) > 110 else (245, 245, 245)


def _canvas(rng: np.random.Generator, *, plain: bool = False) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    """A background to draw on.

    :param plain: white, half the time.
    """
    background = (255, 255, 255) if plain and rng.random() < 0.5 else _colour(rng)
    image = Image.new("RGB", (SIDE, SIDE), background)
    return image, ImageDraw.Draw(image)


def _landscape(rng: np.random.Generator) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    """Sky and ground."""
    sky = (int(rng.integers(100, 220)), int(rng.integers(160, 240)), int(rng.integers(210, 256)))
    image = Image.new("RGB", (SIDE, SIDE), sky)
    draw = ImageDraw.Draw(image)
    background = (int(rng.integers(60, 180)), int(rng.integers(100, 200)), int(rng.integers(40, 140)))
    draw.ellipse((-120, int(rng.integers(150, 200)), SIDE + 120, 500), background)
    return image, draw
