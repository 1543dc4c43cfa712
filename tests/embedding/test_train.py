"""Training: its plan, its batches, its loss, and a killed run that goes on."""

from __future__ import annotations

import io
import json
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

from embedding.encoder.weights import load_weights
from embedding.training.datasets import is_validation, read_labelled
from storage.errors import InputError

TRAIN = """
import sys
from pathlib import Path
from embedding.training.train import Recipe, train
recipe = Recipe(("kind",), weights="untrained", sizes=(32, 40), epochs=(2.0, 2.0), head_steps=2, batch=8,
                lap_steps=2, frozen_until="conv5_block2_out", learning_rate=0.001)
train([Path(sys.argv[1])], recipe, Path(sys.argv[2]))
"""


@pytest.fixture
def labelled(tmp_path: Path) -> Path:
    rows: dict[str, list[object]] = {"id": [], "image": [], "kind": []}
    for number in range(40):
        buffer = io.BytesIO()
        Image.new("RGB", (30, 40), (255 * (number % 2), 90, 6 * number)).save(buffer, "PNG")
        rows["id"].append(f"photo-{number}")
        rows["image"].append(buffer.getvalue())
        rows["kind"].append("Dress" if number % 2 else "Shirt")
    pq.write_table(pa.table(rows), tmp_path / "labelled.parquet")
    return tmp_path / "labelled.parquet"


def test_the_plan_covers_every_step_once_at_growing_sizes() -> None:
    from embedding.training.train import Recipe, plan

    laps = plan(1000, Recipe(("kind",), sizes=(96, 128), epochs=(1.0, 0.5), head_steps=70, lap_steps=50))
    steps = [step for lap in laps for step in range(lap.first_step, lap.first_step + lap.steps)]
    assert steps == list(range(70 + 16 + 8))
    assert [(lap.size, lap.steps) for lap in laps] == [(96, 50), (96, 20), (96, 16), (128, 8)]


def test_batches_repeat_and_cover_every_photo_each_epoch(labelled: Path) -> None:
    from embedding.training.train import Batches, Lap, Recipe

    photos = read_labelled([labelled], ["kind"])
    recipe = Recipe(("kind",), batch=8)
    batches = Batches(photos, Lap(0, 32, 0, 5), recipe)
    again = Batches(photos, Lap(0, 32, 0, 5), recipe)
    pixels, codes = batches[3]
    assert (pixels.shape, pixels.dtype) == ((8, 32, 32, 3), np.uint8)
    assert (pixels == again[3][0]).all()
    assert not (pixels == batches[4][0]).all()
    seen = np.concatenate([batches[step][1]["kind"] for step in range(5)])
    assert sorted(seen) == sorted(photos.codes["kind"])
    assert codes["kind"].shape == (8,)


def test_a_row_without_the_label_weighs_nothing() -> None:
    from embedding.training.losses import MaskedCrossentropy

    logits = np.array([[2.0, -1.0], [0.0, 5.0]], np.float32)
    loss = MaskedCrossentropy(2, label_smoothing=0.0)
    with_absent = float(loss(np.array([0, -1]), logits))
    expected = np.log1p(np.exp(-3.0)) / 2
    assert with_absent == pytest.approx(expected, rel=1e-5)


def test_a_folder_of_another_recipe_is_left_alone(labelled: Path, tmp_path: Path) -> None:
    from embedding.training.train import Recipe, train

    out = tmp_path / "run"
    out.mkdir()
    (out / "recipe.json").write_text("{}")
    with pytest.raises(InputError, match="another recipe"):
        train([labelled], Recipe(("kind",), weights="untrained"), out)
    assert [path.name for path in out.iterdir()] == ["recipe.json"]


@pytest.mark.slow
def test_a_killed_training_goes_on_and_ends_as_if_it_had_not_been_killed(
    labelled: Path, tmp_path: Path
) -> None:
    command = [sys.executable, "-c", TRAIN, str(labelled)]
    subprocess.run([*command, str(tmp_path / "whole")], check=True, timeout=600)
    killed = tmp_path / "killed"
    running = subprocess.Popen([*command, str(killed)])
    deadline = time.monotonic() + 300
    while not _laps(killed) and time.monotonic() < deadline:
        time.sleep(0.05)
    running.send_signal(signal.SIGKILL)
    running.wait()
    kept = _laps(killed)
    assert kept
    subprocess.run([*command, str(killed)], check=True, timeout=600)
    whole = _laps(tmp_path / "whole")
    assert _laps(killed)[: len(kept)] == kept
    np.testing.assert_allclose(_laps(killed), whole, rtol=1e-3)
    trained = load_weights(str(killed / "weights.npz"))
    assert trained.input_px == 40
    start = load_weights("untrained").arrays
    changed = {
        key.split("_")[0] for key, array in trained.arrays.items() if not np.allclose(array, start[key])
    }
    assert changed == {"conv5"}
    assert any(is_validation(f"photo-{number}") for number in range(40))


def _laps(out: Path) -> list[float]:
    history = out / "history.json"
    return json.loads(history.read_text())["loss"] if history.exists() else []
