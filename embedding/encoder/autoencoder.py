"""The convolutional autoencoder of "Deep Learning Techniques for Apparel recommendation": a baseline.

Photos of 256×256 px go through five convolutions that halve them, to a code of 8×8×32 numbers, and back. The
code flattened is 2048 numbers long, as long as ResNet50's vector, so the same tables and index take it.
"""

from __future__ import annotations

import keras
import numpy as np
from keras import layers, ops

from embedding.encoder.weights import Weights
from storage.errors import InputError

SIZE = 256
"""Side of the input, px."""

_CHANNELS = (16, 32, 64, 64, 32)
_PREFIX = "autoencoder"


def build_autoencoder(size: int = SIZE) -> keras.Model:
    """The untrained autoencoder.

    :param size: side of the input, px, a multiple of 32.
    :return: model from float32 [n, size, size, 3] RGB in 0…1 to the same, its layer `code` in the middle.
    """
    pixels = value = keras.Input((size, size, 3), name="pixels")
    for depth, channels in enumerate(_CHANNELS, 1):
        name = "code" if depth == len(_CHANNELS) else f"{_PREFIX}_down{depth}"
        value = layers.Conv2D(channels, 3, strides=2, padding="same", activation="relu", name=name)(value)
    for depth, channels in enumerate(reversed((3, *_CHANNELS[:-1])), 1):
        value = layers.Conv2DTranspose(
            channels,
            3,
            strides=2,
            padding="same",
            activation="sigmoid" if depth == len(_CHANNELS) else "relu",
            name=f"{_PREFIX}_up{depth}",
        )(value)
    return keras.Model(pixels, value, name=_PREFIX)


def code_of(autoencoder: keras.Model) -> keras.Model:
    """The encoder half of an autoencoder.

    :return: model from float32 [n, size, size, 3] RGB in 0…1 to float32 [n, 2048], not normalised.
    """
    return keras.Model(autoencoder.input, layers.Flatten()(autoencoder.get_layer("code").output))


def encoder_of(weights: Weights, size: int) -> keras.Model:
    """Builds the Keras encoder of an autoencoder's weights.

    :return: model from float32 [n, size, size, 3] RGB in 0…255 to float32 [n, 2048], L2 norm 1.
    :raises InputError: see `assign_weights`.
    """
    autoencoder = build_autoencoder(size)
    assign_weights(weights, autoencoder)
    pixels = keras.Input((size, size, 3), name="pixels")
    code = code_of(autoencoder)(pixels / 255.0)
    return keras.Model(pixels, ops.normalize(code, axis=-1, epsilon=1e-12), name="encoder")


def assign_weights(weights: Weights, autoencoder: keras.Model) -> None:
    """Sets an autoencoder's weights.

    :raises InputError: an array is missing or has another shape than the autoencoder's.
    """
    for layer in _trained(autoencoder):
        arrays = [weights.arrays.get(f"{layer.name}/{weight.name}") for weight in layer.weights]
        if [None if array is None else array.shape for array in arrays] != [w.shape for w in layer.weights]:
            raise InputError(f"The weights '{weights.name}' lack {layer.name}: not an autoencoder's.")
        layer.set_weights(arrays)


def extract_weights(autoencoder: keras.Model, *, name: str) -> Weights:
    """Reads an autoencoder's weights."""
    arrays = {
        f"{layer.name}/{weight.name}": np.asarray(value, np.float32)
        for layer in _trained(autoencoder)
        for weight, value in zip(layer.weights, layer.get_weights(), strict=True)
    }
    return Weights(name, arrays, int(autoencoder.input_shape[1]))


def are_autoencoder(weights: Weights) -> bool:
    """Whether weights are an autoencoder's."""
    return any(key.startswith(_PREFIX) for key in weights.arrays)


def _trained(autoencoder: keras.Model) -> list[keras.layers.Layer]:
    return [layer for layer in autoencoder.layers if layer.weights]
