"""Runs an encoder: OpenVINO on a CPU, Keras on a GPU; both give the same vectors."""

from __future__ import annotations

import functools
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

import numpy as np

from embedding.encoder.precision import dtype_policy
from embedding.encoder.simplify import simplified
from storage import encoders
from storage.encoders import EncoderSpec

if TYPE_CHECKING:
    import openvino

    from embedding.encoder.weights import Weights

_IDLE_REQUESTS = 8
"""Requests for a single photo that are kept, each with its memory of some megabytes."""

Precision = Literal["f32", "bf16"]


class Encoder(Protocol):
    """Turns pixels into vectors.

    :param spec: what the encoder is.
    :param streams: calls of `encode` that run at the same time without waiting for each other.
    """

    spec: EncoderSpec
    streams: int

    def encode(self, pixels: np.ndarray) -> np.ndarray:
        """Vectors of a batch.

        :param pixels: uint8 [n, size, size, 3], RGB.
        :return: float32 [n, dim], L2 norm 1.
        """
        ...


class OpenVINOEncoder:
    """The encoder in a folder of `storage.encoders`, on the CPU, without TensorFlow.

    :param folder: what `embedding.encoder.convert.convert` wrote.
    :param precision: what to compute in; None takes bf16 where the processor has it, else float32.
    :param many: whether many batches come from several threads, which share the processor then; else each
        call has all of it.
    :param threads: processor threads; None takes all.
    :raises LookalikeError: the folder holds no encoder.
    """

    def __init__(
        self,
        folder: Path,
        *,
        precision: Precision | None = None,
        many: bool = False,
        threads: int | None = None,
    ) -> None:
        import openvino

        self.spec = encoders.verify(folder)
        # The first array handed over makes OpenVINO look NumPy up; two threads that do so at once wait for
        # each other for ever.
        openvino.Tensor(np.zeros(1, np.uint8))
        core = openvino_core()
        self.precision = precision or ("bf16" if has_bf16() else "f32")
        model = simplified(core.read_model(folder / encoders.IR_FILE))
        settings: dict[str, object] = {
            "INFERENCE_PRECISION_HINT": "bf16" if self.precision == "bf16" else "f32",
            "PERFORMANCE_HINT": "THROUGHPUT" if many else "LATENCY",
        }
        if threads is not None:
            settings["INFERENCE_NUM_THREADS"] = threads
        self._compiled = core.compile_model(model, "CPU", settings)
        self._idle: list[openvino.InferRequest] = []
        self.streams = int(self._compiled.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS"))

    def encode(self, pixels: np.ndarray) -> np.ndarray:
        """See `Encoder.encode`. Safe to call from several threads: each call has a request of its own."""
        if not len(pixels):
            return np.empty((0, self.spec.dim), np.float32)
        try:
            request = self._idle.pop()
        except IndexError:
            request = self._compiled.create_infer_request()
        vectors = np.array(request.infer({0: pixels})[0])
        # A request keeps its memory, which to get anew takes a twentieth of the time that a photo does.
        if len(pixels) == 1 and len(self._idle) < _IDLE_REQUESTS:
            self._idle.append(request)
        return vectors


class KerasEncoder:
    """The encoder as a Keras model on whichever backend `KERAS_BACKEND` names, for GPUs.

    Calls are compiled for one batch size, which every batch is padded to: a GPU's compiler takes seconds for
    each shape it meets.

    :param weights: the weights that `spec` was made from.
    :param spec: what the encoder is.
    :param precision: bf16 keeps float32 weights and sums and multiplies in bfloat16.
    :param batch: photos a call.
    """

    streams = 1

    def __init__(
        self, weights: Weights, spec: EncoderSpec, *, precision: Precision = "bf16", batch: int = 256
    ) -> None:
        import keras

        from embedding.encoder.network import encoder_of

        self.spec, self._batch = spec, batch
        with dtype_policy("mixed_bfloat16" if precision == "bf16" else "float32"):
            encoder = encoder_of(weights, spec.size)
            # Bytes go to the GPU, a quarter of what floats would take on the way.
            pixels = keras.Input((spec.size, spec.size, 3), dtype="uint8", name="photos")
            vectors = encoder(keras.ops.cast(pixels, "float32"))
            self._model = keras.Model(pixels, keras.ops.cast(vectors, "float32"))
        self._model.compile(jit_compile=True)

    def encode(self, pixels: np.ndarray) -> np.ndarray:
        """See `Encoder.encode`."""
        found = np.empty((len(pixels), self.spec.dim), np.float32)
        for first in range(0, len(pixels), self._batch):
            part = pixels[first : first + self._batch]
            padded = np.zeros((self._batch, *pixels.shape[1:]), np.uint8)
            padded[: len(part)] = part
            # `predict` in a loop leaks memory.
            vectors = np.asarray(self._model.predict_on_batch(padded))[: len(part)]
            # In bfloat16 a unit vector's norm is off by up to half a percent.
            found[first : first + len(part)] = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        return found


@functools.cache
def openvino_core() -> openvino.Core:
    """The one OpenVINO of this process, which stays for as long as the process.

    On processors with AMX, OpenVINO replaces the stack on which the thread handles signals. Of two that
    end in the order in which they began, the second would leave the first one's, which is unmapped by then:
    Ctrl-C ended the process by a segmentation fault.
    """
    import openvino

    return openvino.Core()


def has_bf16() -> bool:
    """Whether this processor multiplies bfloat16 faster than float32."""
    return "BF16" in openvino_core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


def has_gpu() -> bool:
    """Whether Keras' backend sees a GPU; imports nothing where there is no driver."""
    if shutil.which("nvidia-smi") is None:
        return False
    import keras

    if keras.backend.backend() == "jax":
        import jax

        return bool(jax.default_backend() == "gpu")
    import tensorflow as tf

    return bool(tf.config.list_physical_devices("GPU"))


def load_encoder(folder: Path, *, many: bool = False, threads: int | None = None) -> OpenVINOEncoder:
    """Loads the encoder in a folder, for a CPU, without importing TensorFlow.

    :param many: see `OpenVINOEncoder`.
    :raises LookalikeError: the folder holds no encoder.
    """
    return OpenVINOEncoder(folder, many=many, threads=threads)
