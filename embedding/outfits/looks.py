"""What is known of garments for combining them: kind, attributes, colours, and a style head's inputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from embedding.encoder.heads import Head
from embedding.index.projection import Projection
from embedding.outfits.kinds import UNKNOWN, kinds_of_classes

ATTRIBUTES = ("gender", "usage", "season")
"""Attributes that garments of an outfit agree in, as far as the encoder has heads for them."""

_KIND_HEADS = ("article_type", "category")
_SMALLEST = 1e-12
_SUREST = 0.25  # share of the probability that has to be on one kind


@dataclass(frozen=True, eq=False)
class Looks:
    """Garments, a row each.

    :ivar kinds: int64 [n], codes of `embedding.outfits.kinds.KINDS`, or `UNKNOWN`.
    :ivar vectors: float16 or float32 [n, dimensions], projected, L2 norm 1.
    :ivar attributes: by name, float32 [n, classes], square roots of probabilities.
    :ivar colours: float32 [n, 3], the main colour in CIELAB.
    :ivar classes: by attribute, its values.
    """

    kinds: np.ndarray
    vectors: np.ndarray
    attributes: Mapping[str, np.ndarray]
    colours: np.ndarray
    classes: Mapping[str, tuple[str, ...]]

    def __len__(self) -> int:
        return len(self.kinds)

    def take(self, rows: np.ndarray) -> Looks:
        """Some of the garments, by int64 [m]."""
        attributes = {name: values[rows] for name, values in self.attributes.items()}
        return Looks(self.kinds[rows], self.vectors[rows], attributes, self.colours[rows], self.classes)

    @classmethod
    def joined(cls, parts: Sequence[Looks]) -> Looks:
        """Garments of several parts, one after the other."""
        return cls(
            np.concatenate([part.kinds for part in parts]),
            np.concatenate([part.vectors for part in parts]),
            {name: np.concatenate([part.attributes[name] for part in parts]) for name in parts[0].attributes},
            np.concatenate([part.colours for part in parts]),
            parts[0].classes,
        )


def looks_of(
    embeddings: np.ndarray,
    vectors: np.ndarray,
    mains: np.ndarray,
    heads: Mapping[str, Head],
    stated: np.ndarray | None = None,
) -> Looks:
    """Garments as the heads see them.

    :param embeddings: float32 [n, dim], what the heads take: the encoder's, or their coordinates.
    :param vectors: float [n, dimensions], projected.
    :param mains: float32 [n, 3], main colours in CIELAB.
    :param stated: int64 [n], kinds that stores state, or `UNKNOWN`; None where no store says anything.
    """
    predicted = kinds_seen(embeddings, heads)
    attributes = {
        name: np.sqrt(heads[name].probabilities(embeddings)).astype(np.float32)
        for name in ATTRIBUTES
        if name in heads
    }
    classes = {name: heads[name].classes for name in attributes}
    kinds = predicted if stated is None else np.where(stated == UNKNOWN, predicted, stated)
    return Looks(kinds, vectors, attributes, mains, classes)


def kinds_seen(embeddings: np.ndarray, heads: Mapping[str, Head]) -> np.ndarray:
    """The kind that the heads see, int64 [n]; `UNKNOWN` where none is likely."""
    for name in _KIND_HEADS:
        if name in heads:
            probabilities = heads[name].probabilities(embeddings)
            kinds = kinds_of_classes(heads[name].classes)
            codes = np.unique(kinds)
            shares = np.stack([probabilities[:, kinds == code].sum(axis=1) for code in codes], axis=1)
            return np.where(shares.max(axis=1) >= _SUREST, codes[shares.argmax(axis=1)], UNKNOWN)
    return np.full(len(embeddings), UNKNOWN)


class Unprojector:
    """Recovers the encoder's vectors from projected ones, approximately.

    A projection keeps the main directions; its scaling to norm 1 is undone by what is known of its inputs:
    the encoder's part has norm 1, and each recognised attribute's its length. All is linear but for
    two lengths, so that few coordinates in a basis give a vector. What is linear in the encoder's vectors,
    such as a head, takes the coordinates: with 256 of 2,048 dimensions in a sixth of the time.

    :ivar basis: float32 [coordinates, dim]; None where nothing is projected, and coordinates are the vectors.

    :param dim: length of the encoder's vectors.
    """

    def __init__(self, projection: Projection, dim: int) -> None:
        self._mean, self._dim = projection.mean, dim
        self._rest = float(self._mean @ self._mean) - 1 - sum(length**2 for length in projection.lengths)
        self.basis: np.ndarray | None = None
        if projection.matrix is not None:
            # Its columns are at right angles to each other, so that this is the pseudo-inverse.
            inverse = (projection.matrix / np.maximum((projection.matrix**2).sum(axis=0), _SMALLEST)).T
            self._along, self._squares = inverse @ self._mean, inverse @ inverse.T
            self.basis = np.concatenate([self._mean[None, :dim], inverse[:, :dim]])
            self._norms = self.basis @ self.basis.T

    def coordinates(self, vectors: np.ndarray) -> np.ndarray:
        """Coordinates of the encoder's vectors: float32 [n, coordinates], of float [n, dimensions]."""
        projected = np.asarray(vectors, np.float32)
        if self.basis is None:
            lengths = self._lengths((projected**2).sum(axis=1), projected @ self._mean)
            inputs = self._mean[: self._dim] + lengths * projected[:, : self._dim]
            return _unit(inputs, (inputs**2).sum(axis=1))
        lengths = self._lengths(_forms(projected, self._squares), projected @ self._along)
        found = np.concatenate([np.ones((len(projected), 1), np.float32), lengths * projected], axis=1)
        return _unit(found, _forms(found, self._norms))

    def vectors(self, coordinates: np.ndarray) -> np.ndarray:
        """The encoder's vectors, float32 [n, dim], L2 norm 1."""
        return coordinates if self.basis is None else coordinates @ self.basis

    def of_coordinates(self, heads: Mapping[str, Head]) -> dict[str, Head]:
        """Heads that take coordinates in place of the encoder's vectors."""
        if self.basis is None:
            return dict(heads)
        return {name: replace(head, kernel=self.basis @ head.kernel) for name, head in heads.items()}

    def _lengths(self, squares: np.ndarray, along: np.ndarray) -> np.ndarray:
        """How long directions are whose inputs have the norm that is known, float32 [n, 1]."""
        roots = np.sqrt(np.maximum(along**2 - squares * self._rest, 0))
        lengths: np.ndarray = ((roots - along) / np.maximum(squares, _SMALLEST))[:, None].astype(np.float32)
        return lengths


def _forms(vectors: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Of each vector x the quadratic form x·M·x, float32 [n]."""
    forms: np.ndarray = ((vectors @ matrix) * vectors).sum(axis=1)
    return forms


def _unit(vectors: np.ndarray, squares: np.ndarray) -> np.ndarray:
    scaled: np.ndarray = vectors / np.sqrt(np.maximum(squares, _SMALLEST))[:, None]
    return scaled.astype(np.float32)
