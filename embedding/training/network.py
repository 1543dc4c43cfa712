"""The network in training: the encoder with a head for each label, and which of its blocks train when."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
from keras import ops

from embedding.encoder.resnet50 import NECK, block_of, build_backbone, weighted_layers
from embedding.training.datasets import LabelledPhotos
from embedding.training.losses import SCALE, ManyLabels, class_counts, outputs_of
from embedding.training.recipe import BLOCKS, HEADS, Lap, Recipe

EMBEDDING = "embedding"
"""Name of the layer that gives the unit vectors."""

TEACHER = "teacher"
"""Name of the output that gives a teacher's vectors."""

_WARMUP_STEPS = 100
_WEIGHT_DECAY = 0.02


class Network:
    """A ResNet50 encoder in training.

    :ivar backbone: what becomes the encoder.
    :ivar model: from float32 [n, size, size, 3] RGB in 0…255 to what each loss takes, by output name.
    :param teacher_vectors: a teacher's vectors of the photos, float32 [len(photos), dim]; None without one.
    :ivar targets: name of an output to its targets, a row a photo.
    :ivar losses: of the outputs, by name; `loss_weights` are their weights.
    :ivar heads: label to the name of the output that classifies it.
    """

    def __init__(
        self, photos: LabelledPhotos, recipe: Recipe, teacher_vectors: np.ndarray | None = None
    ) -> None:
        self.recipe = recipe
        keras.config.set_dtype_policy("mixed_bfloat16" if recipe.mixed else "float32")
        try:
            self.backbone = build_backbone(metric=True, projection_head=True)
        finally:
            keras.config.set_dtype_policy("float32")
        unit = keras.layers.UnitNormalization(dtype="float32", name=EMBEDDING)(self.backbone.output)
        self.heads = {label: _head_name(label) for label in photos.codes}
        self.targets: dict[str, np.ndarray] = {}
        self.loss_weights: dict[str, float] = {}
        self.losses: dict[str, keras.losses.Loss] = {}
        outputs = {}
        for label, codes in photos.codes.items():
            classes = len(photos.classes[label])
            counts = class_counts(codes, classes, recipe.balance) if codes.ndim == 1 else None
            made = outputs_of(self.heads[label], recipe.metric_loss, classes, counts)
            for name, (layer, loss) in made.items():
                outputs[name], self.losses[name], self.targets[name] = layer(unit), loss, codes
                self.loss_weights[name] = recipe.weight_of(label)
        if teacher_vectors is not None:
            # Before the metric layer, which is free to turn away from what does not serve the labels.
            features = self.backbone.get_layer(NECK).output
            outputs[TEACHER] = keras.layers.Dense(teacher_vectors.shape[1], dtype="float32", name=TEACHER)(
                features
            )
            self.losses[TEACHER], self.targets[TEACHER] = keras.losses.CosineSimilarity(), teacher_vectors
            self.loss_weights[TEACHER] = recipe.teacher_weight
        self.model = keras.Model(self.backbone.input, outputs, name="training")
        self._trains_from: str | None = None

    def prepare(self, lap: Lap, laps: list[Lap]) -> None:
        """Compiles the model for a lap; the optimizer's state stays while the same blocks train."""
        if lap.train_from == self._trains_from:
            return
        self._trains_from = lap.train_from
        first = next(other for other in laps if other.train_from == lap.train_from)
        trained = BLOCKS[BLOCKS.index(lap.train_from) :]
        rates: dict[str, float] = {}
        for layer in weighted_layers(self.backbone):
            block = block_of(layer.name)
            block = block if block in BLOCKS else HEADS
            layer.trainable = block in trained
            depth = len(BLOCKS) - 1 - BLOCKS.index(block)
            rates |= {weight.path: self.recipe.depth_rate**depth for weight in layer.weights}
        total = laps[-1].first_step + laps[-1].steps
        schedule = _OneCycle(self.recipe.learning_rate, total, first.first_step)
        self.model.compile(
            _DiscriminativeAdamW(rates, name="adamw", learning_rate=schedule, weight_decay=_WEIGHT_DECAY),
            loss=self.losses,
            loss_weights=self.loss_weights,
        )
        self.model.optimizer.build(self.model.trainable_variables)

    def probabilities(self, label: str, cosines: np.ndarray) -> np.ndarray:
        """Uncalibrated probabilities of a label's values from its head's output.

        :param cosines: float32 [n, classes].
        :return: float32 [n, classes].
        """
        logits = SCALE * cosines
        if isinstance(self.losses[self.heads[label]], ManyLabels):
            several: np.ndarray = 1 / (1 + np.exp(-logits))
            return several
        shares = np.exp(logits - logits.max(axis=1, keepdims=True))
        one: np.ndarray = shares / shares.sum(axis=1, keepdims=True)
        return one

    def arrays(self) -> list[np.ndarray]:
        """The weights of the model, float32."""
        return [np.asarray(value, np.float32) for value in self.model.get_weights()]


class _DiscriminativeAdamW(keras.optimizers.AdamW):
    """AdamW with a learning rate for each variable: the common one times a factor.

    :param factors: by path of a variable; 1 where it is not named.
    """

    def __init__(self, factors: Mapping[str, float], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._factors = factors

    def build(self, variables: list[Any]) -> None:
        super().build(variables)
        self._in_order = [self._factors.get(variable.path, 1.0) for variable in variables]

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        factor = self._in_order[self._get_variable_index(variable)]
        super().update_step(gradient, variable, learning_rate * factor)


class _OneCycle(keras.optimizers.schedules.LearningRateSchedule):
    """A warm-up, then a cosine decay to 0 over the whole training.

    :param first: the training's step at which the optimizer begins; each has a warm-up of its own, since
        Adam's averages begin from nothing.
    """

    def __init__(self, peak: float, total: int, first: int) -> None:
        super().__init__()
        self.peak, self.total, self.first = peak, total, first

    def __call__(self, step: Any) -> Any:
        own = ops.cast(step, "float32")
        warm = ops.minimum(1.0, (own + 1) / min(_WARMUP_STEPS, max(1, self.total // 10)))
        passed = ops.minimum(1.0, (own + self.first) / self.total)
        return self.peak * warm * 0.5 * (1 + ops.cos(np.pi * passed))

    def get_config(self) -> dict[str, Any]:
        return {"peak": self.peak, "total": self.total, "first": self.first}


def _head_name(label: str) -> str:
    return label.replace("+", "-and-")  # Keras allows no plus sign in a name
