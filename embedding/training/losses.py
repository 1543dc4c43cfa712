"""Heads and losses that shape the embedding space.

Every loss takes codes, `ABSENT` where a row lacks the label, and what a head gives: cosines between embedding
and class directions for the losses with classes, the embedding itself for those between pairs of a batch.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from embedding.training.datasets import ABSENT
from embedding.training.recipe import MetricLoss

SCALE = 8.0
"""Inverse temperature of the softmax over cosines: small, so that only tight classes bring the loss down."""

_SUB_CENTRES = 3
_MARGIN = 0.1  # rad
_EPSILON = 1e-4


@keras.saving.register_keras_serializable("lookalike")
class CosineHead(keras.layers.Layer):
    """Cosines between embedding and class directions, in the geometry of search.

    Zhai and Wu, "Classification is a Strong Baseline for Deep Metric Learning" (2019); with several centres a
    class, the nearest counts: Deng et al., "Sub-center ArcFace" (2020).

    :param classes: number of classes.
    :param centres: directions a class.
    """

    def __init__(self, classes: int, centres: int = 1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.classes, self.centres = classes, centres

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        self.kernel = self.add_weight(
            shape=(input_shape[-1], self.classes * self.centres), initializer="glorot_uniform", name="kernel"
        )

    def call(self, embedding: Any) -> Any:
        cosines = ops.matmul(embedding, ops.normalize(self.kernel, axis=0))
        return ops.max(ops.reshape(cosines, (-1, self.classes, self.centres)), axis=-1)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"classes": self.classes, "centres": self.centres}


class _WithCodes(keras.losses.Loss):
    """A weighted mean over the rows that have the label.

    :param counts: weights of the classes, float [classes]; None is 1 for all.
    """

    def __init__(self, classes: int, counts: np.ndarray | None = None, **kwargs: Any) -> None:
        super().__init__(reduction="sum", **kwargs)
        self.classes = classes
        self.counts = np.ones(classes, np.float32) if counts is None else counts.astype(np.float32)

    def call(self, codes: Any, found: Any) -> Any:
        found = ops.cast(found, "float32")
        codes = ops.cast(codes, "int32")
        if len(codes.shape) == 2 and codes.shape[1] == 1:
            codes = ops.reshape(codes, (-1,))
        known = ops.cast(ops.not_equal(codes, ABSENT), "float32")
        counted = known * ops.take(ops.convert_to_tensor(self.counts), ops.maximum(codes, 0))
        return self.of_rows(codes, found, known) * counted / ops.maximum(ops.sum(known), 1.0)

    def of_rows(self, codes: Any, found: Any, known: Any) -> Any:
        """The loss of every row, float32 [n]; rows without the label are ignored."""
        raise AssertionError("each loss has its own")

    def one_hot(self, codes: Any) -> Any:
        """float32 [n, classes]."""
        return ops.one_hot(ops.maximum(codes, 0), self.classes, dtype="float32")


class Softmax(_WithCodes):
    """Cross-entropy with label smoothing over scaled cosines."""

    def __init__(
        self,
        classes: int,
        counts: np.ndarray | None = None,
        *,
        scale: float = SCALE,
        label_smoothing: float = 0.1,
        **kwargs: Any,
    ) -> None:
        super().__init__(classes, counts, **kwargs)
        self.scale, self.label_smoothing = scale, label_smoothing

    def of_rows(self, codes: Any, found: Any, known: Any) -> Any:
        return keras.losses.categorical_crossentropy(
            self.one_hot(codes), self.scale * found, from_logits=True, label_smoothing=self.label_smoothing
        )


class ArcFace(Softmax):
    """Softmax with an angular margin: Deng et al., "ArcFace" (2019)."""

    def of_rows(self, codes: Any, found: Any, known: Any) -> Any:
        angles = ops.arccos(ops.clip(found, -1 + _EPSILON, 1 - _EPSILON))
        return super().of_rows(codes, ops.cos(angles + _MARGIN * self.one_hot(codes)), known)


class ProxyAnchor(_WithCodes):
    """Kim et al., "Proxy Anchor Loss for Deep Metric Learning" (2020), alpha 16 and margin 0.1.

    A loss of classes and not of rows: it is spread evenly over the rows that have the label.
    """

    alpha, margin = 16.0, 0.1

    def of_rows(self, codes: Any, found: Any, known: Any) -> Any:
        own = self.one_hot(codes) * known[:, None]
        other = (1 - own) * known[:, None]
        near = ops.sum(ops.exp(-self.alpha * (found - self.margin)) * own, axis=0)
        far = ops.sum(ops.exp(self.alpha * (found + self.margin)) * other, axis=0)
        present = ops.maximum(ops.sum(ops.cast(ops.any(own > 0, axis=0), "float32")), 1.0)
        loss = ops.sum(ops.log1p(near)) / present + ops.sum(ops.log1p(far)) / self.classes
        return loss * ops.ones_like(known)


class _Pairs(_WithCodes):
    """A loss over the pairs of a batch; `found` is float32 [n, dim] of norm 1."""

    def pairs(self, codes: Any, found: Any, known: Any) -> tuple[Any, Any, Any]:
        """Cosines, and masks of positive and negative pairs: float32 [n, n] each, without the diagonal."""
        cosines = ops.matmul(found, ops.transpose(found))
        both = known[:, None] * known[None, :] * (1 - ops.eye(ops.shape(found)[0]))
        same = ops.cast(ops.equal(codes[:, None], codes[None, :]), "float32") * both
        return cosines, same, both - same


class SupervisedContrastive(_Pairs):
    """Khosla et al., "Supervised Contrastive Learning" (2020), temperature 0.1."""

    temperature = 0.1

    def of_rows(self, codes: Any, found: Any, known: Any) -> Any:
        cosines, same, other = self.pairs(codes, found, known)
        logits = cosines / self.temperature
        every = ops.log(ops.sum(ops.exp(logits) * (same + other), axis=1) + _EPSILON)
        positives = ops.sum(same, axis=1)
        return ops.sum((every[:, None] - logits) * same, axis=1) / ops.maximum(positives, 1.0)


class MultiSimilarity(_Pairs):
    """Wang et al., "Multi-Similarity Loss" (2019), alpha 2, beta 40 and lambda 0.5, without its mining."""

    alpha, beta, base = 2.0, 40.0, 0.5

    def of_rows(self, codes: Any, found: Any, known: Any) -> Any:
        cosines, same, other = self.pairs(codes, found, known)
        near = ops.log1p(ops.sum(ops.exp(-self.alpha * (cosines - self.base)) * same, axis=1)) / self.alpha
        far = ops.log1p(ops.sum(ops.exp(self.beta * (cosines - self.base)) * other, axis=1)) / self.beta
        return near + far


class ManyLabels(keras.losses.Loss):
    """Binary cross-entropy over classes of which a photo can have several; rows of `ABSENT` are ignored."""

    def __init__(self, scale: float = SCALE, **kwargs: Any) -> None:
        super().__init__(reduction="sum", **kwargs)
        self.scale = scale

    def call(self, codes: Any, found: Any) -> Any:
        codes, logits = ops.cast(codes, "float32"), self.scale * ops.cast(found, "float32")
        known = ops.cast(codes[:, 0] != ABSENT, "float32")
        rows = keras.losses.binary_crossentropy(ops.maximum(codes, 0.0), logits, from_logits=True)
        return rows * known / ops.maximum(ops.sum(known), 1.0)


_OF_CLASSES: dict[str, type[_WithCodes]] = {
    "softmax": Softmax,
    "arcface": ArcFace,
    "proxy-anchor": ProxyAnchor,
}
_OF_PAIRS: dict[str, type[_Pairs]] = {"multi-similarity": MultiSimilarity, "supcon": SupervisedContrastive}


def outputs_of(
    name: str, loss: MetricLoss, classes: int, counts: np.ndarray | None
) -> dict[str, tuple[keras.layers.Layer, keras.losses.Loss]]:
    """The outputs of a label: by output name, a layer on the embedding and its loss.

    Losses of pairs give no classifier, so a softmax is added.

    :param name: of the label's head.
    :param counts: what each class counts, see `class_counts`; None where a photo can have several classes.
    """
    if counts is None:
        return {name: (CosineHead(classes, name=name), ManyLabels())}
    if loss in _OF_CLASSES:
        centres = _SUB_CENTRES if loss == "arcface" else 1
        return {name: (CosineHead(classes, centres, name=name), _OF_CLASSES[loss](classes, counts))}
    pairs = f"{name}-pairs"
    return {
        name: (CosineHead(classes, name=name), Softmax(classes, counts)),
        pairs: (keras.layers.Identity(name=pairs), _OF_PAIRS[loss](classes, counts)),
    }


def class_counts(codes: np.ndarray, classes: int, balance: float) -> np.ndarray:
    """Weights of the classes, larger for rare ones, with mean 1 over the rows.

    :param codes: int32 [n].
    :param balance: 0 gives every photo the same weight, 1 every class.
    :return: float32 [classes].
    """
    rows = np.bincount(codes[codes != ABSENT], minlength=classes)
    counts = np.maximum(rows, 1.0) ** -balance
    return (counts * rows.sum() / max(1e-9, float((counts * rows).sum()))).astype(np.float32)
