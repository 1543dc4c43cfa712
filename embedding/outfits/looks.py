"""What can be told of garments for combining them: kind, attributes, colours, and a style head's inputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from embedding.encoder.heads import Head
from embedding.index.projection import RECOGNISED_WEIGHT, Projection
from embedding.outfits.kinds import UNKNOWN, kinds_of_classes

ATTRIBUTES = ("gender", "usage", "season")
"""Attributes that garments of an outfit agree in, as far as the encoder has heads for them."""

_KIND_HEADS = ("article_type", "category")
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

    :param embeddings: float32 [n, dim], the encoder's, L2 norm 1.
    :param vectors: float [n, dimensions], projected.
    :param mains: float32 [n, 3], main colours in CIELAB.
    :param stated: int64 [n], kinds that stores state, or `UNKNOWN`; None where no store says anything.
    """
    seen = kinds_seen(embeddings, heads)
    attributes = {
        name: np.sqrt(heads[name].probabilities(embeddings)).astype(np.float32)
        for name in ATTRIBUTES
        if name in heads
    }
    classes = {name: heads[name].classes for name in attributes}
    kinds = seen if stated is None else np.where(stated == UNKNOWN, seen, stated)
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


def embeddings_of(projection: Projection, vectors: np.ndarray, dim: int) -> np.ndarray:
    """The encoder's vectors as well as projected ones tell them.

    A projection keeps the main directions; its scaling to norm 1 is undone by what is known of its inputs:
    the encoder's part has norm 1, and each recognised attribute's `RECOGNISED_WEIGHT`.

    :param vectors: float [n, dimensions], projected.
    :param dim: length of the encoder's vectors.
    :return: float32 [n, dim], L2 norm 1.
    """
    directions = np.asarray(vectors, np.float32)
    if projection.matrix is not None:
        # Its columns are at right angles to each other, so that this is the pseudo-inverse.
        squares = np.maximum((projection.matrix**2).sum(axis=0), 1e-12)
        directions = (directions / squares) @ projection.matrix.T
    target = 1 + len(projection.heads) * RECOGNISED_WEIGHT**2
    square = (directions**2).sum(axis=1)
    along = directions @ projection.mean
    rest = float(projection.mean @ projection.mean) - target
    lengths = (-along + np.sqrt(np.maximum(along**2 - square * rest, 0))) / np.maximum(square, 1e-12)
    inputs = projection.mean[:dim] + lengths[:, None] * directions[:, :dim]
    norms = np.linalg.norm(inputs, axis=1, keepdims=True)
    found: np.ndarray = (inputs / np.maximum(norms, 1e-12)).astype(np.float32)
    return found
