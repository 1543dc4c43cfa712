"""Bands of likeness: what the cosine of two photos says in words.

A cosine means something else with every encoder. So the least cosine of each band is measured on labelled
photos that the encoder was not trained on (`benchmarks/bands.py`) and stored with its weights.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

_KEY = "cut_offs"


class Band(StrEnum):
    """How alike two photos are, the most alike first."""

    NEARLY_THE_SAME = "nearly the same"
    VERY_ALIKE = "very alike"
    ALIKE = "alike"


@dataclass(frozen=True)
class CutOffs:
    """The least cosine of each band, in the order of `Band`.

    :ivar encoded: of vectors as the encoder gives them, which small catalogues are searched in.
    :ivar projected: of vectors projected, see `embedding.index.projection`.
    :raises ValueError: they are not one a band, in descending order, from -1 to 1.
    """

    encoded: tuple[float, ...]
    projected: tuple[float, ...]

    def __post_init__(self) -> None:
        for cosines in (self.encoded, self.projected):
            fitting = len(cosines) == len(Band) and list(cosines) == sorted(cosines, reverse=True)
            if not fitting or not all(-1 <= cosine <= 1 for cosine in cosines):
                raise ValueError(f"the cut-offs {cosines} are not {len(Band)} descending cosines")


def band_of(cosine: float, cut_offs: tuple[float, ...]) -> Band | None:
    """The band of a cosine; None below the least.

    :param cut_offs: one of the tuples of `CutOffs`.
    """
    return next((band for band, least in zip(Band, cut_offs, strict=True) if cosine >= least), None)


def to_arrays(cut_offs: CutOffs | None) -> dict[str, np.ndarray]:
    """Cut-offs as arrays for an `.npz`: `cut_offs`, float32 [2, bands]; none for None."""
    if cut_offs is None:
        return {}
    return {_KEY: np.array([cut_offs.encoded, cut_offs.projected], np.float32)}


def pop_cut_offs(arrays: dict[str, np.ndarray]) -> CutOffs | None:
    """Removes the cut-offs from the arrays of an `.npz`, and returns them; None where there are none.

    :raises ValueError: they are no cut-offs.
    """
    if (stored := arrays.pop(_KEY, None)) is None:
        return None
    if stored.shape != (2, len(Band)) or stored.dtype != np.float32:
        raise ValueError(f"the cut-offs have the shape {stored.shape} and type {stored.dtype}")
    encoded, projected = (tuple(row) for row in stored.tolist())
    return CutOffs(encoded, projected)
