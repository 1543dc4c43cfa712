"""Weights files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from embedding.encoder.weights import Weights, load_weights, read_weights, write_weights
from storage.errors import InputError


def made_up() -> Weights:
    rng = np.random.default_rng(0)
    kernel = rng.normal(size=(3, 3, 8, 16)).astype(np.float32) * np.logspace(-4, 1, 16, dtype=np.float32)
    return Weights("made-up", {"conv/kernel": kernel, "bn/gamma": rng.random(16, np.float32)}, 96)


def test_float_weights_come_back_exactly(tmp_path: Path) -> None:
    write_weights(tmp_path / "w.npz", made_up(), int8=False)
    stored = read_weights(tmp_path / "w.npz", name="made-up")
    assert stored.input_px == 96
    assert stored.fingerprint == made_up().fingerprint


def test_int8_kernels_are_a_quarter_and_within_half_a_step_of_every_channel(tmp_path: Path) -> None:
    write_weights(tmp_path / "w.npz", made_up(), int8=True)
    kernel = made_up().arrays["conv/kernel"]
    stored = read_weights(tmp_path / "w.npz", name="made-up").arrays
    step = np.abs(kernel).max(axis=(0, 1, 2)) / 127
    assert (np.abs(stored["conv/kernel"] - kernel) <= step * 0.6).all()
    assert (stored["bn/gamma"] == made_up().arrays["bn/gamma"]).all()
    assert (tmp_path / "w.npz").stat().st_size < kernel.nbytes


def test_another_name_or_value_is_another_fingerprint() -> None:
    weights = made_up()
    changed = {**weights.arrays, "bn/gamma": weights.arrays["bn/gamma"] + 1e-3}
    assert Weights("made-up", changed, 96).fingerprint != weights.fingerprint


def test_unknown_names_and_files_that_hold_no_weights_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No weights 'fashon'"):
        load_weights("fashon")
    (tmp_path / "page.npz").write_text("<!DOCTYPE html>")
    with pytest.raises(InputError, match="not a weights file"):
        load_weights(str(tmp_path / "page.npz"))


def test_pickles_are_never_loaded(tmp_path: Path) -> None:
    np.savez(tmp_path / "evil.npz", kernel=np.array([{"a": 1}], dtype=object))
    with pytest.raises(InputError, match="not a weights file"):
        load_weights(str(tmp_path / "evil.npz"))


def test_the_bundled_resnet50_is_under_30_mb() -> None:
    weights = load_weights("fashion-fast")
    assert len(weights.arrays) == 324
    assert weights.arrays["conv1_conv/kernel"].shape == (7, 7, 3, 64)
    assert all(np.isfinite(array).all() for array in weights.arrays.values())
    from embedding.encoder import weights as module

    assert (Path(module.__file__).parent / "weights" / "fashion-fast.npz").stat().st_size < 30e6
