"""The projection: turns an encoder's vectors into the vectors that are compared.

The predictions of the encoder's heads are appended to a vector, see `RECOGNISED`. Then follows a PCA learnt
from the catalogue's own photos: it subtracts the mean and keeps the directions of largest variance, an eighth
of the encoder's dimensions, which makes a search eight times cheaper and no worse.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from embedding import bands, matmul
from embedding.bands import Band, CutOffs
from embedding.encoder import heads as recognition
from embedding.encoder.heads import Head
from storage.arrays import read_npz

MAX_DIMENSIONS = 256

MIN_IMAGES = 512
"""Fewer distinct photos than this are compared as the encoder gives them.

Two photos a dimension is where the main directions begin to be those of the catalogue and not of the sample.
"""

# No whitening: an encoder trained on garments varies most in what garments differ in, and
# whitening takes that away. Precision at 5 of article type and colour, both at once,
# on the validation split, with 34,986 photos: 0.404 without PCA, 0.409 with it, 0.396 half whitened, 0.390
# whitened; with fewer photos the loss is larger.

RECOGNISED = ("article_type", "category", "colour")
"""Attributes whose predicted probabilities are appended to the vectors, if the encoder has heads for them.

The square roots of two photos' probabilities have the Bhattacharyya coefficient of both for their inner
product: 1 where the heads are as sure of the same, 0 where they are sure of different values.
"""

RECOGNISED_LENGTH = 0.65
"""Length of an attribute's part where a head is wholly sure of each photo and the vector's length is 1.

It is shortened by how sure the head is of the catalogue: the mean sum of its squared probabilities. Heads are
sure of stores like those that they learnt from, and there they help most; of others they are not, and there
they would hide what the vectors know. Precision at 5 of `fashion` on the validation split, and on a store
that no training saw:

===================  =====  ======  =====  ======  =============  ======  =====
 appended             type  colour   both  street  unseen: type  colour   both
===================  =====  ======  =====  ======  =============  ======  =====
 nothing             0.814   0.613  0.501   0.757          0.679   0.726  0.490
 0.5 long            0.849   0.658  0.561   0.755          0.657   0.719  0.475
 0.65, shortened     0.858   0.652  0.561   0.757          0.667   0.729  0.485
===================  =====  ======  =====  ======  =============  ======  =====
"""

_LENGTH_BEFORE = 0.5
"""Length of every part in projections that say none."""

_EPSILON = 1e-12
_EXPLAINED = "explained"
_LENGTHS = "lengths"
_NO_VARIANCE = 1e-6


@dataclass(frozen=True)
class Projection:
    """Appends predictions to vectors, applies an affine map, and scales the result to norm 1.

    :ivar mean: float32 [inputs], taken away first.
    :ivar matrix: float32 [inputs, dimensions], or None where vectors stay as they are.
    :ivar heads: what recognises the attributes of `RECOGNISED`; `inputs` is the length of the encoder's
        vectors and the number of all their classes.
    :ivar lengths: of each head's part where the vector's length is 1.
    :ivar cut_offs: the encoder's, of the bands of likeness; None where there are none.
    :ivar learnt_explained: share of the variance of the vectors it was learnt from that it keeps, in [0, 1];
        None where that is unknown.
    """

    mean: np.ndarray
    matrix: np.ndarray | None
    heads: Mapping[str, Head] = field(default_factory=dict)
    lengths: tuple[float, ...] = ()
    cut_offs: CutOffs | None = None
    learnt_explained: float | None = None

    @property
    def dimensions(self) -> int:
        """Length of a projected vector."""
        return len(self.mean) if self.matrix is None else int(self.matrix.shape[1])

    @property
    def encoded(self) -> int:
        """Length of the encoder's vectors."""
        return len(self.mean) - sum(len(head.classes) for head in self.heads.values())

    @property
    def learnt(self) -> bool:
        """Whether it keeps main directions, the first the most telling; else vectors stay as they are."""
        return self.matrix is not None

    def apply(self, vectors: np.ndarray) -> np.ndarray:
        """Projects vectors.

        :param vectors: float [n, dim], as the encoder gives them, finite and not zero.
        :return: float32 [n, dimensions], L2 norm 1.
        """
        centred = self._inputs(vectors) - self.mean
        projected = centred if self.matrix is None else matmul.matmul(centred, self.matrix)
        norms = np.linalg.norm(projected, axis=1, keepdims=True)
        return projected / np.maximum(norms, _EPSILON)

    def explained(self, vectors: np.ndarray) -> float:
        """The share of vectors' variance around the mean that this projection keeps, in [0, 1].

        Vectors unlike those it was learnt from lie outside its directions, and lower it.

        :param vectors: as for `apply`, at least one.
        """
        if self.matrix is None:
            return 1.0
        centred = self._inputs(vectors) - self.mean
        kept = np.square(matmul.matmul(centred, self.matrix), dtype=np.float64).sum()
        return float(kept / max(np.square(centred, dtype=np.float64).sum(), _EPSILON))

    def _inputs(self, vectors: np.ndarray) -> np.ndarray:
        return _with_recognised(np.asarray(vectors, np.float32), self.heads, self.lengths)

    def band(self, cosine: float) -> Band | None:
        """How alike two photos of this cosine are; None where not alike, or the encoder has no cut-offs."""
        if self.cut_offs is None:
            return None
        return bands.band_of(cosine, self.cut_offs.projected if self.learnt else self.cut_offs.encoded)

    def save(self, file: Path) -> None:
        """Writes the projection; equal projections give equal bytes."""
        matrix = np.empty((0, 0), np.float32) if self.matrix is None else self.matrix
        with file.open("wb") as stream:
            arrays: dict[str, np.ndarray] = {"mean": self.mean, "matrix": matrix}
            if self.learnt_explained is not None:
                arrays[_EXPLAINED] = np.array(self.learnt_explained)
            if self.heads:
                arrays[_LENGTHS] = np.array(self.lengths)
            stored = arrays | recognition.to_arrays(self.heads) | bands.to_arrays(self.cut_offs)
            np.savez(stream, allow_pickle=False, **stored)

    @classmethod
    def load(cls, file: Path) -> Projection:
        """Reads a projection.

        :raises ValueError: the file holds none.
        """
        try:
            arrays = read_npz(file)
            heads, cut_offs = recognition.pop_heads(arrays), bands.pop_cut_offs(arrays)
            mean, matrix = arrays["mean"], arrays["matrix"]
            explained = float(arrays[_EXPLAINED]) if _EXPLAINED in arrays else None
            lengths = arrays.get(_LENGTHS, np.full(len(heads), _LENGTH_BEFORE))
            _require_fitting(mean, matrix, heads, lengths)
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"no projection: {error}") from error
        return cls(mean, matrix if matrix.size else None, heads, tuple(lengths.tolist()), cut_offs, explained)


def _require_fitting(
    mean: np.ndarray, matrix: np.ndarray, heads: Mapping[str, Head], lengths: np.ndarray
) -> None:
    """Checks that the arrays' types and shapes fit together.

    :raises ValueError: their types or shapes do not fit.
    """
    classes = sum(len(head.classes) for head in heads.values())
    fitting = (
        mean.ndim == 1
        and mean.dtype == matrix.dtype == np.float32
        and (not matrix.size or (matrix.ndim == 2 and len(matrix) == len(mean)))
        and all(len(head.kernel) == len(mean) - classes for head in heads.values())
        and lengths.shape == (len(heads),)
        and lengths.dtype == np.float64
        and all(np.isfinite(array).all() for array in (mean, matrix, lengths))
    )
    if not fitting:
        raise ValueError(f"shapes {mean.shape} and {matrix.shape} do not fit {classes} classes")


def compared_heads(heads: Mapping[str, Head]) -> dict[str, Head]:
    """Selects the heads whose probabilities are compared, in the order of `RECOGNISED`."""
    return {name: heads[name] for name in RECOGNISED if name in heads}


def fit(
    blocks: Callable[[], Iterable[np.ndarray]],
    inputs: int,
    *,
    heads: Mapping[str, Head] | None = None,
    cut_offs: CutOffs | None = None,
    max_dimensions: int = MAX_DIMENSIONS,
    min_images: int = MIN_IMAGES,
) -> Projection:
    """Learns a projection from a catalogue's vectors, a block at a time.

    :param blocks: called once; gives float32 [m, inputs] blocks of unit vectors, the same in the same order
        for the same catalogue.
    :param inputs: length of the vectors.
    :param heads: the encoder's, by attribute; `compared` says which are used.
    :param cut_offs: the encoder's.
    :param max_dimensions: most dimensions kept.
    :param min_images: with fewer vectors the projection leaves them as they are, with nothing beside them.
    """
    used = compared_heads(heads or {})
    widths = [len(head.classes) for head in used.values()]
    moments, fourth_powers = Moments(inputs + sum(widths)), np.zeros(sum(widths))
    for block in blocks():
        beside = _with_recognised(block, used, [1.0] * len(used))
        moments.add(beside)
        fourth_powers += np.power(beside[:, inputs:], 4).sum(axis=0, dtype=np.float64)
    if moments.count < min_images:
        return Projection(np.zeros(inputs, np.float32), None, cut_offs=cut_offs)
    sure = [
        float(fourth_powers[end - width : end].sum()) / moments.count
        for width, end in zip(widths, np.cumsum(widths), strict=True)
    ]
    lengths = tuple(RECOGNISED_LENGTH * share for share in sure)
    moments.scale(np.concatenate([np.ones(inputs), np.repeat(lengths, widths)]))
    variances, directions = moments.principal(max_dimensions)
    explained = float(variances.sum() / max(moments.variance, _EPSILON))
    return Projection(
        moments.mean.astype(np.float32),
        directions.astype(np.float32),
        used,
        lengths,
        cut_offs,
        explained,
    )


def _with_recognised(vectors: np.ndarray, heads: Mapping[str, Head], lengths: Sequence[float]) -> np.ndarray:
    if not heads:
        return vectors
    roots = [
        length * np.sqrt(head.probabilities(vectors))
        for head, length in zip(heads.values(), lengths, strict=True)
    ]
    return np.concatenate([vectors, *roots], axis=1, dtype=np.float32)


class Moments:
    """Accumulates mean and covariance of vectors, a block at a time, in constant memory."""

    def __init__(self, inputs: int) -> None:
        self.count = 0
        self._total = np.zeros(inputs, np.float64)
        self._squares = np.zeros(inputs, np.float64)
        self._products: np.ndarray | None = None
        self._few: list[np.ndarray] = []

    @property
    def mean(self) -> np.ndarray:
        """float64 [inputs]."""
        return self._total / max(1, self.count)

    @property
    def variance(self) -> float:
        """In all directions together."""
        return float(self._squares.sum()) / max(1, self.count) - float(self.mean @ self.mean)

    def add(self, block: np.ndarray) -> None:
        """Adds float32 [m, inputs]."""
        self.count += len(block)
        self._total += block.sum(axis=0, dtype=np.float64)
        self._squares += np.square(block, dtype=np.float64).sum(axis=0)
        self._few.append(block)
        if self.count > len(self._total):
            if self._products is None:
                self._products = np.zeros((len(self._total),) * 2, np.float64)
            for waiting in self._few:
                self._products += waiting.T @ waiting
            self._few.clear()

    def scale(self, by: np.ndarray) -> None:
        """Makes the moments those of inputs that were multiplied before: float [inputs]."""
        self._total *= by
        self._squares *= by**2
        self._few = [block * by for block in self._few]
        if self._products is not None:
            self._products *= np.outer(by, by)

    def principal(self, most: int) -> tuple[np.ndarray, np.ndarray]:
        """The principal directions, at most `most`: variances [d], descending, and directions [inputs, d].

        Directions of negligible variance are left out.
        """
        if self._products is None:
            # Fewer vectors than inputs: the small matrix of their inner products has the same eigenvalues.
            centred = np.concatenate(self._few) - self.mean
            variances, combinations = np.linalg.eigh(centred @ centred.T / self.count)
        else:
            variances, combinations = np.linalg.eigh(
                self._products / self.count - np.outer(self.mean, self.mean)
            )
        kept = max(1, min(most, int(np.sum(variances > variances[-1] * _NO_VARIANCE))))
        variances, combinations = variances[: -kept - 1 : -1], combinations[:, : -kept - 1 : -1]
        if self._products is None:
            combinations = centred.T @ combinations / np.sqrt(variances * self.count)
        # LAPACK may give a direction either sign; the largest entry is made positive so that builds repeat.
        largest = np.abs(combinations).argmax(axis=0)
        return variances, combinations * np.sign(combinations[largest, np.arange(len(variances))])
