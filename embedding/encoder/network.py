"""Builds the Keras encoder that weights belong to."""

from __future__ import annotations

import keras

from embedding.encoder import autoencoder, fused, resnet50
from embedding.encoder.weights import Weights, backbone_of


def encoder_of(weights: Weights, size: int) -> keras.Model:
    """Builds the encoder of these weights: a ResNet50, the fused encoder, or the autoencoder.

    :param size: side of the input, px.
    :return: model from float32 [n, size, size, 3] RGB in 0…255 to float32 [n, 2048], L2 norm 1.
    :raises InputError: the weights are none of theirs.
    """
    if autoencoder.are_autoencoder(weights):
        return autoencoder.encoder_of(weights, size)
    if weights.fused:
        return fused.encoder_of(weights, size)
    return resnet50.build_encoder(backbone_of(weights, size))
