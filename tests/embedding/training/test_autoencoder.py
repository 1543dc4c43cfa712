"""The autoencoder: its code, its training, and a killed training that goes on."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from embedding.encoder.runtime import KerasEncoder
from embedding.encoder.weights import Weights, load_weights
from storage.encoders import EncoderSpec
from storage.errors import InputError

TRAIN = """
import sys
from pathlib import Path
from embedding.training.autoencoder import AutoencoderRecipe, train_autoencoder
recipe = AutoencoderRecipe(epochs=int(sys.argv[3]), learning_rate=0.001, batch=8, size=32)
train_autoencoder([Path(sys.argv[1])], recipe, Path(sys.argv[2]))
"""


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    rows: dict[str, list[object]] = {"id": [], "image": []}
    for number in range(60):
        buffer = io.BytesIO()
        Image.new("RGB", (30, 40), (4 * number, 90, 250 - 4 * number)).save(buffer, "PNG")
        rows["id"].append(f"photo-{number}")
        rows["image"].append(buffer.getvalue())
    pq.write_table(pa.table(rows), tmp_path / "photos.parquet")
    return tmp_path / "photos.parquet"


def spec(size: int, dim: int) -> EncoderSpec:
    return EncoderSpec(
        model="m", weights="w", size=size, dim=dim, preprocessing="letterbox-white", fingerprint="0"
    )


def test_the_code_is_as_long_as_the_tables_vectors() -> None:
    from embedding.encoder.autoencoder import SIZE, build_autoencoder, extract_weights

    weights = extract_weights(build_autoencoder(), name="untrained")
    assert weights.input_px == SIZE
    pixels = np.random.default_rng(0).integers(0, 256, (2, SIZE, SIZE, 3), np.uint8)
    vectors = KerasEncoder(weights, spec(SIZE, 2048), precision="f32", batch=2).encode(pixels)
    assert (vectors.shape, vectors.dtype) == ((2, 2048), np.float32)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


def test_weights_that_lack_a_layer_are_refused() -> None:
    from embedding.encoder.network import encoder_of

    with pytest.raises(InputError, match="not an autoencoder's"):
        encoder_of(Weights("half", {"autoencoder_down1/kernel": np.zeros(3, np.float32)}, 32), 32)


def test_it_learns_goes_on_where_it_stopped_and_makes_an_encoder(photos: Path, tmp_path: Path) -> None:
    from embedding.training.autoencoder import AutoencoderRecipe, train_autoencoder

    steps = []

    def train(out: str, epochs: int, rate: float = 0.003) -> Path:
        recipe = AutoencoderRecipe(epochs=epochs, learning_rate=rate, batch=16, size=32)
        return train_autoencoder([photos], recipe, tmp_path / out, on_progress=steps.append)

    train("halves", 3)
    file = train("halves", 6)
    assert [(step.step, step.steps) for step in steps][-1] == (24, 24)
    train("whole", 6)
    halves, whole = (json.loads((tmp_path / out / "history.json").read_text()) for out in ("halves", "whole"))
    np.testing.assert_allclose(halves["loss"], whole["loss"], rtol=1e-3)
    assert len(whole["val_loss"]) == 6
    assert whole["loss"][-1] < whole["loss"][0]
    weights = load_weights(str(file))
    pixels = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3), np.uint8)
    vectors = KerasEncoder(weights, spec(32, 32), precision="f32", batch=2).encode(pixels)
    assert vectors.shape == (3, 32)
    assert np.abs(vectors[0] - vectors[1]).max() > 1e-4
    with pytest.raises(InputError, match="another recipe"):
        train("whole", 6, rate=0.01)


@pytest.mark.slow
def test_a_killed_training_ends_as_if_it_had_not_been_killed(photos: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-c", TRAIN, str(photos)]
    environment = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"}
    subprocess.run([*command, str(tmp_path / "whole"), "40"], check=True, env=environment)
    killed = tmp_path / "killed"
    running = subprocess.Popen([*command, str(killed), "40"], env=environment)
    deadline = time.monotonic() + 300
    while not _losses(killed) and running.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    running.send_signal(signal.SIGKILL)
    running.wait()
    kept = _losses(killed)
    assert 0 < len(kept) < 40
    subprocess.run([*command, str(killed), "40"], check=True, env=environment)
    assert _losses(killed)[: len(kept)] == kept
    np.testing.assert_allclose(_losses(killed), _losses(tmp_path / "whole"), rtol=1e-3)


def _losses(out: Path) -> list[float]:
    history = out / "history.json"
    return json.loads(history.read_text())["loss"] if history.exists() else []
