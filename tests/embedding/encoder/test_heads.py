"""Heads: what an encoder recognises in its vectors."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from embedding.encoder.heads import (
    CLOTHING,
    Head,
    clothing_probability,
    fingerprint,
    read_heads,
    write_heads,
)
from embedding.encoder.weights import Weights, read_weights, write_weights, write_with_heads
from storage.errors import InputError, LookalikeError

DIM = 8


def head(attribute: str, *classes: str, multi: bool = False) -> Head:
    rng = np.random.default_rng(len(classes))
    kernel = rng.normal(0, 20, (DIM, len(classes))).astype(np.float32)
    return Head(attribute, classes, kernel, rng.normal(size=len(classes)).astype(np.float32), multi)


def vectors(count: int = 20) -> np.ndarray:
    found = np.random.default_rng(7).normal(size=(count, DIM))
    return (found / np.linalg.norm(found, axis=1, keepdims=True)).astype(np.float32)


def test_values_share_a_photo_unless_it_can_have_several() -> None:
    one = head("colour", "navy", "red", "white").probabilities(vectors())
    np.testing.assert_allclose(one.sum(axis=1), 1, atol=1e-5)
    several = head("style", "dots", "checks", multi=True)
    logits = several.logits(vectors()).astype(np.float64)
    np.testing.assert_allclose(several.probabilities(vectors()), 1 / (1 + np.exp(-logits)), atol=1e-5)


def test_far_logits_neither_overflow_nor_warn() -> None:
    for multi in (False, True):
        far = Head("x", ("a", "b"), np.full((DIM, 2), [[1e4, -1e4]], np.float32), np.zeros(2, "f4"), multi)
        with np.errstate(over="raise", invalid="raise"):
            found = far.probabilities(np.full((1, DIM), DIM**-0.5, np.float32))
        np.testing.assert_allclose(found, [[1, 0]])


def test_shapes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="'colour' has 2 classes"):
        Head("colour", ("navy", "red"), np.zeros((DIM, 3), np.float32), np.zeros(2, np.float32))


def test_only_a_clothing_head_tells_what_is_clothing() -> None:
    heads = {"colour": head("colour", "navy", "red")}
    assert clothing_probability(heads, vectors()) is None
    clothing = head(CLOTHING, "no", "yes")
    found = clothing_probability(heads | {CLOTHING: clothing}, vectors())
    assert found is not None
    np.testing.assert_array_equal(found, clothing.probabilities(vectors())[:, 1])


def test_heads_come_back_from_their_file(tmp_path: Path) -> None:
    heads = {"colour": head("colour", "navy", "écru"), "a/b": head("a/b", "x", "y", "z", multi=True)}
    write_heads(tmp_path / "heads.npz", heads)
    back = read_heads(tmp_path / "heads.npz")
    assert list(back) == ["colour", "a/b"]
    for name, found in back.items():
        assert (found.attribute, found.classes, found.multi) == (name, heads[name].classes, heads[name].multi)
        assert found.kernel.dtype == found.bias.dtype == np.float32
        expected = heads[name].probabilities(vectors())
        np.testing.assert_allclose(found.probabilities(vectors()), expected, atol=0.02)
    assert fingerprint(back) == fingerprint(heads)


def test_another_class_or_value_is_another_fingerprint() -> None:
    one = head("colour", "navy", "red")
    prints = {
        fingerprint({"colour": one}),
        fingerprint({"colour": replace(one, classes=("navy", "rose"))}),
        fingerprint({"colour": replace(one, bias=one.bias + 1)}),
        fingerprint({"colour": replace(one, multi=True)}),
        fingerprint({"shade": replace(one, attribute="shade")}),
    }
    assert len(prints) == 5


def test_what_holds_no_heads_is_named(tmp_path: Path) -> None:
    file = tmp_path / "heads.npz"
    with pytest.raises(LookalikeError, match="holds no heads"):
        read_heads(file)
    np.savez(file, **{"head:colour/kernel": np.zeros((DIM, 2)), "head:colour/bias": np.zeros(2)})
    with pytest.raises(LookalikeError, match="'colour' has no head:colour/classes"):
        read_heads(file)


def test_weights_carry_heads_and_are_the_same_weights(tmp_path: Path) -> None:
    without = Weights("made-up", {"conv/kernel": np.ones((3, 3, 2, 4), np.float32)}, 96)
    heads = {"colour": head("colour", "navy", "red"), CLOTHING: head(CLOTHING, "no", "yes")}
    write_weights(tmp_path / "w.npz", replace(without, heads=heads), int8=True)
    back = read_weights(tmp_path / "w.npz", name="made-up")
    assert list(back.arrays) == ["conv/kernel"]
    assert back.fingerprint == without.fingerprint
    assert fingerprint(back.heads) == fingerprint(heads)
    write_weights(tmp_path / "w.npz", without, int8=True)
    assert read_weights(tmp_path / "w.npz", name="made-up").heads == {}


def test_other_heads_leave_int8_weights_as_they_are(tmp_path: Path) -> None:
    kernel = np.random.default_rng(0).normal(size=(3, 3, 8, 64)).astype(np.float32)
    first = {"colour": head("colour", "navy", "red"), "gender": head("gender", "men", "women")}
    write_weights(tmp_path / "w.npz", Weights("w", {"conv/kernel": kernel}, 96, first), int8=True)
    before = read_weights(tmp_path / "w.npz", name="w")
    second = {CLOTHING: head(CLOTHING, "no", "yes")}
    write_with_heads(tmp_path / "w.npz", tmp_path / "w.npz", second)
    after = read_weights(tmp_path / "w.npz", name="w")
    assert (after.fingerprint, after.input_px) == (before.fingerprint, before.input_px)
    assert fingerprint(after.heads) == fingerprint(second)


def test_weights_with_half_a_head_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "w.npz", **{"conv/kernel": np.ones(3), "head:colour/bias": np.zeros(2)})
    with pytest.raises(InputError, match="the head 'colour' has no head:colour/kernel"):
        read_weights(tmp_path / "w.npz", name="w")
