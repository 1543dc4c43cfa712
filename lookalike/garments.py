"""Finds the garments in a photo, to choose one and search with it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, overload

import numpy as np
from PIL import Image

from embedding.encoder.heads import Head
from embedding.encoder.preprocess import letterbox
from embedding.encoder.regions import Region, crop_box, regions
from embedding.outfits.kinds import KINDS, kinds_of_classes
from lookalike.description import Guess, percent
from lookalike.query_inputs import QueryLike, read_whole_photo
from storage import images
from storage.errors import InputError
from storage.printable import printable

if TYPE_CHECKING:
    from lookalike.generation import OpenGeneration

MOST = 12
"""Most garments that are given of a photo, the largest ones."""

_KINDS_OF = {
    "top": ("top", "outerwear", "underwear"),
    "bottom": ("bottom", "underwear"),
    "dress": ("dress",),
    "footwear": ("footwear",),
    "bag": ("bag",),
    "accessory": ("accessory", "headwear", "jewellery"),
}
"""The kinds that a garment may have which somebody wears, by its class in the segmentation."""

_ARTICLE_TYPE = "article_type"
_PICTURE_PX = 640


class Box(NamedTuple):
    """A part of a photo in its pixels, after the rotation that its EXIF asks for.

    :ivar x: of the left edge.
    :ivar y: of the top edge.
    """

    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True)
class Garment:
    """A garment in a photo; `Shop.similar(garment.photo)` searches with it.

    :ivar box: where it is.
    :ivar kind: one of `embedding.outfits.kinds.KINDS`, such as `top` or `footwear`.
    :ivar score: how sure it is that the box shows such a garment, 0 to 1.
    :ivar area: share of the photo that it fills, without what is around it in the box.
    :ivar article_type: the likeliest article type of that kind; None where the encoder predicts none.
    """

    box: Box
    kind: str
    score: float
    area: float
    article_type: Guess | None
    _whole: Image.Image = field(repr=False, compare=False)
    _part: tuple[int, int, int, int] = field(repr=False, compare=False)

    @property
    def photo(self) -> Image.Image:
        """RGB, what is in the box and a small margin; cut out when asked for, since the parts may overlap."""
        return self._whole.crop(self._part)

    def to_dict(self) -> dict[str, Any]:
        """The garment as `lookalike garments --json` prints it."""
        guess = self.article_type
        article_type = guess and {"value": guess.value, "probability": round(guess.probability, 4)}
        return {
            "box": self.box._asdict(),
            "kind": self.kind,
            "score": round(self.score, 4),
            "area": round(self.area, 4),
            "article_type": article_type,
        }

    def __str__(self) -> str:
        seen = f", {self.article_type.value}" if self.article_type else ""
        box = self.box
        return printable(
            f"{self.kind}{seen} ({percent(self.score)}) at {box.x}, {box.y}, {box.width}×{box.height} px"
        )


class Garments(Sequence[Garment]):
    """The garments in a photo, those that fill most of it first.

    :ivar query: the photo in words.
    :ivar width: of the photo, px, like its boxes.
    :ivar height: of the photo, px.
    :ivar model: the encoder.
    """

    def __init__(
        self, garments: Sequence[Garment], *, query: str, model: str, size: tuple[int, int], picture: bytes
    ) -> None:
        """
        :param size: width and height of the photo, px.
        :param picture: a JPEG of the photo, which may be smaller.
        """
        self._garments = tuple(garments)
        self.query, self.model = query, model
        self.width, self.height = size
        self._picture = picture

    def __len__(self) -> int:
        return len(self._garments)

    @overload
    def __getitem__(self, at: int) -> Garment: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[Garment]: ...
    def __getitem__(self, at: int | slice) -> Garment | Sequence[Garment]:
        return self._garments[at]

    def __iter__(self) -> Iterator[Garment]:
        return iter(self._garments)

    def __repr__(self) -> str:
        head = printable(f"{len(self)} garments in {self.query}, {self.width}×{self.height} px")
        return "\n".join([head, *(f"{number:3d}  {garment}" for number, garment in enumerate(self, 1))])

    def picture(self) -> bytes:
        """A JPEG of the photo, which may be smaller than the photo itself."""
        return self._picture

    columns = ("", "kind", "article type", "sure", "x", "y", "width", "height")
    """What the cells of a row are."""

    def rows(self) -> list[tuple[str, ...]]:
        """The garments as text, by `columns`."""
        return [
            (
                str(number),
                garment.kind,
                garment.article_type.value if garment.article_type else "",
                percent(garment.score),
                *map(str, garment.box),
            )
            for number, garment in enumerate(self, 1)
        ]

    def to_dict(self) -> dict[str, Any]:
        """The garments as `lookalike garments --json` prints them."""
        return {
            "model": self.model,
            "width": self.width,
            "height": self.height,
            "garments": [garment.to_dict() for garment in self],
        }

    def _repr_html_(self) -> str:
        from lookalike.rendering import render

        return render("garments", garments=self)


def find_garments(published: OpenGeneration, photo: QueryLike, *, allow_private: bool = False) -> Garments:
    """See `lookalike.query.Shop.garments`."""
    if isinstance(photo, list | tuple):
        raise InputError("Garments cannot be found in several photos at once. Give one.")
    label, image = read_whole_photo(published, photo, allow_private=allow_private)
    [probabilities] = published.segmenter().segment([image])
    found = regions(probabilities)[:MOST]
    boxes = [_box(region, image.size) for region in found]
    parts = [crop_box(region.box, image.size) for region in found]
    image = image.copy()  # the caller may draw on theirs
    guesses = _recognised(published, found, (image.crop(part) for part in parts))
    return Garments(
        [
            Garment(box, kind, region.score, region.area, guess, image, part)
            for box, region, part, (kind, guess) in zip(boxes, found, parts, guesses, strict=True)
        ],
        query=label,
        model=published.manifest.encoder.model,
        size=image.size,
        picture=images.thumbnail(image, _PICTURE_PX),
    )


def _box(region: Region, size: tuple[int, int]) -> Box:
    (left, top, right, bottom), (width, height) = region.box, size
    x, y = int(left * width), int(top * height)
    return Box(x, y, max(1, round(right * width) - x), max(1, round(bottom * height) - y))


def _recognised(
    published: OpenGeneration, found: Sequence[Region], crops: Iterable[Image.Image]
) -> list[tuple[str, Guess | None]]:
    """Kind and article type of each garment, by the heads; of what is worn, as the segmentation allows."""
    heads = published.heads()
    if not found or _ARTICLE_TYPE not in heads:
        return [(region.name, None) for region in found]
    size = published.manifest.encoder.size
    vectors = published.encoder().encode(np.stack([letterbox(crop, size) for crop in crops]))
    likely = heads[_ARTICLE_TYPE].probabilities(vectors)
    return [_kind(region, heads, one) for region, one in zip(found, likely, strict=True)]


def _kind(region: Region, heads: Mapping[str, Head], likely: np.ndarray) -> tuple[str, Guess | None]:
    """:param likely: float32 [article types], their probabilities."""
    classes = heads[_ARTICLE_TYPE].classes
    kinds = kinds_of_classes(classes)
    possible = _KINDS_OF[region.name] if region.worn else KINDS
    shares = {name: float(likely[kinds == KINDS.index(name)].sum()) for name in possible}
    kind = max(shares, key=lambda name: shares[name])
    if not shares[kind]:
        return region.name, None
    of_kind = np.where(kinds == KINDS.index(kind), likely, 0)
    best = int(of_kind.argmax())
    return kind, Guess(classes[best], float(likely[best]))
