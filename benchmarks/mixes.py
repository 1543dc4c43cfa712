"""Made vectors for large indexes: mixes of two real items of one type, plus noise."""

from __future__ import annotations

import numpy as np

NOISE = 0.25
"""Deviation of the noise in each dimension: that of the real vectors times this."""


class Mixer:
    """Makes as many vectors as wanted, the same for the same seed.

    :param vectors: float [n, dimensions], the real ones.
    :param types: [n], what kind of item each shows.
    """

    def __init__(self, vectors: np.ndarray, types: np.ndarray, seed: int = 20_261) -> None:
        self._vectors = np.asarray(vectors, np.float32)
        self._random = np.random.default_rng(seed)
        self._deviation = NOISE * self._vectors.std(axis=0)
        codes = np.unique(types, return_inverse=True)[1]
        self._order = np.argsort(codes, kind="stable")
        self._counts = np.bincount(codes)[codes]
        self._starts = np.searchsorted(codes[self._order], codes)

    def some(self, count: int) -> tuple[np.ndarray, np.ndarray]:
        """Made items: the row of each one's first parent, int64 [count], and the vectors, float32, norm 1."""
        firsts = self._random.integers(len(self._vectors), size=count)
        drawn = (self._random.random(count) * self._counts[firsts]).astype(np.int64)
        seconds = self._order[self._starts[firsts] + drawn]
        share = self._random.uniform(0.25, 0.75, (count, 1)).astype(np.float32)
        mixes = share * self._vectors[firsts] + (1 - share) * self._vectors[seconds]
        mixes += self._deviation * self._random.standard_normal(mixes.shape, np.float32)
        return firsts, mixes / np.linalg.norm(mixes, axis=1, keepdims=True)
