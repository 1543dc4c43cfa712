"""The projection: turns an encoder's vectors into the vectors that are compared.

The predictions of the encoder's heads are appended to a vector, see `RECOGNISED`. Then follows a PCA learnt
from the catalogue's own photos: it subtracts the mean and keeps the directions of largest variance, an eighth
of the encoder's dimensions, which makes a search eight times cheaper and no worse.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
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
product: 1 where the heads are as sure of the same, 0 where they are sure of different values. Precision at 5
on the validation split, and how often an altered photo (cropped; on another background) finds its original
first, or within 0.001 of the first:

==================  =====  ======  =====  ======  =======  =======
 appended            type  colour   both  street  cropped  backgr.
==================  =====  ======  =====  ======  =======  =======
 nothing            0.755   0.600  0.460   0.635    0.831   0.292
 these, weight 0.5  0.781   0.616  0.490   0.638    0.812   0.263
 these, weight 0.6  0.784   0.618  0.492   0.636    0.798   0.259
 all heads, 0.5     0.773   0.614  0.480   0.635    0.802   0.278
==================  =====  ======  =====  ======  =======  =======
"""

RECOGNISED_WEIGHT = 0.5
"""Length of an attribute's part where the vector's is 1."""

_EPSILON = 1e-12
_EXPLAINED = "explained"
_NO_VARIANCE = 1e-6


@dataclass(frozen=True)
class Projection:
    """Appends predictions to vectors, applies an affine map, and scales the result to norm 1.

    :ivar mean: float32 [inputs], taken away first.
    :ivar matrix: float32 [inputs, dimensions], or None where vectors stay as they are.
    :ivar heads: what recognises the attributes of `RECOGNISED`; `inputs` is the length of the encoder's
        vectors and the number of all their classes.
    :ivar cut_offs: the encoder's, of the bands of likeness; None where there are none.
    :ivar learnt_explained: share of the variance of the vectors it was learnt from that it keeps, in [0, 1];
        None where that is unknown.
    """

    mean: np.ndarray
    matrix: np.ndarray | None
    heads: Mapping[str, Head] = field(default_factory=dict)
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
        centred = _with_recognised(np.asarray(vectors, np.float32), self.heads) - self.mean
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
        centred = _with_recognised(np.asarray(vectors, np.float32), self.heads) - self.mean
        kept = np.square(matmul.matmul(centred, self.matrix), dtype=np.float64).sum()
        return float(kept / max(np.square(centred, dtype=np.float64).sum(), _EPSILON))

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
            _require_fitting(mean, matrix, heads)
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"no projection: {error}") from error
        return cls(mean, matrix if matrix.size else None, heads, cut_offs, explained)


def _require_fitting(mean: np.ndarray, matrix: np.ndarray, heads: Mapping[str, Head]) -> None:
    """Checks that the arrays' types and shapes fit together.

    :raises ValueError: their types or shapes do not fit.
    """
    classes = sum(len(head.classes) for head in heads.values())
    fitting = (
        mean.ndim == 1
        and mean.dtype == matrix.dtype == np.float32
        and (not matrix.size or (matrix.ndim == 2 and len(matrix) == len(mean)))
        and all(len(head.kernel) == len(mean) - classes for head in heads.values())
        and all(np.isfinite(array).all() for array in (mean, matrix))
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
    width = inputs + sum(len(head.classes) for head in used.values())
    moments = Moments(width)
    for block in blocks():
        moments.add(_with_recognised(block, used))
    if moments.count < min_images:
        return Projection(np.zeros(inputs, np.float32), None, cut_offs=cut_offs)
    variances, directions = moments.principal(max_dimensions)
    explained = float(variances.sum() / max(moments.variance, _EPSILON))
    return Projection(
        moments.mean.astype(np.float32), directions.astype(np.float32), used, cut_offs, explained
    )


def _with_recognised(vectors: np.ndarray, heads: Mapping[str, Head]) -> np.ndarray:
    if not heads:
        return vectors
    roots = [RECOGNISED_WEIGHT * np.sqrt(head.probabilities(vectors)) for head in heads.values()]
    return np.concatenate([vectors, *roots], axis=1, dtype=np.float32)


class Moments:
    """Accumulates mean and covariance of vectors, a block at a time, in constant memory."""

    def __init__(self, inputs: int) -> None:
        self.count = 0
        self._total = np.zeros(inputs, np.float64)
        self._squares = 0.0
        self._products: np.ndarray | None = None
        self._few: list[np.ndarray] = []

    @property
    def mean(self) -> np.ndarray:
        """float64 [inputs]."""
        return self._total / max(1, self.count)

    @property
    def variance(self) -> float:
        """In all directions together."""
        return self._squares / max(1, self.count) - float(self.mean @ self.mean)

    def add(self, block: np.ndarray) -> None:
        """Adds float32 [m, inputs]."""
        self.count += len(block)
        self._total += block.sum(axis=0, dtype=np.float64)
        self._squares += float(np.square(block, dtype=np.float64).sum())
        self._few.append(block)
        if self.count > len(self._total):
            if self._products is None:
                self._products = np.zeros((len(self._total),) * 2, np.float64)
            for waiting in self._few:
                self._products += waiting.T @ waiting
            self._few.clear()

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
