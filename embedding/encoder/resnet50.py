"""The Keras ResNet50 encoder: RGB pixels in, unit vectors out.

ResNet50 after He et al., "Deep Residual Learning for Image Recognition" (2016), as `keras.applications`
builds it (v1 strides, "caffe" input), with global average pooling.
"""

from __future__ import annotations

import keras
from keras import ops

# Means of ImageNet's channels in BGR order: what "caffe" preprocessing subtracts.
_CAFFE_MEAN_BGR = (103.939, 116.779, 123.68)


def build_backbone(size: int | None = None) -> keras.Model:
    """ResNet50 without its classifier, pooled, its weights initialised at random.

    :param size: side of the input, px; None takes any.
    :return: model from float32 [n, size, size, 3] RGB in 0…255 to float32 [n, 2048], not normalised.
    """
    pixels = keras.Input((size, size, 3), name="pixels")
    resnet = keras.applications.ResNet50(
        include_top=False, weights=None, pooling="avg", input_shape=(size, size, 3), name="resnet50"
    )
    caffe = ops.flip(pixels, axis=-1) - ops.convert_to_tensor(_CAFFE_MEAN_BGR, dtype="float32")
    return keras.Model(pixels, resnet(caffe), name="backbone")


def build_encoder(backbone: keras.Model) -> keras.Model:
    """The backbone with its output scaled to norm 1.

    :return: model from float32 [n, size, size, 3] RGB in 0…255 to float32 [n, 2048], L2 norm 1.
    """
    return keras.Model(backbone.input, ops.normalize(backbone.output, axis=-1, epsilon=1e-12), name="encoder")


def resnet_layers(backbone: keras.Model) -> list[keras.layers.Layer]:
    """ResNet50's own layers, from input to output, as `keras.applications` names them."""
    return list(backbone.get_layer("resnet50").layers)


def freeze_until(backbone: keras.Model, last_frozen: str | None) -> None:
    """Makes the layers up to and including `last_frozen` untrainable and the rest trainable.

    :param last_frozen: a layer's name, for example `conv3_block4_out`; None freezes nothing.
    :raises ValueError: no layer has that name.
    """
    layers = resnet_layers(backbone)
    names = [layer.name for layer in layers]
    border = -1 if last_frozen is None else names.index(last_frozen)
    for position, layer in enumerate(layers):
        layer.trainable = position > border
