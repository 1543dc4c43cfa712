"""Quantises an encoder to 8-bit integers, for processors that multiply those faster than floats (VNNI).

Each convolution but the first takes its input as uint8 and its kernel as int8 with a scale an output
channel, which is how the bundled weights store kernels anyway; sums, shortcuts between blocks and the pooled
vector stay float32. What an input's 255 means, its peak, is the largest value that is seen there in 99 of 100
real photos: one photo in 900 reached a hundred times that, and a scale that covers it spoils the top 5 of all
others. So photos beyond the peaks are detected and computed again in float32. Peaks are measured once, with
`embedding.encoder.calibrate`, and stored with the weights.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import openvino

_SHARE = 0.99
_NEVER_NEGATIVE = ("Relu", "MaxPool")
_CPU_FLAGS = Path("/proc/cpuinfo")
_FLAGS = ("avx512_vnni", "avx_vnni")


def is_fast() -> bool:
    """Whether this processor multiplies 8-bit integers without loss and faster than floats."""
    try:
        # A line of flags a core; the first will do.
        flags = next(line for line in _CPU_FLAGS.read_text().splitlines() if line.startswith("flags"))
    except (OSError, StopIteration):
        return False
    return any(flag in flags.split() for flag in _FLAGS)


def measure_peaks(encoder: Path, batches: Iterable[np.ndarray]) -> np.ndarray:
    """Measures the peak of each convolution's input: its 99th percentile over photos.

    :param encoder: the IR file.
    :param batches: uint8 [n, size, size, 3] each, RGB; a few hundred real photos in all, as stores show them.
    :return: float32 [inputs].
    """
    import openvino
    from openvino import opset13 as ops

    core = openvino.Core()
    model = core.read_model(encoder)
    inputs = _inputs(model)
    of_photo = np.array([1, 2, 3])
    peaks = [ops.reduce_max(value, of_photo, keep_dims=False) for value in inputs]
    observed = openvino.Model([ops.result(peak) for peak in peaks], model.get_parameters())
    compiled = core.compile_model(observed, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    maxima = [np.stack(list(compiled({0: pixels}).values()), axis=1) for pixels in batches]
    return np.quantile(np.concatenate(maxima), _SHARE, axis=0).astype(np.float32)


def quantized(model: openvino.Model, peaks: np.ndarray) -> openvino.Model:
    """Inserts 8-bit quantisation before every convolution; OpenVINO fuses it into integer convolutions.

    :param model: changed in place. It gets a second output, float32 [n]: how far a photo's values go beyond
        the peaks, as a factor. Above 1 they were cut off, and the vector is not to be trusted.
    :param peaks: float32 [inputs], what `measure_peaks` found for it.
    :raises ValueError: the peaks are another network's.
    """
    from openvino import opset13 as ops

    inputs = _inputs(model)
    if len(inputs) != len(peaks):
        raise ValueError(f"{len(peaks)} peaks for {len(inputs)} inputs")
    model.add_results([ops.result(_excess(inputs, peaks))])
    for value, peak in zip(inputs, np.asarray(peaks, np.float32), strict=True):
        users = [target for target in value.get_target_inputs() if _is_convolution(target.get_node())]
        zero = np.float32(0)
        rounded = ops.fake_quantize(value, zero, peak, zero, peak, 256).output(0)
        for target in users:
            target.replace_source_output(rounded)
            _quantize_kernel(target.get_node())
    model.validate_nodes_and_infer_types()
    return model


def _excess(inputs: list[openvino.Output], peaks: np.ndarray) -> openvino.Node:
    from openvino import opset13 as ops

    # The values that shortcuts carry past the next block are there in float32 in any case.
    shortcuts = [at for at, value in enumerate(inputs) if len(value.get_target_inputs()) > 1]
    factors = [
        ops.multiply(
            ops.reduce_max(inputs[at], np.array([1, 2, 3]), keep_dims=False), np.float32(1 / peaks[at])
        )
        for at in shortcuts or range(len(inputs))
    ]
    return functools.reduce(ops.maximum, factors)


def _quantize_kernel(convolution: openvino.Node) -> None:
    from openvino import opset13 as ops

    kernel = convolution.input_value(1)
    # One scale an output channel; 127 steps either side of zero.
    largest = np.abs(kernel.get_node().data).max(axis=(1, 2, 3), keepdims=True).astype(np.float32)
    largest = np.maximum(largest, np.finfo(np.float32).tiny)
    rounded = ops.fake_quantize(kernel, -largest, largest, -largest, largest, 255)
    convolution.input(1).replace_source_output(rounded.output(0))


def _inputs(model: openvino.Model) -> list[openvino.Output]:
    """Inputs of the convolutions, each once, in topological order.

    Not the photo itself, which has negative values, too, once the mean is taken off.
    """
    taken = [node.input_value(0) for node in model.get_ordered_ops() if _is_convolution(node)]
    values = [value for value in taken if value.get_node().get_type_name() in _NEVER_NEGATIVE]
    return list({value.get_node().get_friendly_name(): value for value in values}.values())


def _is_convolution(node: openvino.Node) -> bool:
    return bool(node.get_type_name() == "Convolution")
