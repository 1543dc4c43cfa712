"""The Keras ResNet50 encoder: RGB pixels in, unit vectors out.

ResNet50 after He et al., "Deep Residual Learning for Image Recognition" (2016), as `keras.applications`
builds it (v1 strides, "caffe" input), with global average pooling.
"""

from __future__ import annotations

from collections.abc import Iterable

import keras
from keras import ops

# Means of ImageNet's channels in BGR order: what "caffe" preprocessing subtracts.
_CAFFE_MEAN_BGR = (103.939, 116.779, 123.68)

NECK, METRIC = "neck", "metric"
"""Names of the layers behind the pooling that encoders trained on garments have: a batch normalisation, after
Luo et al., "Bag of Tricks and a Strong Baseline for Deep Person Re-identification" (2019), and a linear
layer."""

HIDDEN, LIFT = "metric_hidden", "metric_lift"
"""Names of the two layers of a projection head, whose output is added to the linear layer's: Chen et al., "A
Simple Framework for Contrastive Learning of Visual Representations" (2020)."""

_HIDDEN_UNITS = 512


def build_backbone(
    size: int | None = None, *, metric: bool = False, projection_head: bool = False
) -> keras.Model:
    """Builds a pooled ResNet50 without its classifier, with random weights.

    :param size: side of the input, px; None takes any.
    :param metric: whether a linear layer follows, in whose space photos are compared; it begins as the
        identity.
    :param projection_head: whether a projection head is added to that layer; it begins without effect.
    :return: model from float32 [n, size, size, 3] RGB in 0…255 to float32 [n, 2048], not normalised.
    """
    pixels = keras.Input((size, size, 3), name="pixels")
    resnet = keras.applications.ResNet50(
        include_top=False, weights=None, pooling="avg", input_shape=(size, size, 3), name="resnet50"
    )
    caffe = ops.flip(pixels, axis=-1) - ops.convert_to_tensor(_CAFFE_MEAN_BGR, dtype="float32")
    pooled = resnet(caffe)
    if metric:
        width = pooled.shape[-1]
        centred = keras.layers.BatchNormalization(center=False, scale=False, dtype="float32", name=NECK)(
            pooled
        )
        pooled = keras.layers.Dense(
            width, use_bias=False, kernel_initializer="identity", dtype="float32", name=METRIC
        )(centred)
        if projection_head:
            hidden = keras.layers.Dense(_HIDDEN_UNITS, activation="relu", dtype="float32", name=HIDDEN)(
                centred
            )
            lift = keras.layers.Dense(
                width, use_bias=False, kernel_initializer="zeros", dtype="float32", name=LIFT
            )
            pooled = pooled + lift(hidden)
    return keras.Model(pixels, pooled, name="backbone")


def build_encoder(backbone: keras.Model) -> keras.Model:
    """Adds a normalisation to norm 1 to a backbone.

    :return: model from float32 [n, size, size, 3] RGB in 0…255 to float32 [n, 2048], L2 norm 1.
    """
    return keras.Model(backbone.input, ops.normalize(backbone.output, axis=-1, epsilon=1e-12), name="encoder")


def weighted_layers(backbone: keras.Model) -> list[keras.layers.Layer]:
    """The layers that have weights, from input to output; ResNet50's as `keras.applications` names them."""
    return [
        inner
        for layer in backbone.layers
        for inner in (layer.layers if isinstance(layer, keras.Model) else [layer])
        if inner.weights
    ]


def block_of(layer: str) -> str:
    """The block that a layer belongs to: `conv1` to `conv5`, or its own name behind them."""
    return layer.split("_")[0]


def has_metric(names: Iterable[str]) -> bool:
    """Whether weights of these names have a metric layer."""
    return f"{METRIC}/kernel" in names


def has_projection_head(names: Iterable[str]) -> bool:
    """Whether weights of these names have a projection head."""
    return f"{LIFT}/kernel" in names
