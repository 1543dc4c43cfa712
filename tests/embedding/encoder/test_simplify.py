"""The graph without Keras' detours gives the same vectors."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import openvino
from openvino import opset13 as ops

from embedding.encoder.runtime import openvino_core
from embedding.encoder.simplify import simplified
from storage import encoders


def kinds(model: openvino.Model) -> Counter[str]:
    return Counter(node.get_type_name() for node in model.get_ops())


def vectors(model: openvino.Model, pixels: np.ndarray) -> np.ndarray:
    compiled = openvino_core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return np.array(compiled(pixels)[0])


def test_the_encoder_takes_no_detours_and_keeps_its_vectors(fashion_encoder: Path) -> None:
    core = openvino_core()
    as_written = core.read_model(fashion_encoder / encoders.IR_FILE)
    straight = simplified(core.read_model(fashion_encoder / encoders.IR_FILE))
    before, after = kinds(as_written), kinds(straight)
    # What the fused encoder flips and pads beside the ResNet50 stays.
    assert after["ReverseSequence"] == before["ReverseSequence"] - 1
    assert after["Pad"] == before["Pad"] - 1
    side = encoders.load_spec(fashion_encoder).size
    pixels = np.random.default_rng(0).integers(0, 256, (3, side, side, 3), np.uint8)
    np.testing.assert_allclose(vectors(straight, pixels), vectors(as_written, pixels), atol=1e-5)


def test_a_pad_that_matters_stays() -> None:
    values = ops.parameter([1, 1, 4, 4], np.float32)
    padded = ops.pad(values, [0, 0, 1, 1], [0, 0, 1, 1], "constant", np.float32(0))
    pooled = ops.max_pool(padded, [2, 2], [1, 1], [0, 0], [0, 0], [3, 3], "floor", "explicit")
    model = openvino.Model([pooled.output(0)], [values])
    below_zero = np.full((1, 1, 4, 4), -1, np.float32)
    before = vectors(model, below_zero)
    assert (vectors(simplified(model), below_zero) == before).all()
    assert "Pad" in kinds(model)
    assert before.max() == 0
