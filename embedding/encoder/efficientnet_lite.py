"""EfficientNet-Lite in Keras: small networks that know ImageNet, without classifier, pooled.

Architecture after Tan and Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks"
(2019), in Google's Lite variant: no squeeze-and-excitation, ReLU6, and a stem and a head that do not grow
with the network. Batch normalisations are folded into the convolutions before them, so that each convolution
has a bias. The trained weights are Google's, see `weights/NOTICE`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import keras
from keras import layers

FEATURES = 1280
"""Length of the pooled output."""

_STEM, _HEAD = 32, FEATURES
_CHANNELS_DIVISOR = 8
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


@dataclass(frozen=True)
class Lite:
    """One network of the family.

    :ivar name: what the names of its layers begin with, before an underscore.
    :ivar width: factor of the channels.
    :ivar depth: factor of the blocks a stage; the first and the last stage keep their one block.
    """

    name: str
    width: float
    depth: float


LITE0, LITE2 = Lite("lite0", 1.0, 1.0), Lite("lite2", 1.1, 1.2)


def build(lite: Lite, size: int) -> keras.Model:
    """Builds a network, its weights initialised at random.

    :param size: side of the input, px.
    :return: model from float32 [n, size, size, 3] RGB in 0…255 to float32 [n, 1280].
    """
    pixels = keras.Input((size, size, 3), name=f"{lite.name}_pixels")
    value = _convolved((pixels - 127.0) / 128.0, f"{lite.name}_stem", _STEM, 3, strides=2)
    number = 0
    for at, (repeats, kernel, stride, expansion, channels) in enumerate(_STAGES):
        blocks = repeats if at in (0, len(_STAGES) - 1) else math.ceil(repeats * lite.depth)
        for block in range(blocks):
            name = f"{lite.name}_block{number}"
            width = _channels(channels * lite.width)
            value = _block(value, name, kernel, 1 if block else stride, expansion, width)
            number += 1
    value = _convolved(value, f"{lite.name}_head", _HEAD, 1)
    pooled = layers.GlobalAveragePooling2D(dtype="float32", name=f"{lite.name}_pooled")(value)
    return keras.Model(pixels, pooled, name=lite.name)


def _channels(wanted: float) -> int:
    """The multiple of 8 nearest to a number of channels, and at least 0.9 of it."""
    rounded = max(
        _CHANNELS_DIVISOR, int(wanted + _CHANNELS_DIVISOR / 2) // _CHANNELS_DIVISOR * _CHANNELS_DIVISOR
    )
    return rounded if rounded >= 0.9 * wanted else rounded + _CHANNELS_DIVISOR


def _block(
    given: keras.KerasTensor, name: str, kernel: int, stride: int, expansion: int, channels: int
) -> keras.KerasTensor:
    """An inverted residual block: widened, convolved channel by channel, narrowed, added to its input."""
    before = int(given.shape[-1])
    value = given
    if expansion != 1:
        value = _convolved(value, f"{name}_expand", expansion * before, 1)
    depthwise = layers.DepthwiseConv2D(kernel, stride, "same", name=f"{name}_depthwise")
    value = layers.ReLU(6.0)(depthwise(value))
    value = layers.Conv2D(channels, 1, name=f"{name}_project")(value)
    return layers.Add()([value, given]) if stride == 1 and before == channels else value


def _convolved(
    given: keras.KerasTensor, name: str, channels: int, kernel: int, *, strides: int = 1
) -> keras.KerasTensor:
    convolution = layers.Conv2D(channels, kernel, strides, "same", name=name)
    return layers.ReLU(6.0)(convolution(given))
