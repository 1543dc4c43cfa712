"""Converts weights to an OpenVINO encoder on disk, which runs without TensorFlow."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from embedding.encoder.preprocess import GARMENT_COLOUR, PREPROCESSING
from embedding.encoder.weights import Weights, write_weights
from storage import encoders
from storage.encoders import EncoderSpec
from storage.errors import InputError
from storage.import_path import import_environment
from storage.schemas import EMBEDDING_DIM

_REFUSED = 3
"""Exit status of the conversion in a process of its own for weights that are no known network's."""

_CONVERT = f"""
import sys
from pathlib import Path
from embedding.encoder.convert import convert
from embedding.encoder.weights import read_weights
from storage.errors import InputError
try:
    convert(read_weights(Path(sys.argv[1]), name=sys.argv[2]), Path(sys.argv[3]))
except InputError as error:
    print(error, file=sys.stderr)
    sys.exit({_REFUSED})
"""


_FIRST_PREPROCESSING = "letterbox-white"
"""Adds nothing to a model's name: what was embedded before names held the preprocessing keeps its name."""


def specify(weights: Weights) -> EncoderSpec:
    """The specification of the encoder built from these weights."""
    preprocessing = preprocessing_of(weights)
    mark = weights.fingerprint
    if preprocessing != _FIRST_PREPROCESSING:
        mark = hashlib.sha256(f"{mark} {preprocessing}".encode()).hexdigest()
    return EncoderSpec(
        model=f"{weights.name}-{weights.input_px}px-{mark[:8]}",
        weights=weights.name,
        size=weights.input_px,
        dim=EMBEDDING_DIM,
        preprocessing=preprocessing,
        fingerprint=weights.fingerprint,
    )


def preprocessing_of(weights: Weights) -> str:
    """Name of the preprocessing: all that happens to pixels and is not in the weights."""
    return f"{PREPROCESSING} {GARMENT_COLOUR}" if weights.fused else PREPROCESSING


def convert(weights: Weights, folder: Path) -> EncoderSpec:
    """Writes the OpenVINO IR of an encoder from uint8 pixels to unit vectors.

    :raises InputError: the weights are no known network's, or the folder exists.
    """
    with _hushed():
        import keras
    if keras.backend.backend() != "tensorflow":
        _convert_in_tensorflow(weights, folder)
        return specify(weights)
    import openvino
    import tensorflow as tf

    from embedding.encoder.network import encoder_of

    spec = specify(weights)
    encoder = encoder_of(weights, spec.size)

    @tf.function(input_signature=[tf.TensorSpec((None, spec.size, spec.size, 3), tf.uint8, "pixels")])
    def encode(pixels: tf.Tensor) -> tf.Tensor:
        return encoder(tf.cast(pixels, tf.float32), training=False)

    model = openvino.convert_model(encode.get_concrete_function())
    with encoders.writing(folder, spec) as unfinished:
        openvino.save_model(model, unfinished / encoders.IR_FILE, compress_to_fp16=False)
    return spec


def _convert_in_tensorflow(weights: Weights, folder: Path) -> None:
    """Converts in a subprocess: OpenVINO reads TensorFlow's graphs, and a process has one Keras backend.

    :raises InputError: as `convert`.
    """
    # Left to itself TensorFlow would take what memory of the GPU this process's backend has left.
    settings = os.environ | import_environment() | {"KERAS_BACKEND": "tensorflow", "CUDA_VISIBLE_DEVICES": ""}
    with tempfile.TemporaryDirectory() as scratch:
        file = Path(scratch) / "weights.npz"
        write_weights(file, weights, int8=False)
        command = [sys.executable, "-P", "-c", _CONVERT, str(file), weights.name, str(folder.resolve())]
        done = subprocess.run(  # noqa: S603 - our own interpreter and code
            command,
            env=settings,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    if done.returncode == _REFUSED:
        raise InputError(done.stderr.strip().splitlines()[-1])
    if done.returncode:
        raise RuntimeError(f"The conversion in TensorFlow failed:\n{done.stderr}")


@contextmanager
def _hushed() -> Iterator[None]:
    """Suppresses what native code writes to stderr.

    On import, TensorFlow 2.21 reports absent GPUs at any log level, in the middle of our progress bars.
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
