"""Training: its plan, its batches, its loss, and a killed run that goes on."""

from __future__ import annotations

import io
import json
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from embedding.encoder.network import encoder_of
from embedding.encoder.preprocess import pixels_of
from embedding.encoder.resnet50 import HIDDEN, LIFT, METRIC, NECK, weighted_layers
from embedding.encoder.weights import assign_weights, extract_weights, load_weights, write_weights
from embedding.training.datasets import is_validation, read_labelled
from embedding.training.recipe import Lap, Recipe, plan
from storage.errors import InputError

TRAIN = """
import sys
from pathlib import Path
from embedding.training.recipe import Recipe
from embedding.training.train import train
recipe = Recipe(("kind",), weights="untrained", sizes=(32, 32, 40), epochs=(0.5, 1.0, 1.0),
                train_from=("heads", "conv5", "conv5"), batch=8, lap_steps=2, refit_steps=20)
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


def test_the_plan_covers_every_step_once_stage_by_stage() -> None:
    recipe = Recipe(
        ("kind",),
        sizes=(96, 96, 128),
        epochs=(0.2, 1.0, 0.8),
        train_from=("heads", "conv4", "conv3"),
        lap_steps=10,
    )
    laps = plan(1000, recipe)
    steps = [step for lap in laps for step in range(lap.first_step, lap.first_step + lap.steps)]
    assert steps == list(range(4 + 16 + 13))
    assert [(lap.size, lap.train_from, lap.steps) for lap in laps] == [
        (96, "heads", 4),
        (96, "conv4", 10),
        (96, "conv4", 6),
        (128, "conv3", 10),
        (128, "conv3", 3),
    ]
    assert [lap.ends_epoch for lap in laps] == [False, False, True, False, True]


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"sizes": (96,)}, "1 sizes, 3 epochs and 3 blocks"),
        ({"train_from": ("heads", "conv4", "conv9")}, "No block 'conv9'"),
        ({"label_weights": (1.0, 2.0)}, "2 label weights for 1 labels"),
    ],
)
def test_a_recipe_that_does_not_fit_together_is_refused(wrong: dict[str, Any], says: str) -> None:
    with pytest.raises(InputError, match=says):
        Recipe(("kind",), **wrong)


def test_batches_repeat_and_cover_every_photo_each_epoch(labelled: Path) -> None:
    from embedding.training.batches import Batches

    photos = read_labelled([labelled], ["kind"])
    recipe = Recipe(("kind",), batch=8)
    lap = Lap(0, 32, "heads", 0, 5)
    batches = Batches(photos, {"kind-head": photos.codes["kind"]}, lap, recipe)
    again = Batches(photos, {"kind-head": photos.codes["kind"]}, lap, recipe)
    pixels, codes = batches[3]
    assert (pixels.shape, pixels.dtype) == ((8, 32, 32, 3), np.uint8)
    assert (pixels == again[3][0]).all()
    assert not (pixels == batches[4][0]).all()
    seen = np.concatenate([batches[step][1]["kind-head"] for step in range(5)])
    assert sorted(seen) == sorted(photos.codes["kind"])
    assert codes["kind-head"].shape == (8,)


def test_only_the_named_blocks_learn_and_lower_ones_more_slowly(labelled: Path) -> None:
    """One step of AdamW moves a weight by about its rate, whatever the gradient."""
    from embedding.training.batches import Batches
    from embedding.training.network import Network

    recipe = Recipe(
        ("kind",),
        weights=None,
        sizes=(32,),
        epochs=(1.0,),
        train_from=("conv5",),
        learning_rate=0.01,
        batch=8,
    )
    photos = read_labelled([labelled], ["kind"])
    network = Network(photos, recipe)
    lap = Lap(0, 32, "conv5", 0, 1)
    network.prepare(lap, [lap])
    layers = {layer.name: layer for layer in weighted_layers(network.backbone)}
    watched = ("conv4_block6_3_conv", "conv5_block3_3_conv", METRIC)
    before = {name: layers[name].get_weights()[0].copy() for name in watched}
    network.model.fit(Batches(photos, network.targets, lap, recipe), verbose=0)
    moved = {name: np.abs(layers[name].get_weights()[0] - before[name]).max() for name in watched}
    assert moved["conv4_block6_3_conv"] == 0
    assert moved[METRIC] == pytest.approx(0.01, rel=0.1)
    assert moved["conv5_block3_3_conv"] == pytest.approx(0.005, rel=0.1)


def test_training_starts_from_any_weights_with_their_own_vectors(labelled: Path, tmp_path: Path) -> None:
    """A metric layer begins as the identity, and one that was trained goes on as it is."""
    from embedding.training.network import Network

    photos = read_labelled([labelled], ["kind"])
    network = Network(photos, Recipe(("kind",), weights=None))
    assign_weights(load_weights("untrained"), network.backbone)
    layers = {layer.name: layer for layer in weighted_layers(network.backbone)}
    np.testing.assert_array_equal(layers[METRIC].get_weights()[0], np.eye(2048))
    turned = np.roll(np.eye(2048, dtype=np.float32), 1, axis=0)
    layers[METRIC].set_weights([turned])
    write_weights(
        tmp_path / "turned.npz", extract_weights(network.backbone, name="turned", input_px=32), int8=True
    )
    assign_weights(load_weights(str(tmp_path / "turned.npz")), Network(photos, Recipe(("kind",))).backbone)
    encoder = encoder_of(load_weights(str(tmp_path / "turned.npz")), 32)
    plain = encoder_of(load_weights("untrained"), 32)
    pixels = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3)).astype(np.float32)
    expected = np.asarray(plain(pixels))
    np.testing.assert_allclose(np.asarray(encoder(pixels)), np.roll(expected, -1, axis=1), atol=2e-2)


def test_a_hidden_layer_adds_to_the_metric_layer_and_older_weights_do_without(
    labelled: Path, tmp_path: Path
) -> None:
    from embedding.training.network import Network

    photos = read_labelled([labelled], ["kind"])
    backbone = Network(photos, Recipe(("kind",), weights=None)).backbone
    assign_weights(load_weights("untrained"), backbone)
    layers = {layer.name: layer for layer in weighted_layers(backbone)}
    pixels = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3)).astype(np.float32)
    flat = np.asarray(backbone(pixels))
    assert not layers[LIFT].get_weights()[0].any()
    lift = np.random.default_rng(1).normal(0, 0.1, (512, 2048)).astype(np.float32)
    layers[LIFT].set_weights([lift])
    projection_head = np.asarray(backbone(pixels))
    hidden, bias = layers[HIDDEN].get_weights()
    np.testing.assert_allclose(projection_head - flat, np.maximum(flat @ hidden + bias, 0) @ lift, atol=1e-3)
    write_weights(tmp_path / "bent.npz", extract_weights(backbone, name="bent", input_px=32), int8=False)
    stored = load_weights(str(tmp_path / "bent.npz"))
    encoded = np.asarray(encoder_of(stored, 32)(pixels))
    np.testing.assert_allclose(
        encoded,
        projection_head / np.linalg.norm(projection_head, axis=1, keepdims=True),
        rtol=1e-3,
        atol=1e-5,
    )
    for lost in ("neck/moving_mean", "metric_hidden/bias"):
        rest = {key: array for key, array in stored.arrays.items() if key != lost}
        with pytest.raises(InputError, match=lost):
            encoder_of(replace(stored, arrays=rest), 32)
    older = {key: array for key, array in stored.arrays.items() if not key.startswith("metric_")}
    encoded = np.asarray(encoder_of(replace(stored, arrays=older), 32)(pixels))
    np.testing.assert_allclose(
        encoded, flat / np.linalg.norm(flat, axis=1, keepdims=True), rtol=1e-3, atol=1e-5
    )


def test_the_network_learns_to_give_the_teachers_vectors(labelled: Path) -> None:
    """Of photos with a vector; one without moves nothing, and no label's loss is needed for it."""
    from embedding.training.network import TEACHER, Network
    from embedding.training.refit import refit

    photos = read_labelled([labelled], ["kind"])
    taught = np.zeros((len(photos), 8), np.float32)
    taught[np.arange(len(photos)), photos.codes["kind"]] = 1
    recipe = Recipe(
        ("kind",), label_weights=(0.0,), weights=None, sizes=(32,), epochs=(1.0,), train_from=("heads",)
    )
    network = Network(photos, recipe, taught)
    lap = Lap(0, 32, "heads", 0, 20)
    network.prepare(lap, [lap])
    pixels = np.stack([pixels_of(photos.image(row), 32) for row in range(len(photos))])
    before = network.backbone.get_layer(METRIC).get_weights()[0]
    losses = [network.model.train_on_batch(pixels, network.targets)[0] for _ in range(20)]
    assert losses[-1] < losses[0] - 1
    np.testing.assert_allclose(network.backbone.get_layer(METRIC).get_weights()[0], before, atol=1e-2)
    learnt = network.model.get_layer(TEACHER).get_weights()[0]
    nothing = network.targets | {TEACHER: np.zeros_like(taught)}
    np.testing.assert_allclose(network.model.test_on_batch(pixels, nothing)[0], 0, atol=1e-6)
    refit(network, photos, 32, 2)
    np.testing.assert_array_equal(network.model.get_layer(TEACHER).get_weights()[0], learnt)
    assert network.backbone.get_layer(NECK).get_weights()[1].any()


def test_a_folder_of_another_recipe_is_left_alone(labelled: Path, tmp_path: Path) -> None:
    from embedding.training.train import train

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
    changed = {key.split("_")[0] for key in start if not np.allclose(trained.arrays[key], start[key])}
    assert changed == {"conv5"}
    assert {"neck/moving_mean", "metric/kernel"} <= set(trained.arrays)
    epochs = json.loads((killed / "history.json").read_text())["epochs"]
    assert [epoch.get("refit", False) for epoch in epochs] == [False] * (len(epochs) - 1) + [True]
    assert 0 <= epochs[-1]["labels"]["kind"]["accuracy"] <= 1
    assert Image.open(killed / "curves.png").size[0] > 500
    assert any(is_validation(f"photo-{number}") for number in range(40))


@pytest.mark.slow
def test_the_train_command_writes_weights_that_recognise_what_they_learnt(
    labelled: Path, tmp_path: Path
) -> None:
    options = ["--labels", "kind", "--from", "untrained", "--batch", "8"]
    options += ["--sizes", "32", "--epochs", "0", "--train-from", "heads"]
    command = [sys.executable, "-m", "lookalike.cli", "train", str(labelled), *options, "--json"]
    run = subprocess.run(
        [*command, "--out", str(tmp_path / "run")], capture_output=True, text=True, timeout=900
    )
    assert run.returncode == 0, run.stderr
    weights = load_weights(json.loads(run.stdout)["weights"])
    assert set(weights.heads) == {"clothing", "kind"}
    assert set(weights.heads["kind"].classes) == {"Dress", "Shirt"}
    assert "| kind | 2 |" in run.stderr


def _laps(out: Path) -> list[float]:
    history = out / "history.json"
    return json.loads(history.read_text())["loss"] if history.exists() else []
