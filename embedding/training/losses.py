"""Heads and loss that shape the embedding space."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from embedding.training.datasets import ABSENT


@keras.saving.register_keras_serializable("lookalike")
class CosineHead(keras.layers.Layer):
    """Class logits as scaled cosines between embedding and class weights.

    A classifier on the unit sphere trains the very similarity that search uses: Zhai and Wu,
    "Classification is a Strong Baseline for Deep Metric Learning" (2019).

    :param classes: number of classes.
    :param scale: inverse temperature.
    """

    def __init__(self, classes: int, scale: float = 16.0, **kwargs: object) -> None:
        super().__init__(**kwargs)
        self.classes, self.scale = classes, scale

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        self.kernel = self.add_weight(
            shape=(input_shape[-1], self.classes), initializer="glorot_uniform", name="kernel"
        )

    def call(self, embedding: Any) -> Any:
        directions = ops.normalize(self.kernel, axis=0)
        return self.scale * ops.matmul(ops.normalize(embedding, axis=-1), directions)

    def get_config(self) -> dict[str, object]:
        return super().get_config() | {"classes": self.classes, "scale": self.scale}


@keras.saving.register_keras_serializable("lookalike")
class MaskedCrossentropy(keras.losses.Loss):
    """Cross-entropy with label smoothing over the rows that have the label, averaged over the batch.

    :param classes: number of classes.
    :param label_smoothing: share of probability spread evenly over all classes.
    """

    def __init__(self, classes: int, label_smoothing: float = 0.1, **kwargs: object) -> None:
        super().__init__(**kwargs)
        self.classes, self.label_smoothing = classes, label_smoothing

    def call(self, codes: Any, logits: Any) -> Any:
        codes = ops.reshape(ops.cast(codes, "int32"), (-1,))
        present = ops.cast(ops.not_equal(codes, ABSENT), logits.dtype)
        target = ops.one_hot(ops.maximum(codes, 0), self.classes, dtype=logits.dtype)
        loss = keras.losses.categorical_crossentropy(
            target, logits, from_logits=True, label_smoothing=self.label_smoothing
        )
        return loss * present

    def get_config(self) -> dict[str, object]:
        return super().get_config() | {"classes": self.classes, "label_smoothing": self.label_smoothing}
