"""Weights become an encoder on disk that runs without TensorFlow."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from embedding.encoder.preprocess import PREPROCESSING
from embedding.encoder.quantize import PEAKS, PEAKS_FILE
from embedding.encoder.weights import Weights
from storage import encoders
from storage.encoders import EncoderSpec
from storage.schemas import EMBEDDING_DIM


def specify(weights: Weights) -> EncoderSpec:
    """The specification of the encoder that these weights make."""
    return EncoderSpec(
        model=f"{weights.name}-{weights.input_px}px-{weights.fingerprint[:8]}",
        weights=weights.name,
        size=weights.input_px,
        dim=EMBEDDING_DIM,
        preprocessing=PREPROCESSING,
        fingerprint=weights.fingerprint,
    )


def convert(weights: Weights, folder: Path) -> EncoderSpec:
    """Writes the OpenVINO IR of the encoder that these weights make; takes uint8 pixels, gives unit vectors.

    :raises InputError: the weights are neither a ResNet50's nor the autoencoder's, or the folder exists.
    """
    with _hushed():
        import tensorflow as tf
    import keras
    import openvino

    from embedding.encoder.network import encoder_of

    if keras.backend.backend() != "tensorflow":
        raise RuntimeError("OpenVINO reads TensorFlow graphs: convert with KERAS_BACKEND=tensorflow.")
    spec = specify(weights)
    encoder = encoder_of(weights, spec.size)

    @tf.function(input_signature=[tf.TensorSpec((None, spec.size, spec.size, 3), tf.uint8, "pixels")])
    def encode(pixels: tf.Tensor) -> tf.Tensor:
        return encoder(tf.cast(pixels, tf.float32), training=False)

    model = openvino.convert_model(encode.get_concrete_function())
    with encoders.writing(folder, spec) as unfinished:
        openvino.save_model(model, unfinished / encoders.IR_FILE, compress_to_fp16=False)
        if PEAKS in weights.arrays:
            np.save(unfinished / PEAKS_FILE, weights.arrays[PEAKS])
    return spec


@contextmanager
def _hushed() -> Iterator[None]:
    """Holds back what native code writes to stderr.

    TensorFlow 2.21 tells of absent GPUs while it is imported, past every log level, into our progress bars.
    """
    sys.stderr.flush()
    kept = os.dup(2)
    with Path(os.devnull).open("w") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
