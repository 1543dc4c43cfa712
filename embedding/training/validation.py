"""Validates a network in training on held-out photos."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass

import keras
import numpy as np

from embedding.encoder.preprocess import pixels_of
from embedding.exact import nearest
from embedding.training.datasets import ABSENT, LabelledPhotos
from embedding.training.network import EMBEDDING, Network
from embedding.training.retrieval_metrics import PRECISION_AT, precision

BETA = 2.0
THRESHOLD = 0.2
"""F-beta as fast.ai's multi-label lessons and the papers after them take it."""

_BATCH = 64


@dataclass(frozen=True)
class AttributeFigures:
    """Figures of one attribute.

    :param photos: that have the attribute.
    :param precision_at_5: mean share of the five nearest of the same photos, by cosine, that carry the value;
        None where a photo can have several values, or there are too few photos.
    :param accuracy: share of photos whose likeliest value is right; where a photo can have several, and in
        `cell_accuracy`, share of (photo, value) cells predicted correctly at a threshold of one half.
    :param f_beta: F-beta, beta 2, of the values with a probability of at least 0.2, a photo, in the mean.
    """

    photos: int
    precision_at_5: float | None
    accuracy: float
    cell_accuracy: float
    f_beta: float


def attribute_figures(
    codes: np.ndarray, probabilities: np.ndarray, vectors: np.ndarray | None = None
) -> AttributeFigures | None:
    """Measures one attribute; None where no photo has it.

    :param codes: see `LabelledPhotos.codes`.
    :param probabilities: float32 [n, classes].
    :param vectors: float32 [n, dim], L2 norm 1.
    """
    single = codes.ndim == 1
    known = codes != ABSENT if single else codes[:, 0] != ABSENT
    if not known.any():
        return None
    likely = probabilities[known]
    right = np.zeros(likely.shape, bool)
    if single:
        right[np.arange(len(likely)), codes[known]] = True
    else:
        right = codes[known] == 1
    cells = float(((likely >= 0.5) == right).mean())
    top = float(right[np.arange(len(likely)), likely.argmax(axis=1)].mean()) if single else cells
    found = None
    if single and vectors is not None and known.sum() > PRECISION_AT:
        own = [np.array([row]) for row in range(len(likely))]
        rows = nearest(vectors[known], vectors[known], PRECISION_AT, excluded=own)
        found = precision(codes[known], codes[known][rows])
    return AttributeFigures(len(likely), found, top, cells, _f_beta(right, likely >= THRESHOLD))


class Validation:
    """Figures of a network on held-out photos.

    :param photos: none of which is trained on.
    """

    def __init__(self, network: Network, photos: LabelledPhotos) -> None:
        self._network, self._photos = network, photos
        model = network.model
        outputs = {name: model.output[name] for name in network.heads.values()}
        self._looks = keras.Model(model.input, outputs | {EMBEDDING: model.get_layer(EMBEDDING).output})

    def figures(
        self, size: int, on_progress: Callable[[int, int], None] = lambda _done, _total: None
    ) -> dict[str, dict]:
        """By label, its `AttributeFigures` as a dictionary.

        :param size: side of the input, px.
        :param on_progress: called with photos done and in all.
        """
        outputs: dict[str, list[np.ndarray]] = {}
        for first in range(0, len(self._photos), _BATCH):
            rows = range(first, min(first + _BATCH, len(self._photos)))
            pixels = np.stack([pixels_of(self._photos.image(row), size) for row in rows])
            for name, values in self._looks.predict_on_batch(pixels).items():
                outputs.setdefault(name, []).append(np.asarray(values, np.float32))
            on_progress(rows.stop, len(self._photos))
        found = {name: np.concatenate(values) for name, values in outputs.items()}
        vectors = found[EMBEDDING]
        figures = {}
        for label, name in self._network.heads.items():
            codes = self._photos.codes[label]
            of = attribute_figures(codes, self._network.probabilities(label, found[name]), vectors)
            if of is not None:
                figures[label] = asdict(of)
        return figures


def _f_beta(right: np.ndarray, predicted: np.ndarray) -> float:
    hits = (right & predicted).sum(axis=1)
    rows = (1 + BETA**2) * hits / np.maximum(BETA**2 * right.sum(axis=1) + predicted.sum(axis=1), 1e-9)
    return float(rows.mean())
