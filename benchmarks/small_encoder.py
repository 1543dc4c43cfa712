"""An encoder that takes no time: pixels times a matrix, under the name of real weights."""

from __future__ import annotations

import numpy as np

from storage import encoders
from storage.encoders import EncoderSpec
from storage.root import Root
from storage.schemas import EMBEDDING_DIM


def write_small_encoder(root: Root, facts: EncoderSpec) -> None:
    """Adds it to a data root.

    :param facts: of the weights whose place it takes; their `size` is the side of the photos, px.
    """
    import openvino
    from openvino import opset13 as ops

    inputs = facts.size * facts.size * 3
    matrix = np.random.default_rng(3).standard_normal((inputs, EMBEDDING_DIM)).astype(np.float32)
    pixels = ops.parameter([-1, facts.size, facts.size, 3], np.uint8, name="pixels")
    flat = ops.reshape(ops.convert(pixels, np.float32), np.array([0, -1]), special_zero=True)
    vectors = ops.normalize_l2(ops.matmul(flat, matrix, False, False), np.array([1]), 1e-12, "add")
    with encoders.adding(root, facts.model) as folder, encoders.writing(folder, facts) as files:
        openvino.save_model(openvino.Model([vectors], [pixels]), files / encoders.IR_FILE)
