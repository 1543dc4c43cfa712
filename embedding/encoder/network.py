"""Weights become the Keras encoder they were trained in."""

from __future__ import annotations

import keras

from embedding.encoder import autoencoder, resnet50
from embedding.encoder.weights import Weights, put


def encoder_of(weights: Weights, size: int) -> keras.Model:
    """The encoder that these weights make: a ResNet50, or the autoencoder.

    :param size: side of the input, px.
    :return: model from float32 [n, size, size, 3] RGB in 0…255 to float32 [n, 2048], L2 norm 1.
    :raises InputError: the weights are neither's.
    """
    if autoencoder.are_autoencoder(weights):
        return autoencoder.encoder_of(weights, size)
    metric, bent = resnet50.has_metric(weights.arrays), resnet50.is_bent(weights.arrays)
    backbone = resnet50.build_backbone(size, metric=metric, bent=bent)
    put(weights, backbone)
    return resnet50.build_encoder(backbone)
