"""The engines that `benchmarks/embedding.py` compares: one class each, same network and weights."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import numpy as np

from embedding.encoder import runtime
from embedding.encoder.network import encoder_of
from embedding.encoder.runtime import KerasEncoder, OpenVINOEncoder
from embedding.encoder.weights import Weights
from storage.encoders import EncoderSpec

_BATCH = 16
_GPU_BATCH = 256


class Engine(Protocol):
    """A way to run the network.

    :param batch: photos a call.
    :param streams: calls at the same time.
    :param decodes_ahead: whether photos are decoded beside the model, by our own pipeline.
    """

    name: str
    spec: EncoderSpec
    streams: int
    batch: int
    decodes_ahead: bool

    def encode(self, pixels: np.ndarray) -> np.ndarray:
        """As `embedding.encoder.runtime.Encoder.encode`."""
        ...


class OpenVINO:
    """What Lookalike uses on a CPU, in a given precision or the one it chooses."""

    decodes_ahead = True

    def __init__(self, folder: Path, precision: runtime.Precision | None = None) -> None:
        self._encoder = OpenVINOEncoder(folder, precision=precision, many=True)
        self.precision = self._encoder.precision
        self.name = f"{'ours, ' if precision is None else ''}OpenVINO {self.precision}"
        self.spec, self.streams, self.batch = self._encoder.spec, self._encoder.streams, _BATCH

    def encode(self, pixels: np.ndarray) -> np.ndarray:
        return self._encoder.encode(pixels)


class KerasGpu:
    """What Lookalike uses on a GPU."""

    decodes_ahead = True

    def __init__(self, weights: Weights, spec: EncoderSpec) -> None:
        import keras

        self._encoder = KerasEncoder(weights, spec, batch=_GPU_BATCH)
        self.name = f"ours, GPU, Keras on {keras.backend.backend()}, bf16"
        self.spec, self.streams, self.batch = spec, 1, _GPU_BATCH

    def encode(self, pixels: np.ndarray) -> np.ndarray:
        return self._encoder.encode(pixels)


class TensorFlow:
    """The Keras model as one TensorFlow graph, in batches."""

    decodes_ahead = True

    def __init__(self, weights: Weights, spec: EncoderSpec, precision: runtime.Precision) -> None:
        import tensorflow as tf

        with runtime.dtype_policy("mixed_bfloat16" if precision == "bf16" else "float32"):
            model = encoder_of(weights, spec.size)
        self._run = tf.function(
            lambda pixels: model(tf.cast(pixels, tf.float32), training=False),
            # One graph for batches of all sizes: the last one of a file is smaller.
            input_signature=[tf.TensorSpec((None, spec.size, spec.size, 3), tf.uint8)],
        )
        self.name, self.spec, self.streams, self.batch = f"TensorFlow {precision}", spec, 1, _BATCH

    def encode(self, pixels: np.ndarray) -> np.ndarray:
        return np.asarray(self._run(pixels), np.float32)


class OnnxRuntime:
    """The Keras model converted to ONNX, in batches."""

    decodes_ahead = True
    name, streams, batch = "onnxruntime f32", 1, _BATCH

    def __init__(self, weights: Weights, spec: EncoderSpec, folder: Path) -> None:
        import onnxruntime
        import tensorflow as tf
        import tf2onnx

        model = encoder_of(weights, spec.size)
        function = tf.function(
            lambda pixels: model(tf.cast(pixels, tf.float32), training=False),
            input_signature=[tf.TensorSpec((None, spec.size, spec.size, 3), tf.uint8, "pixels")],
        )
        file = folder / "encoder.onnx"
        tf2onnx.convert.from_function(function, function.input_signature, opset=18, output_path=str(file))
        self._session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
        # The means that are taken off the photo: tf2onnx makes inputs of tensors that are no variables.
        captured = function.get_concrete_function().captured_inputs
        fixed = [tensor.numpy() for tensor in captured if tensor.dtype != tf.resource]
        pixels, *names = (entry.name for entry in self._session.get_inputs())
        self._pixels, self._fixed = pixels, dict(zip(names, fixed, strict=True))
        self.spec = spec

    def encode(self, pixels: np.ndarray) -> np.ndarray:
        return self._session.run(None, {self._pixels: pixels} | self._fixed)[0]


class PapersWay:
    """Keras `predict`, one photo decoded and embedded at a time."""

    decodes_ahead = False
    name, streams, batch = "the papers' way, Keras predict one by one", 1, 1

    def __init__(self, weights: Weights, spec: EncoderSpec) -> None:
        self._model, self.spec = encoder_of(weights, spec.size), spec

    def encode(self, pixels: np.ndarray) -> np.ndarray:
        photos = pixels.astype(np.float32)
        return np.concatenate([self._model.predict(photo[None], verbose=0) for photo in photos])
