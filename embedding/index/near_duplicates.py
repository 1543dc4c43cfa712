"""Finds near-duplicates: photos with the same bytes, or the same picture saved in another size or format.

Three tests, the cheapest first. Their limits were chosen on the real catalogue, and on 150 of its photos (40
for the cosine) saved again at half and twice the size, as poorer JPEG and as WebP, with the `fashion`
encoder:

=================  =========================  =========================================================
 test               of a photo saved again     of two photos of 7,659
=================  =========================  =========================================================
 perceptual hash    at most 2 bits apart       2,288 pairs are as near
 cosine             99 % at least 0.84         some 600 of these are as near: eyewear, plain tees, belts
 worst cell         at most 16 of 255 apart    78 of these are as near, nearly all of the same bytes
=================  =========================  =========================================================

The photos are small: at half of 168 × 224 px they lack what the encoder looks at, and the cosine falls
furthest, to 0.90 for one in ten. So hash and cosine find the candidates and the pixels decide.
"""

from __future__ import annotations

import io
import itertools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from PIL import Image

from embedding.index.vectors import widen

MOST_BITS = 2
"""Bits of 64 in which the perceptual hashes may differ."""

LEAST_COSINE = 0.84
"""Cosine similarity in the projected space, at least."""

MOST_IN_A_CELL = 20
"""Levels of 255 that the mean of a colour may differ by in any of 16 × 16 cells."""

_BANDS = 4
"""Two bits differ in at most two of four bands: two bands, half of all bits, are equal."""

_WINDOW = 32
"""Hashes that each is compared with, of those that agree in the same two bands, sorted.

It keeps the work in proportion to the photos. Only where more agree than that, on an empty photo for example,
is a pair missed.
"""

_CELLS = 16
_BLOCK = 4096
_THREADS = 2


def find_near_duplicates(
    hashes: np.ndarray, vectors: np.ndarray, rows: np.ndarray, jpeg: Callable[[int], bytes]
) -> np.ndarray:
    """Finds the pairs of distinct photos that show the same picture.

    :param hashes: uint64 [n], perceptual hashes; 0 where there is none.
    :param vectors: float16 [rows, dimensions], L2 norm 1, projected.
    :param rows: int64 [n], where each photo's vector is.
    :param jpeg: a photo's thumbnail, by its number.
    :return: int64 [pairs, 2], the smaller number first, sorted.
    """
    pairs = _near_hashes(hashes)
    near = [
        np.einsum("ij,ij->i", *(widen(vectors[rows[side]]) for side in pairs[at : at + _BLOCK].T))
        >= LEAST_COSINE
        for at in range(0, len(pairs), _BLOCK)
    ]
    pairs = pairs[np.concatenate(near)] if near else pairs
    photos, places = np.unique(pairs, return_inverse=True)
    with ThreadPoolExecutor(max_workers=_THREADS) as pool:
        means = list(pool.map(lambda photo: _cells(jpeg(int(photo))), photos))
    same = [
        np.abs(means[a].astype(np.int16) - means[b]).max() <= MOST_IN_A_CELL for a, b in places.reshape(-1, 2)
    ]
    return pairs[np.array(same, bool)]


def _near_hashes(hashes: np.ndarray) -> np.ndarray:
    """Finds pairs whose hashes differ in few bits: int64 [pairs, 2], sorted, each once."""
    known = np.flatnonzero(hashes)
    edges = [64 * band // _BANDS for band in range(_BANDS + 1)]
    bands = [np.uint64((1 << end) - (1 << start)) for start, end in itertools.pairwise(edges)]
    found = [np.empty(0, np.int64)]
    earlier: list[np.uint64] = []
    for one, other in itertools.combinations(bands, 2):
        key = hashes[known] & (one | other)
        order = np.lexsort((hashes[known], key))  # equal hashes lie side by side
        photos, key = known[order], key[order]
        for step in range(1, min(_WINDOW, len(photos))):
            together = np.flatnonzero(key[step:] == key[:-step])
            if not len(together):
                break
            a, b = photos[together], photos[together + step]
            differ = hashes[a] ^ hashes[b]
            near = np.bitwise_count(differ) <= MOST_BITS
            for bits in earlier:  # a pair that agreed in two other bands was found there
                near &= (differ & bits) != 0
            found.append((np.minimum(a, b) * len(hashes) + np.maximum(a, b))[near])
        earlier.append(one | other)
    return np.stack(np.divmod(np.sort(np.concatenate(found)), max(1, len(hashes))), axis=1)


def _cells(jpeg: bytes) -> np.ndarray:
    """Means of the colours in a grid over the photo: uint8 [16, 16, 3]."""
    image = Image.open(io.BytesIO(jpeg)).convert("RGB")
    return np.asarray(image.resize((_CELLS, _CELLS), Image.Resampling.BOX))
