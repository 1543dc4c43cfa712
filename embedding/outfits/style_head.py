"""The style head: two small towers on a garment's features, so that what goes together is near.

One tower takes what is there (a garment, its kind and the wanted kind), the other what could be added. The
vectors of both have norm 1; their inner product says how well the two go together. Several pairs of
towers, trained from different seeds, are averaged. NumPy alone, so that a query needs no training library.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from embedding.matmul import matmul

_SMALLEST_NORM = 1e-6


@dataclass(frozen=True, eq=False)
class StyleInputs:
    """What a style head is given of a garment: main directions of its embedding and of its colours.

    :param embedding_mean: float32 [dim].
    :param embedding_axes: float32 [dim, m], scaled so that inputs vary by about 1.
    :param colour_mean: float32 [bins].
    :param colour_axes: float32 [bins, c].
    """

    embedding_mean: np.ndarray
    embedding_axes: np.ndarray
    colour_mean: np.ndarray
    colour_axes: np.ndarray

    @classmethod
    def fit(
        cls, embeddings: np.ndarray, histograms: np.ndarray, *, of_embedding: int = 64, of_colour: int = 24
    ) -> StyleInputs:
        """Learns the main directions of some garments.

        :param embeddings: float32 [n, dim].
        :param histograms: float32 [n, bins], see `embedding.outfits.colours.histograms`.
        """
        return cls(*_main_directions(embeddings, of_embedding), *_main_directions(histograms, of_colour))

    def __call__(self, embeddings: np.ndarray, histograms: np.ndarray) -> np.ndarray:
        """Inputs of a style head: float32 [n, m + c]."""
        parts = (
            (embeddings - self.embedding_mean) @ self.embedding_axes,
            (histograms - self.colour_mean) @ self.colour_axes,
        )
        return np.concatenate(parts, axis=1).astype(np.float32)

    def of_coordinates(self, basis: np.ndarray | None) -> StyleInputs:
        """The same for coordinates of embeddings, see `embedding.outfits.looks.Unprojector`."""
        if basis is None:
            return self
        axes = basis @ self.embedding_axes
        # Fewer axes than coordinates: some coordinates lie where the mean does along every axis.
        mean = np.linalg.lstsq(axes.T, self.embedding_mean @ self.embedding_axes, rcond=None)[0]
        return replace(self, embedding_mean=mean, embedding_axes=axes)


@dataclass(frozen=True, eq=False)
class Tower:
    """Two layers; batch normalisation is folded into the first.

    :param hidden: float32 [inputs, hidden].
    :param hidden_bias: float32 [hidden].
    :param output: float32 [hidden, style].
    :param output_bias: float32 [style].
    """

    hidden: np.ndarray
    hidden_bias: np.ndarray
    output: np.ndarray
    output_bias: np.ndarray

    def __call__(self, inputs: np.ndarray) -> np.ndarray:
        """Style vectors, float32 [n, style], L2 norm 1, of float32 [n, inputs]."""
        active = np.maximum(matmul(inputs, self.hidden) + self.hidden_bias, 0)
        return unit(matmul(active, self.output) + self.output_bias)


@dataclass(frozen=True, eq=False)
class StyleHead:
    """Pairs of towers on a garment's features.

    :param kinds: the kinds of garment it knows, in code order.
    :param wanted: one tower a seed; its inputs are a garment's features, then its kind and the wanted kind,
        each one-hot.
    :param offered: one tower a seed; its inputs are a garment's features.
    """

    kinds: tuple[str, ...]
    wanted: tuple[Tower, ...]
    offered: tuple[Tower, ...]

    def offers(self, features: np.ndarray) -> np.ndarray:
        """What garments are as additions: float32 [n, style · seeds], of float32 [n, features]."""
        return np.concatenate([tower(features) for tower in self.offered], axis=1)

    def wants(self, features: np.ndarray, kinds: np.ndarray, wanted: np.ndarray | int) -> np.ndarray:
        """What garments want of a kind: float32 [n, style · seeds].

        :param features: float32 [n, features].
        :param kinds: int64 [n], the code of each garment's kind.
        :param wanted: the code of the kind that is wanted, of all or of each, int64 [n].
        """
        inputs = with_kinds(features, kinds, np.broadcast_to(wanted, kinds.shape), len(self.kinds))
        return np.concatenate([tower(inputs) for tower in self.wanted], axis=1)

    def scores(self, offers: np.ndarray, wants: np.ndarray) -> np.ndarray:
        """How well each addition goes with all garments there: float32 [n], from -1 to 1.

        :param offers: float32 [n, style · seeds], see `offers`.
        :param wants: float32 [garments, style · seeds], see `wants`.
        """
        mean = wants.mean(axis=0) / len(self.offered)
        scores: np.ndarray = np.einsum("ij,j->i", offers, mean)
        return scores


def with_kinds(features: np.ndarray, kinds: np.ndarray, wanted: np.ndarray, count: int) -> np.ndarray:
    """Features with each kind and the wanted kind, one-hot: float32 [n, features + 2 · count]."""
    one_hot = np.eye(count, dtype=np.float32)
    return np.concatenate([features, one_hot[kinds], one_hot[wanted]], axis=1)


def unit(vectors: np.ndarray) -> np.ndarray:
    """Vectors scaled to L2 norm 1, float32 [n, d]."""
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    scaled: np.ndarray = (vectors / np.maximum(norms, _SMALLEST_NORM)).astype(np.float32)
    return scaled


def _main_directions(values: np.ndarray, most: int) -> tuple[np.ndarray, np.ndarray]:
    mean = values.mean(axis=0)
    centred = values - mean
    if len(values) < values.shape[1]:
        # The small matrix of inner products has the same eigenvalues.
        variances, combinations = np.linalg.eigh((centred @ centred.T / len(values)).astype(np.float64))
        kept = max(1, min(most, int((variances > variances[-1] * 1e-6).sum())))
        axes = centred.T @ combinations[:, ::-1][:, :kept]
        axes /= np.maximum(np.linalg.norm(axes, axis=0), 1e-12)
    else:
        variances, directions = np.linalg.eigh((centred.T @ centred / len(values)).astype(np.float64))
        axes = directions[:, ::-1][:, :most]
    spread = float((centred @ axes).std(axis=0).mean()) or 1.0
    return mean.astype(np.float32), (axes / spread).astype(np.float32)
