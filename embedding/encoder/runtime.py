"""Running an encoder: OpenVINO on a CPU, Keras on a GPU; both give the same vectors."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

import numpy as np

from storage import encoders
from storage.encoders import EncoderSpec

if TYPE_CHECKING:
    from embedding.encoder.weights import Weights

Precision = Literal["f32", "bf16"]


class Encoder(Protocol):
    """Turns pixels into vectors.

    :param spec: what the encoder is.
    """

    spec: EncoderSpec

    def encode(self, pixels: np.ndarray) -> np.ndarray:
        """Vectors of a batch.

        :param pixels: uint8 [n, size, size, 3], RGB.
        :return: float32 [n, dim], L2 norm 1.
        """
        ...


class OpenVINOEncoder:
    """The encoder in a folder of `storage.encoders`, on the CPU, without TensorFlow.

    :param folder: what `embedding.encoder.convert.convert` wrote.
    :param precision: what to compute in; None takes bf16 where the processor has it, float32 elsewhere.
    :param threads: processor threads; None takes all.
    :raises LookalikeError: the folder holds no encoder, or a damaged one.
    """

    def __init__(
        self, folder: Path, *, precision: Precision | None = None, threads: int | None = None
    ) -> None:
        import openvino

        self.spec = encoders.verify(folder)
        core = openvino.Core()
        if precision is None:
            precision = "bf16" if "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES") else "f32"
        self.precision = precision
        settings: dict[str, object] = {"INFERENCE_PRECISION_HINT": precision, "PERFORMANCE_HINT": "LATENCY"}
        if threads is not None:
            settings["INFERENCE_NUM_THREADS"] = threads
        self._compiled = core.compile_model(folder / encoders.IR_FILE, "CPU", settings)

    def encode(self, pixels: np.ndarray) -> np.ndarray:
        """See `Encoder.encode`. Safe to call from several threads: each call has a request of its own."""
        if not len(pixels):
            return np.empty((0, self.spec.dim), np.float32)
        request = self._compiled.create_infer_request()
        return np.array(request.infer({0: pixels})[0])


class KerasEncoder:
    """The encoder as a Keras model on whichever backend `KERAS_BACKEND` names, for GPUs.

    :param weights: the weights that `spec` was made from.
    :param spec: what the encoder is.
    """

    def __init__(self, weights: Weights, spec: EncoderSpec) -> None:
        from embedding.encoder.resnet50 import build_backbone, build_encoder
        from embedding.encoder.weights import put

        self.spec = spec
        backbone = build_backbone(spec.size)
        put(weights, backbone)
        self._model = build_encoder(backbone)

    def encode(self, pixels: np.ndarray) -> np.ndarray:
        """See `Encoder.encode`."""
        from keras import ops

        if not len(pixels):
            return np.empty((0, self.spec.dim), np.float32)
        # Calling the model, since `predict` in a loop leaks memory.
        return ops.convert_to_numpy(self._model(pixels.astype(np.float32), training=False))


def has_gpu() -> bool:
    """Whether Keras' backend sees a GPU; without a driver nothing is imported to find out."""
    if shutil.which("nvidia-smi") is None:
        return False
    import keras

    if keras.backend.backend() == "jax":
        import jax

        return bool(jax.default_backend() == "gpu")
    import tensorflow as tf

    return bool(tf.config.list_physical_devices("GPU"))


def load_encoder(folder: Path, *, threads: int | None = None) -> OpenVINOEncoder:
    """The encoder in a folder, for a CPU; imports no TensorFlow.

    :raises LookalikeError: the folder holds no encoder.
    """
    return OpenVINOEncoder(folder, threads=threads)
