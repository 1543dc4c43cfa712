"""Finds the query's own photo among the nearest, even cropped, mirrored or on a new background.

A vector says what a photo shows, but hardly which photo it is. So the pixels of the nearest photos are
compared with the query's: spatial verification, as in Philbin et al., "Object retrieval with large
vocabularies and fast spatial matching" (2007), with colours instead of local features, since garments are
smooth. Of a stored photo on a pale background only the garment counts, so the query may have any other
background.

A garment of one colour fits any other of that colour. So a fit counts only where the photo explains the
stored one's own texture better than the garment's mean colour does, which is the null hypothesis: colours and
their gradients inside the garment have to correlate.

Two steps. In small, the photo is laid on each of the nearest in every size and place, as it is and mirrored,
all at once by products of matrices. Then the best fits are aligned to fractions of a pixel, as in Lucas and
Kanade, "An iterative image registration technique" (1981).
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from PIL import Image

from storage.manifest import WAY_OUT, GenerationError
from storage.thumbnails import GRID_SIDE, SIDE, grid

SHORTLIST = 64
"""Number of nearest product groups whose pixels are compared."""

MAX_DIFFERENCE = 10.0
"""Largest colour difference of one photo, root mean square, in levels of 255."""

MIN_COSINE = 0.35
"""Least cosine in the projected space. Heads are part of that space, so another kind of garment is no
candidate. Of 260 photos on another background, the lowest cosine to the original was 0.39."""

_LEAST_CORRELATION = ((7.5, 0.85), (MAX_DIFFERENCE, 0.975))
"""Correlation of the colours, less the garment's mean, by how far apart they are at most. Of 1,290 photos
whose picture is not there, and about 300 altered ones, the highest false correlation was 0.83 up to 7.5
levels and 0.971 up to 10, two ties of one shape in two weaves; 3 in 250 of the true ones had less."""

_LEAST_GRADIENT_CORRELATION = 0.7
"""The same of the gradients inside the garment, which shading and cut alone do not give. False ones that
passed the correlation of colours had 0.68 at most."""

_CELLS = GRID_SIDE // 2  # of the longer side, where every place is tried
_SIZES = range(20, 12, -1)  # cells of the query's longer side: from the whole stored photo to two thirds
_ALIGNED = 4  # best fits that are aligned; of 739 altered photos, their own was among the best three
_MOST_ALIGNED = 8  # while each shows the query's photo, as where many stores sell one product
_GRID = 48  # of the longer side, where they are
_STEPS = 8
_STILL_FAR = (45.0, 25.0)  # levels apart at the first steps, beyond which none was found to be the same
_FAR_IN_SMALL = 40.0  # levels apart in small; the farthest photo that was the same had 36.1
_SETTLED = 0.05  # pixels of the grid; a step that moves less is the last
_FARTHEST = 3.0  # pixels of the grid that one moves
_MOST_GROWTH = 0.1  # of the sides, in one
_LEAST_PIXELS = 16
_PALE = 238  # of the darkest channel: from here on a pixel may be background
_LEAST_GARMENT = 0.02  # of a photo; less does not distinguish photos
_LEAST_SHOWN = 0.6  # of the garment that the query has to show
_MARGIN = 0.25  # of a stored photo's sides, that a fit may reach beyond


def differences(
    photo: Image.Image, thumbnails: Sequence[bytes], grids: Sequence[np.ndarray] | None = None
) -> np.ndarray:
    """The colour difference of each stored photo from a query photo, or from the part that it shows.

    :param photo: RGB.
    :param thumbnails: JPEG bytes of the stored photos.
    :param grids: `storage.thumbnails.grid` of each, where it is stored: 64 photos take 15 ms to decode.
    :return: float32 [n], root mean square difference of the colours where they were aligned, in levels of
        255, and `MAX_DIFFERENCE` more where the texture of the garment does not agree; inf where others fit
        better, so that they were not aligned. `MAX_DIFFERENCE` is the limit.
    """
    if not thumbnails:
        return np.empty(0, np.float32)
    if grids is None:
        grids = [grid(thumbnail) for thumbnail in thumbnails]
    fits = _best_fits(grids, photo)
    near = [place for place, fit in enumerate(fits) if fit.difference <= _FAR_IN_SMALL]
    found = np.full(len(thumbnails), np.inf, np.float32)
    query = np.asarray(photo.resize(_fitting(photo, _GRID), Image.Resampling.BILINEAR), np.float32)
    before = 0.0
    for number, place in enumerate(sorted(near, key=lambda place: fits[place].difference)[:_MOST_ALIGNED]):
        if number >= _ALIGNED and before > MAX_DIFFERENCE:
            break
        mirrored = fits[place].mirrored
        found[place] = _aligned(query[:, ::-1] if mirrored else query, thumbnails[place], fits[place])
        before = found[place]
    return found


def same_photos(distances: np.ndarray, cosines: np.ndarray) -> np.ndarray:
    """Selects the stored photos that are the query's own, nearest first: int64 positions in `distances`.

    :param distances: the result of `differences`.
    :param cosines: float32 [n], of the query and each stored photo, in the projected space.
    """
    same = np.flatnonzero((distances <= MAX_DIFFERENCE) & (cosines >= MIN_COSINE))
    return same[np.argsort(distances[same], kind="stable")]


@dataclass(frozen=True)
class _Fit:
    """Position of the query on a stored photo, in shares of the stored photo's longer side."""

    difference: float
    left: float
    top: float
    width: float
    height: float
    mirrored: bool


@dataclass(frozen=True)
class _Laid:
    """The photo in every size and place on the square, a row each.

    :ivar planes: float32 [places, 5, cells × cells]: its colours in three planes, 0 where it does not cover;
        the sum of their squares; and 1 where it covers.
    :ivar places: left, top, width and height in cells, and whether it is mirrored.
    """

    planes: np.ndarray
    places: list[tuple[int, int, int, int, bool]]

    @classmethod
    def of(cls, photo: Image.Image) -> _Laid:
        """A photo in all of `_SIZES`."""
        views: list[np.ndarray] = []
        places: list[tuple[int, int, int, int, bool]] = []
        for longer in _SIZES:
            width, height = _fitting(photo, longer)
            small = np.asarray(photo.resize((width, height), Image.Resampling.BOX), np.float32)
            small = small.transpose(2, 0, 1)
            view = np.concatenate([small, (small**2).sum(axis=0, keepdims=True), np.ones_like(small[:1])])
            right, down = _CELLS - width, _CELLS - height
            for mirrored in (False, True):
                # Of a view with room on all sides, each window of the square's size shows it elsewhere.
                room = np.pad(view[..., ::-1] if mirrored else view, ((0, 0), (down, down), (right, right)))
                windows = sliding_window_view(room, (_CELLS, _CELLS), axis=(1, 2))[:, ::-1, ::-1]
                views.append(windows.transpose(1, 2, 0, 3, 4).reshape(-1, len(view), _CELLS**2))
                places += [
                    (left, top, width, height, mirrored)
                    for top in range(down + 1)
                    for left in range(right + 1)
                ]
        return cls(np.concatenate(views), places)

    def fit(self, place: int, difference: float) -> _Fit:
        """A place in shares of the square."""
        left, top, width, height, mirrored = self.places[place]
        return _Fit(difference, left / _CELLS, top / _CELLS, width / _CELLS, height / _CELLS, mirrored)


def _best_fits(grids: Sequence[np.ndarray], photo: Image.Image) -> list[_Fit]:
    """The best position of the query on each stored photo."""
    laid, count = _Laid.of(photo), len(grids)
    pixels, counts = _in_small(grids)
    counted = -2 * pixels * counts[:, None]
    squares = (pixels**2).sum(axis=1) * counts
    counts = counts.reshape(count, -1)
    # (query - stored)² where both count: query² + stored² - 2 query · stored, all in one product.
    weights = np.concatenate([counted.reshape(count, -1), counts, squares.reshape(count, -1)], axis=1)
    missed = weights @ laid.planes.reshape(len(laid.places), -1).T
    covered = counts @ laid.planes[:, 4].T
    least_covered = np.maximum(1, _LEAST_SHOWN * counts.sum(axis=1))[:, None]
    missed = np.where(covered >= least_covered, missed / np.maximum(3 * covered, 1), np.inf)
    places = missed.argmin(axis=1)
    fitted = np.sqrt(np.maximum(0, missed[np.arange(count), places]))
    return [laid.fit(*found) for found in zip(places.tolist(), fitted.tolist(), strict=True)]


def _in_small(photos: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Stored photos, each in the upper left of a square.

    :param photos: uint8 [height, width, 3] each, the longer side twice as long as the cells are many.
    :return: colours, float32 [n, 3, cells, cells]; and float32 [n, cells, cells], 1 where a cell is garment
        throughout.
    """
    side = 2 * _CELLS
    pixels = np.full((len(photos), side, side, 3), 255, np.uint8)
    inside = np.zeros((len(photos), side, side), bool)
    for square, within, photo in zip(pixels, inside, photos, strict=True):
        height, width = photo.shape[:2]
        square[:height, :width], within[:height, :width] = photo, True
    garment = _garment(pixels, inside)
    quarters = [(slice(top, None, 2), slice(left, None, 2)) for top in (0, 1) for left in (0, 1)]
    counts = np.logical_and.reduce([garment[:, rows, columns] for rows, columns in quarters])
    colours = np.zeros((*counts.shape, 3), np.uint16)
    for rows, columns in quarters:
        colours += pixels[:, rows, columns]
    planes = np.ascontiguousarray(colours.transpose(0, 3, 1, 2), np.float32)
    return planes / len(quarters), counts.astype(np.float32)


def _aligned(query: np.ndarray, thumbnail: bytes, fit: _Fit) -> float:
    """The difference of the colours once the photo lies where it fits best: Gauss-Newton from `fit` on.

    :param query: float32 [height, width, 3], mirrored where the fit is.
    """
    stored = _Stored.of(thumbnail)
    shape = query.shape[1], query.shape[0]
    size = np.array([fit.width, fit.height]) * stored.longer
    centre = np.array([fit.left, fit.top]) * stored.longer + size / 2 + stored.margins
    least, most_counts = np.inf, 0
    texture_agrees = False
    for step in range(_STEPS):
        first, last = np.maximum(0, centre - size / 2), np.minimum(stored.room, centre + size / 2)
        if (last - first < 2).any():
            break
        stored_part, counts = stored.window(first, last, shape)
        most_counts = max(most_counts, int(counts.sum()))
        if counts.sum() < max(_LEAST_PIXELS, most_counts / 2):  # it slid off the garment
            break
        missing = query - stored_part
        difference = float((missing[counts] ** 2).mean()) ** 0.5
        if difference < least:
            least = difference
            texture_agrees = least <= MAX_DIFFERENCE and _texture_agrees(
                query, stored_part, counts, difference
            )
        if step < len(_STILL_FAR) and least > _STILL_FAR[step]:
            break
        shift, growth = _better(stored_part, missing, counts)
        if max(np.abs(shift).max(), (np.abs(growth) * shape).max()) < _SETTLED:
            break
        centre = (first + last) / 2 + shift * (last - first) / shape
        size = (last - first) * (1 + growth)
    return least if texture_agrees or least > MAX_DIFFERENCE else least + MAX_DIFFERENCE


def _texture_agrees(
    query: np.ndarray, stored_part: np.ndarray, counts: np.ndarray, difference: float
) -> bool:
    """Whether two photos share more than the mean colour of a garment.

    :param query: float32 [height, width, 3].
    :param stored_part: float32 [height, width, 3], the part of the stored photo.
    :param counts: bool [height, width], what is garment.
    :param difference: root mean square of their colours' difference there.
    """
    least = next((least for most, least in _LEAST_CORRELATION if difference <= most), 1.0)
    pair = [photo[counts] - photo[counts].mean(axis=0) for photo in (query, stored_part)]
    if _correlation(*pair) < least:
        return False
    inside = np.zeros_like(counts)  # a gradient reaches one pixel to each side
    inside[1:-1, 1:-1] = (
        counts[1:-1, 1:-1] & counts[:-2, 1:-1] & counts[2:, 1:-1] & counts[1:-1, :-2] & counts[1:-1, 2:]
    )
    gradients = [np.stack(np.gradient(photo, axis=(0, 1)))[:, inside] for photo in (query, stored_part)]
    return _correlation(*gradients) >= _LEAST_GRADIENT_CORRELATION


def _correlation(one: np.ndarray, other: np.ndarray) -> float:
    energy = float((one**2).sum()) * float((other**2).sum())
    return 0.0 if energy == 0 else float((one * other).sum()) / energy**0.5


@dataclass(frozen=True)
class _Stored:
    """A stored photo with room around it, for fits that reach beyond.

    :ivar picture: RGB, white around the photo.
    :ivar garment: 255 where the garment is.
    :ivar room: int [2], width and height with the margins.
    :ivar margins: int [2], at the left and at the top.
    :ivar longer: the photo's own longer side.
    """

    picture: Image.Image
    garment: Image.Image
    room: np.ndarray
    margins: np.ndarray
    longer: int

    @classmethod
    def of(cls, thumbnail: bytes) -> _Stored:
        """The stored photo of a thumbnail."""
        photo = _opened(thumbnail, 2 * _GRID)
        pixels = np.asarray(photo)[None]
        shown = _garment(pixels, np.ones(pixels.shape[:3], bool))[0]
        wide, high = (round(_MARGIN * side) for side in photo.size)
        width, height = photo.width + 2 * wide, photo.height + 2 * high
        picture, garment = Image.new("RGB", (width, height), "white"), Image.new("L", (width, height))
        picture.paste(photo, (wide, high))
        garment.paste(Image.fromarray(shown.astype(np.uint8) * 255), (wide, high))
        return cls(picture, garment, np.array([width, height]), np.array([wide, high]), max(photo.size))

    def window(
        self, first: np.ndarray, last: np.ndarray, shape: tuple[int, int]
    ) -> tuple[np.ndarray, np.ndarray]:
        """A part of the picture in another size.

        :param first: float [2], left and top.
        :param last: float [2], right and bottom.
        :param shape: width and height to bring it to.
        :return: colours, float32 [height, width, 3]; and bool [height, width], what is garment throughout.
        """
        box = (float(first[0]), float(first[1]), float(last[0]), float(last[1]))
        colours = self.picture.resize(shape, Image.Resampling.BILINEAR, box=box)
        garment = self.garment.resize(shape, Image.Resampling.BILINEAR, box=box)
        return np.asarray(colours, np.float32), np.asarray(garment) > 250


def _better(
    stored_part: np.ndarray, missing: np.ndarray, counts: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The shift and growth of the window, along width and height, that reduce the difference most.

    :param stored_part: float32 [height, width, 3].
    :param missing: what has to be added to `stored_part`.
    :param counts: bool [height, width], what is compared.
    :return: float [2], pixels; and float [2], shares of the window's sides.
    """
    height, width = counts.shape
    by_row, by_column = np.gradient(stored_part, axis=(0, 1))
    across, down = (np.linspace(-0.5, 0.5, side, dtype=np.float32) * side for side in (width, height))
    motions = (by_column, by_row, by_column * across[:, None], by_row * down[:, None, None])
    slopes = np.stack([motion[counts].ravel() for motion in motions], axis=1)
    normal = slopes.T @ slopes
    normal[np.diag_indices(4)] = 1.01 * np.diagonal(normal) + 1  # damped: smooth cloth holds nothing in place
    moved = np.linalg.solve(normal, slopes.T @ missing[counts].ravel())
    return np.clip(moved[:2], -_FARTHEST, _FARTHEST), np.clip(moved[2:], -_MOST_GROWTH, _MOST_GROWTH)


def _garment(pixels: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """Masks of the garment: all but pale background that reaches straight in from a border.

    A mask is empty where almost nothing would remain.

    :param pixels: uint8 [n, height, width, 3].
    :param inside: bool [n, height, width], what is photo.
    :return: bool [n, height, width].
    """
    pale = (_darkest(pixels) >= _PALE) | ~inside
    garment = inside.copy()
    for axis in (1, 2):
        backwards = np.flip(pale, axis)
        garment &= ~np.logical_and.accumulate(pale, axis=axis)
        garment &= ~np.flip(np.logical_and.accumulate(backwards, axis=axis), axis)
    garment[garment.sum(axis=(1, 2)) < _LEAST_GARMENT * inside.sum(axis=(1, 2))] = False
    return garment


def _darkest(pixels: np.ndarray) -> np.ndarray:
    return np.minimum(np.minimum(pixels[..., 0], pixels[..., 1]), pixels[..., 2])


def _opened(thumbnail: bytes, side: int) -> Image.Image:
    """A stored photo, decoded no larger than its longer side needs."""
    try:
        image = Image.open(io.BytesIO(thumbnail), formats=["JPEG"])
        if max(image.size) > SIDE:
            raise ValueError(f"it has {image.width}×{image.height} px")
        image.draft("RGB", _fitting(image, side))
        image.load()
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise GenerationError(f"A thumbnail cannot be shown ({error}). {WAY_OUT}") from None
    return image if image.mode == "RGB" else image.convert("RGB")


def _fitting(image: Image.Image, longer: int) -> tuple[int, int]:
    """Width and height of an image once its longer side is as long; neither less than two."""
    scale = longer / max(image.size)
    return max(2, round(scale * image.width)), max(2, round(scale * image.height))
