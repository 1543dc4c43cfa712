"""A small encoder that has a trunk shaped like a ResNet50's, and a head that knows colours by it."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from embedding.encoder.segmentation import (
    CLASSES,
    CONTEXT,
    LATERALS,
    LOGITS,
    REDUCED,
    REFINED,
    STRIDES,
    SegmentationHead,
)
from storage import encoders
from storage.root import Root
from tests import catalogues

_WIDTH, _NARROW, _KEPT = 4, 4, 6
_RED, _BLUE = 0, 1
"""Channels of the first map that are large where a photo is red, or blue."""


def write_trunk_encoder(root: Root, model: str = catalogues.MODEL, size: int = 64) -> Path:
    """An encoder of random convolutions whose first two channels tell red from blue.

    :return: its folder.
    """
    import openvino
    from openvino import opset13 as ops

    rng = np.random.default_rng(5)
    pixels = ops.parameter([-1, size, size, 3], np.uint8, name="pixels")
    channels_first = ops.transpose(ops.convert(pixels, np.float32), np.array([0, 3, 1, 2]))
    value = ops.add(channels_first, np.full((1, 3, 1, 1), -100, np.float32))
    first = 0.01 * rng.standard_normal((64, 3, 7, 7)).astype(np.float32)
    first[:2] = 0
    first[_RED, :, 3, 3], first[_BLUE, :, 3, 3] = (1, -0.5, -0.5), (-0.5, -0.5, 1)
    value = ops.relu(ops.convolution(value, first, [2, 2], [3, 3], [3, 3], [1, 1]))
    for stride in STRIDES:
        before, after = (64 if stride == STRIDES[0] else 32 * stride), 64 * stride
        kernel = 0.01 * rng.standard_normal((after, before, 1, 1)).astype(np.float32)
        kernel[:2] = 0
        kernel[_RED, _RED], kernel[_BLUE, _BLUE] = 1, 1
        value = ops.relu(ops.convolution(value, kernel, [2, 2], [0, 0], [0, 0], [1, 1]))
    pooled = ops.reduce_mean(value, np.array([2, 3]))
    vectors = ops.normalize_l2(pooled, np.array([1]), 1e-12, "add")
    facts = catalogues.spec(model).model_copy(update={"size": size, "weights": "test"})
    with encoders.writing(encoders.folder(root, model), facts) as folder:
        openvino.save_model(
            openvino.Model([vectors], [pixels]), folder / encoders.IR_FILE, compress_to_fp16=False
        )
    return encoders.folder(root, model)


def colour_head() -> SegmentationHead:
    """A head that says `top` where a photo is red, `bottom` where it is blue, and background elsewhere."""
    channels = {"red": 0, "blue": 1}
    arrays: dict[str, np.ndarray] = {}
    for reduced, lateral, stride in zip(REDUCED, LATERALS, STRIDES, strict=True):
        width = _NARROW if stride == STRIDES[0] else _WIDTH
        kernel = np.zeros((width, _KEPT, 1, 1), np.float32)
        if stride == STRIDES[0]:
            kernel[channels["red"], _RED], kernel[channels["blue"], _BLUE] = 1, 1
        arrays |= {f"{lateral}/kernel": kernel, f"{lateral}/bias": np.zeros(width, np.float32)}
        kept = np.eye(_KEPT, 64 * stride, dtype=np.float32)[..., None, None]
        arrays |= {f"{reduced}/kernel": kept, f"{reduced}/mean": np.zeros(64 * stride, np.float32)}
        arrays |= {f"{reduced}/std": np.full(64 * stride, 100, np.float32)}
    for layer, side in (*((layer, 3) for layer in CONTEXT), (REFINED, 3), (LOGITS, 1)):
        outputs = len(CLASSES) if layer == LOGITS else _NARROW
        kernel = np.zeros((outputs, _NARROW, side, side), np.float32)
        bias = np.zeros(outputs, np.float32)
        if layer == REFINED:
            kernel[channels["red"], channels["red"], 1, 1] = kernel[
                channels["blue"], channels["blue"], 1, 1
            ] = 1
        if layer == LOGITS:
            kernel[CLASSES.index("top"), channels["red"]] = kernel[
                CLASSES.index("bottom"), channels["blue"]
            ] = 20
            bias[0] = 5
        arrays |= {f"{layer}/kernel": kernel, f"{layer}/bias": bias}
    return SegmentationHead(arrays, (catalogues.spec(catalogues.MODEL).fingerprint,))
