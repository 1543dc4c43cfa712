"""The last stage of a training: refits the metric layers and the heads on the finished network's features.

While the blocks train, the layers behind them follow a moving target, on augmented photos. On features of the
original photos, computed once, thousands of steps of large batches take minutes.
"""

from __future__ import annotations

from collections.abc import Callable

import keras
import numpy as np

from embedding.encoder.preprocess import pixels_of
from embedding.encoder.resnet50 import HIDDEN, LIFT, METRIC, NECK
from embedding.training.datasets import LabelledPhotos
from embedding.training.network import TEACHER, Network

_BATCH = 512
_RATE = 1e-3
_DROPOUT = 0.3
_SEEN_AT_ONCE = 64


def refit(
    network: Network,
    photos: LabelledPhotos,
    size: int,
    steps: int,
    *,
    on_progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> None:
    """Trains the layers behind the pooling; the blocks before it are frozen.

    :param network: changed in place: its neck gets the photos' own mean and variance.
    :param size: side of the input, px.
    :param steps: batches of 512 photos.
    :param on_progress: called with photos seen and in all.
    """
    pooled = _pooled(network, photos, size, on_progress)
    layers = {layer.name: layer for layer in network.backbone.layers}
    mean, variance = pooled.mean(axis=0), pooled.var(axis=0)
    layers[NECK].set_weights([mean, variance])
    centred = (pooled - mean) / np.sqrt(variance + layers[NECK].epsilon)
    model = _behind_the_pooling(network, layers, steps)
    rng = np.random.default_rng(network.recipe.seed)
    for _ in range(steps):
        rows = rng.choice(len(photos), min(_BATCH, len(photos)), replace=False)
        model.train_on_batch(
            centred[rows], {name: network.targets[name][rows] for name in model.output_names}
        )


def _behind_the_pooling(network: Network, layers: dict[str, keras.layers.Layer], steps: int) -> keras.Model:
    """The network's layers behind the neck, with dropout for training."""
    given = keras.Input(layers[NECK].output.shape[1:])
    hidden = keras.layers.Dropout(_DROPOUT, seed=network.recipe.seed)(layers[HIDDEN](given))
    unit = keras.layers.UnitNormalization(dtype="float32")(layers[METRIC](given) + layers[LIFT](hidden))
    names = [name for name in network.targets if name != TEACHER]
    model = keras.Model(given, {name: network.model.get_layer(name)(unit) for name in names})
    model.compile(
        keras.optimizers.AdamW(keras.optimizers.schedules.CosineDecay(_RATE, steps)),
        loss={name: network.losses[name] for name in names},
        loss_weights={name: network.loss_weights[name] for name in names},
    )
    return model


def _pooled(
    network: Network, photos: LabelledPhotos, size: int, on_progress: Callable[[int, int], None]
) -> np.ndarray:
    """The pooled features, float32 [n, 2048]."""
    neck = network.backbone.get_layer(NECK)
    pooling = keras.Model(network.backbone.input, neck.input)
    outputs = []
    for first in range(0, len(photos), _SEEN_AT_ONCE):
        rows = range(first, min(first + _SEEN_AT_ONCE, len(photos)))
        pixels = np.stack([pixels_of(photos.image(row), size) for row in rows])
        outputs.append(np.asarray(pooling.predict_on_batch(pixels), np.float32))
        on_progress(rows.stop, len(photos))
    return np.concatenate(outputs)
