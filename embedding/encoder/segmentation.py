"""Finds garments in photos: a segmentation head on the feature maps of the encoder's own ResNet50.

The head reads the last feature maps of the ResNet50's four stages as a feature pyramid (Lin et al., "Feature
Pyramid Networks for Object Detection", 2017, section 3) and says of each pixel what it shows. The trunk is
cut out of the encoder's OpenVINO graph, so that there is no second network, and encoders that are stored
already find garments, too. The head of the bundled weights is `garments.npz`, which holds the fingerprints of
the weights that it fits.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from embedding.encoder.preprocess import fitted, letterbox
from embedding.encoder.runtime import has_bf16, openvino_core
from embedding.encoder.simplify import simplified
from storage import encoders
from storage.arrays import read_npz
from storage.atomic import replacing
from storage.errors import LookalikeError

if TYPE_CHECKING:
    import openvino

BACKGROUND, PERSON = "background", "person"

CLASSES = (BACKGROUND, PERSON, "top", "bottom", "dress", "footwear", "bag", "accessory")
"""What a pixel shows; all but the first two are garments, named as `embedding.outfits.kinds` does."""

SIZE = 192
"""Side of the square that photos are letterboxed to, px."""

STRIDES = (4, 8, 16, 32)
"""Px of the square a cell of the maps that each stage of the ResNet50 ends with."""

REDUCED = tuple(f"reduced{stride}" for stride in STRIDES)
"""Names of the projections of the maps to their main directions."""

CLIPPED = 4.0
"""Largest value of a projected map: where a photo is flat, a few channels are a hundred times as large."""

LATERALS = tuple(f"lateral{stride}" for stride in STRIDES)
CONTEXT, REFINED, LOGITS = ("context1", "context2"), "refined", "logits"
LAYERS = (*LATERALS, *CONTEXT, REFINED, LOGITS)
"""Names of the head's convolutions, of 1 by 1 and of 3 by 3 cells."""

FILE = "garments.npz"

_OF = "of"
_SCALES = ("mean", "std")
_AT_ONCE = 16
_WIDTH = 64  # channels of the ResNet50's first convolution; a stage's end has this many times its stride
_FIRST_KERNEL = [_WIDTH, 3, 7, 7]  # no other network of an encoder has one of this shape


@dataclass(frozen=True, eq=False)
class SegmentationHead:
    """Kernels and biases of the head.

    :param arrays: by `layer/kernel`, float32 [out, in, side, side], and `layer/bias`, float32 [out], for each
        of `LAYERS`; for each of `REDUCED` instead of the bias `layer/mean` and `layer/std`, float32 [in],
        which standardise the trunk's channels first.
    :param of: fingerprints of the weights whose ResNet50 it was fitted to.
    """

    arrays: Mapping[str, np.ndarray]
    of: tuple[str, ...]


class Segmenter:
    """Segments photos on the CPU. Safe to call from several threads.

    :param folder: an encoder's, as `embedding.encoder.convert.convert` wrote it.
    :param head: what was fitted to its ResNet50; the bundled one if None.
    :param threads: processor threads; None takes all.
    :raises LookalikeError: the folder holds no encoder, or none that the head was fitted to.
    """

    def __init__(
        self, folder: Path, head: SegmentationHead | None = None, *, threads: int | None = None
    ) -> None:
        spec = encoders.verify(folder)
        head = head or bundled_head()
        if spec.fingerprint not in head.of:
            raise LookalikeError(
                f"Garments cannot be found in photos by the encoder {spec.model}: no segmentation head was "
                "fitted to it. Embed with the weights `fashion` or `fashion-fast`."
            )
        self._compiled = compiled(_with_head(trunk(folder), head.arrays), threads)

    def segment(self, photos: Sequence[Image.Image]) -> list[np.ndarray]:
        """Says what each pixel of photos shows.

        :param photos: RGB, of any sizes.
        :return: for each its probabilities, float32 [classes, height, width], whose larger side is `SIZE`;
            they sum to 1 over `CLASSES`.
        """
        found: list[np.ndarray] = []
        for start in range(0, len(photos), _AT_ONCE):
            some = photos[start : start + _AT_ONCE]
            pixels = np.stack([letterbox(photo, SIZE) for photo in some])
            squares = self._compiled.create_infer_request().infer({0: pixels})[0]
            for square, photo in zip(squares, some, strict=True):
                left, top, width, height = fitted(photo.size, SIZE)
                found.append(square[:, top : top + height, left : left + width].copy())
        return found


def trunk(folder: Path) -> openvino.Model:
    """Cuts the ResNet50 out of an encoder.

    :return: model from uint8 [n, SIZE, SIZE, 3] RGB to the maps at `STRIDES`, float32 [n, channels, side,
        side].
    :raises LookalikeError: the encoder has no ResNet50.
    """
    import openvino
    from openvino import opset13 as ops

    nodes = simplified(openvino_core().read_model(folder / encoders.IR_FILE)).get_ordered_ops()
    first = next(filter(_is_first, nodes), None)
    if first is None:
        raise LookalikeError(f"The encoder in {folder} has no ResNet50, which garments are found by.")
    ends = _ends(first, nodes)
    pixels = ops.parameter([-1, SIZE, SIZE, 3], np.uint8, "pixels")
    channels_first = ops.transpose(ops.convert(pixels, np.float32), np.array([0, 3, 1, 2]))
    adds_means = first.input_value(0).get_node()
    adds_means.input(0).replace_source_output(channels_first.output(0))
    return openvino.Model([ends[stride].output(0) for stride in STRIDES], [pixels], "trunk")


def compiled(model: openvino.Model, threads: int | None = None) -> openvino.CompiledModel:
    """Compiles a model for the CPU, in bf16 where the processor has it."""
    settings: dict[str, object] = {"INFERENCE_PRECISION_HINT": "bf16" if has_bf16() else "f32"}
    if threads is not None:
        settings["INFERENCE_NUM_THREADS"] = threads
    return openvino_core().compile_model(model, "CPU", settings)


@functools.cache
def bundled_head() -> SegmentationHead:
    """The head of the bundled weights."""
    with resources.as_file(resources.files("embedding.encoder") / "weights" / FILE) as path:
        return read_head(path)


def read_head(file: Path) -> SegmentationHead:
    """Reads a head that `write_head` wrote.

    :raises LookalikeError: it cannot be read, or holds something else.
    """
    try:
        stored = read_npz(file)
        parts: dict[str, tuple[str, ...]] = dict.fromkeys(REDUCED, ("kernel", "mean", "std"))
        parts |= dict.fromkeys(LAYERS, ("kernel", "bias"))
        keys = [f"{layer}/{part}" for layer, some in parts.items() for part in some]
        return SegmentationHead(
            {key: stored[key].astype(np.float32) for key in keys}, tuple(map(str, stored[_OF].tolist()))
        )
    except (OSError, ValueError, KeyError) as error:
        raise LookalikeError(
            f"{file} holds no segmentation head ({error}). Install Lookalike again."
        ) from error


def write_head(file: Path, head: SegmentationHead) -> None:
    """Writes a head as `.npz`, atomically; kernels and biases are rounded to float16."""
    arrays = {
        key: array.astype("<f4" if key.endswith(_SCALES) else "<f2") for key, array in head.arrays.items()
    }
    with replacing(file) as unfinished:
        np.savez_compressed(unfinished, allow_pickle=False, **arrays, **{_OF: np.array(head.of)})


def _is_first(node: openvino.Node) -> bool:
    """Whether a node is the ResNet50's first convolution."""
    return (
        node.get_type_name() == "Convolution"
        and list(node.input_value(1).get_partial_shape()) == _FIRST_KERNEL
    )


def _ends(first: openvino.Node, nodes: Sequence[openvino.Node]) -> dict[int, openvino.Node]:
    """The last node of each stage by its stride; names do not tell, since OpenVINO gives its own.

    :param nodes: all of the graph, in its order.
    """
    side = 2 * first.get_output_partial_shape(0)[2].get_length()
    behind, ends = {first.get_friendly_name()}, {}
    for node in nodes:
        if behind.isdisjoint(source.get_node().get_friendly_name() for source in node.input_values()):
            continue
        behind.add(node.get_friendly_name())
        shape = node.get_output_partial_shape(0)
        if node.get_type_name() == "Relu" and len(shape) == 4:
            channels, stride = shape[1].get_length(), side // shape[2].get_length()
            if channels == _WIDTH * stride:
                ends[stride] = node
    return ends


def _with_head(model: openvino.Model, arrays: Mapping[str, np.ndarray]) -> openvino.Model:
    """Puts the head on a trunk.

    :return: model from uint8 [n, SIZE, SIZE, 3] RGB to probabilities, float32 [n, classes, SIZE, SIZE].
    """
    import openvino
    from openvino import opset13 as ops

    def convolved(given: openvino.Output, layer: str) -> openvino.Output:
        kernel, bias = arrays[f"{layer}/kernel"], arrays[f"{layer}/bias"]
        around = [kernel.shape[-1] // 2] * 2
        value = ops.convolution(given, kernel, [1, 1], around, around, [1, 1])
        return ops.add(value, bias.reshape(1, -1, 1, 1)).output(0)

    def projected(given: openvino.Output, layer: str) -> openvino.Output:
        kernel = arrays[f"{layer}/kernel"] / arrays[f"{layer}/std"][:, None, None]
        value = ops.convolution(given, kernel, [1, 1], [0, 0], [0, 0], [1, 1])
        value = ops.subtract(value, (kernel[:, :, 0, 0] @ arrays[f"{layer}/mean"]).reshape(1, -1, 1, 1))
        return ops.clamp(value, -CLIPPED, CLIPPED).output(0)

    def enlarged(given: openvino.Output, factor: int) -> openvino.Output:
        scales = np.array([factor, factor], np.float32)
        value = ops.interpolate(given, scales, "linear_onnx", "scales", axes=np.array([2, 3]))
        return value.output(0)

    def relu(given: openvino.Output) -> openvino.Output:
        return ops.relu(given).output(0)

    finest, *coarser = (
        convolved(projected(source.input_value(0), reduced), lateral)
        for source, reduced, lateral in zip(model.get_results(), REDUCED, LATERALS, strict=True)
    )
    value = coarser.pop()
    while coarser:
        value = ops.add(enlarged(value, 2), coarser.pop()).output(0)
    value = relu(value)
    for layer in CONTEXT:
        value = relu(convolved(value, layer))
    value = relu(ops.add(enlarged(value, 2), finest).output(0))
    logits = convolved(relu(convolved(value, REFINED)), LOGITS)
    probabilities = ops.softmax(enlarged(logits, STRIDES[0]), 1)
    return openvino.Model([probabilities], model.get_parameters(), "segmenter")
