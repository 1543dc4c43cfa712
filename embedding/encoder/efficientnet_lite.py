"""EfficientNet-Lite0 in Keras: a small network that knows ImageNet, without classifier, pooled.

Architecture after Tan and Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks"
(2019), in Google's Lite variant: no squeeze-and-excitation, ReLU6. Batch normalisations are folded into the
convolutions before them, so that each convolution has a bias. The trained weights are Google's, see
`weights/NOTICE`.
"""

from __future__ import annotations

import keras
from keras import layers

PREFIX = "lite0_"
"""What the names of its layers begin with."""

FEATURES = 1280
"""Length of its pooled output."""

_STEM, _HEAD = 32, FEATURES
# Repeats, kernel, stride of the first, expansion, channels: the B0 of the paper's table 1.
_STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)


def build_lite0(size: int) -> keras.Model:
    """The network, its weights initialised at random.

    :param size: side of the input, px; even after each halving, as 224 and 64 are.
    :return: model from float32 [n, size, size, 3] RGB in 0…255 to float32 [n, 1280].
    """
    pixels = keras.Input((size, size, 3), name="lite0_pixels")
    value = _convolved((pixels - 127.0) / 128.0, "stem", _STEM, 3, strides=2)
    number = 0
    for repeats, kernel, stride, expansion, channels in _STAGES:
        for repeat in range(repeats):
            value = _block(value, number, kernel, 1 if repeat else stride, expansion, channels)
            number += 1
    value = _convolved(value, "head", _HEAD, 1)
    pooled = layers.GlobalAveragePooling2D(dtype="float32", name=f"{PREFIX}pooled")(value)
    return keras.Model(pixels, pooled, name="lite0")


def _block(
    given: keras.KerasTensor, number: int, kernel: int, stride: int, expansion: int, channels: int
) -> keras.KerasTensor:
    """An inverted residual block: widened, convolved channel by channel, narrowed, added to its input."""
    name, before = f"block{number}", int(given.shape[-1])
    value = given
    if expansion != 1:
        value = _convolved(value, f"{name}_expand", expansion * before, 1)
    depthwise = layers.DepthwiseConv2D(kernel, stride, "same", name=f"{PREFIX}{name}_depthwise")
    value = layers.ReLU(6.0)(depthwise(value))
    value = layers.Conv2D(channels, 1, name=f"{PREFIX}{name}_project")(value)
    return layers.Add()([value, given]) if stride == 1 and before == channels else value


def _convolved(
    given: keras.KerasTensor, name: str, channels: int, kernel: int, *, strides: int = 1
) -> keras.KerasTensor:
    convolution = layers.Conv2D(channels, kernel, strides, "same", name=f"{PREFIX}{name}")
    return layers.ReLU(6.0)(convolution(given))
