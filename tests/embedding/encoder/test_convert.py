"""Conversion does not depend on the backend that Keras runs on."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from embedding.encoder.runtime import OpenVINOEncoder
from storage import encoders

CONVERT = """
import sys
from pathlib import Path
import keras
from embedding.encoder.convert import convert
from embedding.encoder.weights import Weights, load_weights
assert keras.backend.backend() == "openvino"
weights = load_weights("fashion")
if sys.argv[2] == "broken":
    weights = Weights("broken", {"conv1_conv/kernel": weights.arrays["conv1_conv/kernel"]}, 128)
print(convert(weights, Path(sys.argv[1])).model)
"""


def convert_elsewhere(folder: Path, which: str) -> subprocess.CompletedProcess[str]:
    """OpenVINO is the backend of Keras that needs no further package; JAX goes the same way."""
    return subprocess.run(
        [sys.executable, "-c", CONVERT, str(folder), which],
        env=os.environ | {"KERAS_BACKEND": "openvino"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.slow
def test_another_backend_s_encoder_is_the_same(fashion_encoder: Path, tmp_path: Path) -> None:
    done = convert_elsewhere(tmp_path / "encoder", "fashion")
    assert done.returncode == 0, done.stderr
    spec = encoders.load_spec(tmp_path / "encoder")
    assert spec == encoders.load_spec(fashion_encoder)
    assert done.stdout.strip() == spec.model
    pixels = np.random.default_rng(0).integers(0, 256, (2, spec.size, spec.size, 3), np.uint8)
    theirs, ours = (
        OpenVINOEncoder(folder, precision="f32").encode(pixels)
        for folder in (tmp_path / "encoder", fashion_encoder)
    )
    np.testing.assert_allclose(theirs, ours, atol=1e-6)


def test_another_backend_s_refusal_is_the_same(tmp_path: Path) -> None:
    done = convert_elsewhere(tmp_path / "encoder", "broken")
    assert done.returncode != 0
    assert "InputError: The weights 'broken' have no " in done.stderr
    assert not (tmp_path / "encoder").exists()


@pytest.fixture(autouse=True)
def _from_the_repository(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(Path(__file__).parents[3])
