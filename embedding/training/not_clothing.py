"""Negative examples for the head for clothing: photos and drawings of other things.

The photos come with scikit-image and scikit-learn. Some of them, and the kinds of drawings in `HELD_OUT`, are
held out for evaluation, so that no crop of a training photo is evaluated on.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image

from embedding.training import drawings
from embedding.training.drawings import drawn
from storage.images import decode, thumbnail

Part = Literal["train", "held_out"]

# Of scikit-image's photos those of people in their clothes (astronaut, camera) are left out.
_PHOTOS = {
    "train": {
        "skimage": (
            *("brick.png", "cell.png", "coins.png", "color.png", "grass.png", "hubble_deep_field.jpg"),
            *("ihc.png", "moon.png", "motorcycle_left.png", "page.png", "chessboard_RGB.png"),
        ),
        "sklearn": ("flower.jpg",),
    },
    "held_out": {
        "skimage": (
            *("chelsea.png", "clock_motion.png", "coffee.png", "gravel.png", "horse.png", "logo.png"),
            *("retina.jpg", "rocket.jpg", "text.png"),
        ),
        "sklearn": ("china.jpg",),
    },
}
_FOLDERS = {"skimage": "data", "sklearn": "datasets/images"}
_FACES = ("skimage", "data/lfw_subset.npy")

HELD_OUT = (drawings.chart, drawings.car, drawings.face, drawings.cup, drawings.flower)
"""Kinds of drawings for evaluation only."""

_CROPS = 24  # of each photo
_DRAWINGS = 24  # of each kind
_FACES_A_PART = 100
_SIDE = 256
_LEAST_CROP = 0.35  # of the photo's shorter side


def not_clothing(part: Part) -> Iterator[bytes]:
    """Yields the photos and drawings of one part as JPEGs, the same at every call.

    :raises ModuleNotFoundError: scikit-image or scikit-learn is not installed.
    """
    kinds = HELD_OUT if part == "held_out" else [kind for kind in drawings.KINDS if kind not in HELD_OUT]
    for kind in kinds:
        for seed in range(_DRAWINGS):
            yield thumbnail(drawn(kind, seed), _SIDE)
    for package, names in _PHOTOS[part].items():
        for number, name in enumerate(names):
            photo = decode((_folder(package) / _FOLDERS[package] / name).read_bytes())
            rng = np.random.default_rng([len(package), number])
            yield thumbnail(photo, _SIDE)
            for _ in range(_CROPS):
                yield thumbnail(_crop(photo, rng), _SIDE)
    yield from _faces(part)


def _crop(photo: Image.Image, rng: np.random.Generator) -> Image.Image:
    """A random crop of a photo, sometimes mirrored, sometimes on white as a store shows a product."""
    share = rng.uniform(_LEAST_CROP, 1, 2)
    width, height = (round(min(photo.size) * side) for side in share)
    left, top = int(rng.integers(photo.width - width + 1)), int(rng.integers(photo.height - height + 1))
    part = photo.crop((left, top, left + width, top + height))
    if rng.random() < 0.5:
        part = part.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    if rng.random() < 0.3:
        background = Image.new("RGB", (round(width * 1.5), round(height * 1.5)), "white")
        background.paste(part, (width // 4, height // 4))
        return background
    return part


def _faces(part: Part) -> Iterator[bytes]:
    """Faces, and as many patches that show none, of the Labeled Faces in the Wild, 25 px a side."""
    package, name = _FACES
    patches = np.load(_folder(package) / name)
    for patch in patches[part == "held_out" :: 2][:_FACES_A_PART]:
        grey = Image.fromarray((255 * patch).astype(np.uint8)).convert("RGB")
        yield thumbnail(grey.resize((_SIDE, _SIDE), Image.Resampling.BICUBIC), _SIDE)


def _folder(package: str) -> Path:
    """Where a package is, found without importing it, which takes seconds."""
    found = importlib.util.find_spec(package)
    if found is None or found.origin is None:
        raise ModuleNotFoundError(f"No module named '{package}'", name=package)
    return Path(found.origin).parent
