"""Photos with masks of garments, to fit and measure a segmentation head.

Masks of whole looks come from people; those of single garments from shop photos, whose plain pale ground is
left out, pasted on photos, textures and flat colours. A mask holds for each pixel which classes it may be: of
a shop photo with a model in it only the middle is known to be the garment, the rest may be the model or other
clothes.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from PIL import Image, ImageFilter, ImageOps
from scipy import ndimage

from embedding.encoder.segmentation import BACKGROUND, CLASSES, PERSON
from embedding.outfits.kinds import KINDS, kind_of
from embedding.training.backgrounds import random_background
from embedding.training.datasets import is_validation
from storage.images import decode

ANY = (1 << len(CLASSES)) - 1
"""The bits of a pixel that nothing is known of."""

_PARTS = {
    (PERSON,): "hair skin",
    ("top",): "blazer blouse bodysuit bra cape cardigan coat hoodie intimate jacket jumper shirt sweater "
    "sweatshirt t-shirt top vest",
    ("bottom",): "jeans leggings panties pants shorts skirt",
    ("dress",): "dress romper",
    ("footwear",): "boots clogs flats heels loafers pumps sandals shoes sneakers wedges",
    ("bag",): "bag purse wallet",
    (
        "accessory",
    ): "accessories belt bracelet earrings glasses gloves hat necklace ring scarf sunglasses tie watch",
    ("top", "bottom"): "suit",
    ("top", "bottom", "dress"): "swimwear",
    (PERSON, "bottom", "accessory"): "socks stockings tights",
    (BACKGROUND,): "null",
}
"""Classes by the labels of Clothing Co-Parsing's masks."""

_CLASS_OF_KIND = {
    "top": "top",
    "outerwear": "top",
    "bottom": "bottom",
    "dress": "dress",
    "footwear": "footwear",
    "bag": "bag",
    "headwear": "accessory",
    "jewellery": "accessory",
    "accessory": "accessory",
}
_WORN_WITH = {
    "top": ("bottom", "accessory"),
    "bottom": ("top", "footwear"),
    "dress": ("footwear", "accessory"),
    "accessory": ("top",),
}
"""What a model in a shop photo may wear besides, by the class of what is sold."""

_PALE = 242
_GROUND = (0.1, 0.92)
"""Least and largest share of plain ground in a photo that is cut out."""

_MIDDLE = (0.25, 0.15)
"""Half the height and width, in shares of the foreground's box, of the middle that shows what is sold."""

_SKIN_SHARE = 0.02


@dataclass(frozen=True, eq=False)
class Masked:
    """A photo and its mask.

    :ivar image: RGB.
    :ivar allowed: uint8 [height, width], the bits of the classes that each pixel may be.
    """

    image: Image.Image
    allowed: np.ndarray


@dataclass(frozen=True, eq=False)
class CutOut:
    """A garment without its ground.

    :ivar image: RGB.
    :ivar allowed: uint8 [height, width]; 0 where there is nothing of it.
    :ivar name: the class of what is sold.
    :ivar worn: whether a model wears it.
    """

    image: Image.Image
    allowed: np.ndarray
    name: str
    worn: bool


def bits(*names: str) -> int:
    """The bits of some classes."""
    return sum(1 << CLASSES.index(name) for name in names)


def looks(file: Path, *, held_out: bool) -> Iterator[Masked]:
    """Reads the photos of `looks.parquet` that have a mask, of the validation split or all others."""
    table = pq.read_table(file, columns=["id", "image", "mask"])
    names = table.schema.metadata[b"mask_labels"].decode().split(",")
    classes = {label: bits(*some) for some, labels in _PARTS.items() for label in labels.split()}
    codes = np.array([classes[name] for name in names], np.uint8)
    for photo_id, image, mask in zip(*(table[name].to_pylist() for name in table.column_names), strict=True):
        if mask is not None and is_validation(photo_id) == held_out:
            yield Masked(decode(image), codes[np.asarray(Image.open(io.BytesIO(mask)))])


def shop_photos(file: Path, *, held_out: bool) -> dict[str, list[bytes]]:
    """Shop photos by the class of what they sell, of the validation split or all others."""
    table = pq.read_table(file, columns=["id", "image", "article_type"])
    found: dict[str, list[bytes]] = {}
    for photo_id, image, article in zip(
        *(table[name].to_pylist() for name in ("id", "image", "article_type")), strict=True
    ):
        code = kind_of(article)
        name = _CLASS_OF_KIND.get(KINDS[code]) if code >= 0 else None
        if name is not None and is_validation(photo_id) == held_out:
            found.setdefault(name, []).append(image)
    return found


def cut_out(data: bytes, name: str) -> CutOut | None:
    """Cuts a garment out of a shop photo; None where its ground is not plain and pale.

    :param name: the class of what it sells.
    """
    image = decode(data)
    ground = plain_ground(image)
    if not _GROUND[0] < ground.mean() < _GROUND[1]:
        return None
    rows, columns = (np.flatnonzero((~ground).any(axis=axis)) for axis in (1, 0))
    box = (int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)
    image, shown = image.crop(box), ~ground[box[1] : box[3], box[0] : box[2]]
    worn = _skin(image)[shown].mean() > _SKIN_SHARE and name in _WORN_WITH
    allowed = np.where(shown, bits(name, *((PERSON, *_WORN_WITH[name]) if worn else ())), 0).astype(np.uint8)
    if worn:
        (down, across), (height, width) = _MIDDLE, allowed.shape
        middle = np.zeros_like(shown)
        middle[
            round(height * (0.5 - down)) : round(height * (0.5 + down)),
            round(width * (0.5 - across)) : round(width * (0.5 + across)),
        ] = True
        allowed[middle & shown] = bits(name)
    return CutOut(image, allowed, name, bool(worn))


def pasted(cut: CutOut, background: Image.Image, rng: np.random.Generator) -> Masked:
    """A garment on another ground, turned, mirrored and lit at random."""
    layer = Image.fromarray(cut.allowed)
    image = cut.image
    if rng.random() < 0.5:
        image, layer = ImageOps.mirror(image), ImageOps.mirror(layer)
    angle = float(rng.normal(0, 12)) if rng.random() < 0.8 else float(rng.uniform(-180, 180))
    share = float(rng.uniform(0.5, 1.1))
    scale = share * min(background.width / image.width, background.height / image.height)
    size = (max(8, round(image.width * scale)), max(8, round(image.height * scale)))
    image = image.resize(size, Image.Resampling.BILINEAR).rotate(
        angle, Image.Resampling.BILINEAR, expand=True
    )
    layer = layer.resize(size, Image.Resampling.NEAREST).rotate(angle, Image.Resampling.NEAREST, expand=True)
    light = rng.uniform(0.65, 1.15) * rng.uniform(0.93, 1.07, 3)
    pixels = Image.fromarray((np.asarray(image) * light).clip(0, 255).astype(np.uint8))
    left = int(
        rng.integers(min(0, background.width - image.width), max(0, background.width - image.width) + 1)
    )
    top = int(
        rng.integers(min(0, background.height - image.height), max(0, background.height - image.height) + 1)
    )
    shown = Image.fromarray((np.asarray(layer) > 0).astype(np.uint8) * 255)
    canvas = background.copy()
    if rng.random() < 0.5:  # a soft shadow, as things that lie on something throw
        shadow = Image.new("L", background.size)
        shadow.paste(shown, (left + int(rng.integers(-6, 7)), top + int(rng.integers(0, 9))))
        dark = shadow.filter(ImageFilter.GaussianBlur(float(rng.uniform(2, 7))))
        canvas = Image.composite(canvas.point(lambda level: level * 0.6), canvas, dark)
    # A pixel less all around: the seam of pale ground would tell what is pasted.
    canvas.paste(
        pixels, (left, top), shown.filter(ImageFilter.MinFilter(3)).filter(ImageFilter.GaussianBlur(0.7))
    )
    under = Image.new("L", background.size)
    under.paste(layer, (left, top))
    allowed = np.asarray(under)
    return Masked(canvas, np.where(allowed == 0, bits(BACKGROUND), allowed).astype(np.uint8))


def grounds(photos: Sequence[bytes], rng: np.random.Generator) -> Iterator[Image.Image]:
    """Grounds without end: photos of other things, textures, gradients, flat and pale colours."""
    while True:
        width, height = (int(side) for side in rng.integers(160, 257, 2))
        kind = rng.random()
        if kind < 0.35:
            photo = decode(photos[int(rng.integers(len(photos)))])
            yield ImageOps.fit(photo, (width, height), Image.Resampling.BILINEAR)
        elif kind < 0.65:
            yield random_background((width, height), rng)
        elif kind < 0.85:
            ends = (
                rng.uniform(0, 255, (2, 2, 3))
                if rng.random() < 0.5
                else np.tile(rng.uniform(0, 255, 3), (2, 2, 1))
            )
            yield _smooth(ends, (width, height), rng)
        else:
            yield _smooth(
                np.tile(rng.uniform(225, 255) + rng.normal(0, 2, 3), (2, 2, 1)), (width, height), rng
            )


def closer(look: Masked, rng: np.random.Generator) -> Masked:
    """A part of a look, mirrored and lit at random."""
    height, width = look.allowed.shape
    tall, wide = round(height * rng.uniform(0.3, 0.8)), round(width * rng.uniform(0.5, 1.0))
    left, top = int(rng.integers(width - wide + 1)), int(rng.integers(height - tall + 1))
    image = look.image.crop((left, top, left + wide, top + tall))
    allowed = look.allowed[top : top + tall, left : left + wide]
    if rng.random() < 0.5:
        image, allowed = ImageOps.mirror(image), allowed[:, ::-1]
    light = rng.uniform(0.7, 1.2)
    return Masked(image.point(lambda level: level * light), allowed)


def resized(allowed: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """A mask in another size, uint8 [height, width].

    :param shape: height and width.
    """
    height, width = shape
    return np.asarray(Image.fromarray(allowed).resize((width, height), Image.Resampling.NEAREST))


def plain_ground(image: Image.Image) -> np.ndarray:
    """Where a photo shows the pale ground that reaches in from its borders.

    :param image: RGB.
    :return: bool [height, width].
    """
    darkest = Image.fromarray(np.asarray(image).min(axis=2))
    pale = np.asarray(darkest) >= _PALE
    # Through gaps narrower than three pixels no ground gets into a white garment.
    wide = np.asarray(darkest.filter(ImageFilter.MinFilter(3))) >= _PALE
    # A frame around the photo joins what a sleeve or a leg cuts into several pieces.
    pieces, _ = ndimage.label(np.pad(wide, 1, constant_values=True))
    reached = (pieces == pieces[0, 0])[1:-1, 1:-1]
    return ndimage.binary_dilation(reached, np.ones((3, 3))) & pale


def _skin(image: Image.Image) -> np.ndarray:
    """Where a photo has the hue of skin (Chai and Ngan, 1999): bool [height, width]."""
    _, blue, red = np.moveaxis(np.asarray(image.convert("YCbCr")), -1, 0)
    return (red >= 137) & (red <= 173) & (blue >= 77) & (blue <= 127)


def _smooth(corners: np.ndarray, size: tuple[int, int], rng: np.random.Generator) -> Image.Image:
    ground = Image.fromarray(corners.astype(np.uint8)).resize(size, Image.Resampling.BILINEAR)
    grain = rng.normal(0, rng.uniform(0, 6), (size[1], size[0], 1))
    return Image.fromarray((np.asarray(ground) + grain).clip(0, 255).astype(np.uint8))
