"""Bands of likeness: cut-offs from the weights to a match."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from embedding.bands import Band, CutOffs, band_of, pop_cut_offs, to_arrays
from embedding.encoder.heads import read_cut_offs, read_heads, write_heads
from embedding.encoder.weights import (
    BUNDLED,
    BUNDLED_FAST,
    Weights,
    load_weights,
    read_weights,
    with_beside,
    write_beside,
    write_weights,
    write_with_heads,
)
from embedding.index import projection
from embedding.index.projection import Projection
from storage.errors import InputError, LookalikeError

CUT_OFFS = CutOffs(encoded=(0.75, 0.5, 0.25), projected=(0.875, 0.625, 0.375))


@pytest.mark.parametrize(
    ("cosine", "band"),
    [
        (1.0, Band.NEARLY_THE_SAME),
        (0.75, Band.NEARLY_THE_SAME),
        (0.74, Band.VERY_ALIKE),
        (0.5, Band.VERY_ALIKE),
        (0.49, Band.ALIKE),
        (0.25, Band.ALIKE),
        (0.24, None),
        (-1.0, None),
    ],
)
def test_a_cosine_has_the_first_band_that_it_reaches(cosine: float, band: Band | None) -> None:
    assert band_of(cosine, CUT_OFFS.encoded) is band


@pytest.mark.parametrize(
    "cosines", [(0.5, 0.75, 0.25), (0.75, 0.5), (1.5, 0.5, 0.25), (float("nan"), 0.5, 0.25)]
)
def test_cut_offs_that_make_no_sense_are_refused(cosines: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="descending cosines"):
        CutOffs(encoded=cosines, projected=CUT_OFFS.projected)


@pytest.mark.parametrize(
    "stored", [np.zeros(3, np.float32), np.zeros((2, 3), np.float64), np.zeros((2, 4), np.float32)]
)
def test_stored_cut_offs_of_another_shape_are_refused(stored: np.ndarray, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="shape"):
        pop_cut_offs({"cut_offs": stored})
    np.savez(tmp_path / "own.npz", cut_offs=stored)
    with pytest.raises(InputError, match="not a weights file"):
        read_weights(tmp_path / "own.npz", name="own")
    with pytest.raises(LookalikeError, match="repair"):
        read_cut_offs(tmp_path / "own.npz")


def test_cut_offs_are_stored_with_weights_and_change_no_vector(tmp_path: Path) -> None:
    plain = Weights("own", {"layer/kernel": np.ones((2, 2), np.float32)}, 64)
    marked = Weights("own", plain.arrays, 64, cut_offs=CUT_OFFS)
    write_weights(tmp_path / "own.npz", marked, int8=False)
    back = read_weights(tmp_path / "own.npz", name="own")
    assert back.cut_offs == CUT_OFFS
    assert back.fingerprint == plain.fingerprint
    # Cut-offs were measured with the heads that they are stored with.
    write_with_heads(tmp_path / "own.npz", tmp_path / "other.npz", {})
    assert read_weights(tmp_path / "other.npz", name="other").cut_offs is None
    write_with_heads(tmp_path / "own.npz", tmp_path / "other.npz", {}, CUT_OFFS)
    assert read_weights(tmp_path / "other.npz", name="other").cut_offs == CUT_OFFS


def test_cut_offs_are_stored_with_heads(tmp_path: Path) -> None:
    heads = load_weights("fashion-fast").heads
    for name, cut_offs in (("with.npz", CUT_OFFS), ("without.npz", None)):
        write_heads(tmp_path / name, heads, cut_offs)
        assert read_cut_offs(tmp_path / name) == cut_offs
        assert list(read_heads(tmp_path / name)) == list(heads)


def test_a_projection_keeps_them_and_knows_which_space_it_makes(tmp_path: Path) -> None:
    few = projection.fit(lambda: [np.eye(8, dtype=np.float32)], 8, cut_offs=CUT_OFFS)
    many = projection.fit(lambda: [np.eye(8, dtype=np.float32)], 8, cut_offs=CUT_OFFS, min_images=8)
    for fitted, band in ((few, Band.NEARLY_THE_SAME), (many, Band.VERY_ALIKE)):
        fitted.save(tmp_path / "projection.npz")
        assert Projection.load(tmp_path / "projection.npz").band(0.8) is band


def test_an_older_projection_has_no_bands(tmp_path: Path) -> None:
    projection.fit(lambda: [np.eye(8, dtype=np.float32)], 8).save(tmp_path / "projection.npz")
    assert Projection.load(tmp_path / "projection.npz").band(1.0) is None


@pytest.mark.parametrize("name", [BUNDLED, BUNDLED_FAST])
def test_the_bundled_encoders_have_cut_offs(name: str) -> None:
    cut_offs = load_weights(name).cut_offs
    assert cut_offs is not None
    # What is searched by the heads, too, and in another space, has cut-offs of its own.
    assert cut_offs.encoded != cut_offs.projected


def test_arrays_without_cut_offs_have_none() -> None:
    assert to_arrays(None) == {}
    assert pop_cut_offs({}) is None


def test_what_stands_beside_weights_counts_for_these_weights_alone(tmp_path: Path) -> None:
    file = tmp_path / "own.npz"
    heads = {name: head for name, head in load_weights(BUNDLED_FAST).heads.items() if name != "clothing"}
    write_weights(file, Weights("own", {"conv/kernel": np.ones((2, 2), np.float32)}, 64, heads), int8=False)
    plain = read_weights(file, name="own")
    assert with_beside(plain, file).cut_offs is None
    write_beside(file, {}, CUT_OFFS)
    write_beside(file, {"clothing": load_weights(BUNDLED_FAST).heads["clothing"]})
    later = with_beside(plain, file)
    assert later.cut_offs == CUT_OFFS
    assert set(later.heads) == {*heads, "clothing"}
    assert later.fingerprint == plain.fingerprint
    # Trained anew, the weights need cut-offs of their own.
    write_weights(file, Weights("own", {"conv/kernel": np.zeros((2, 2), np.float32)}, 64), int8=False)
    changed = with_beside(read_weights(file, name="own"), file)
    assert changed.cut_offs is None
    assert changed.heads == {}


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 cut short", b"no archive at all"])
def test_a_damaged_file_beside_weights_is_named(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "own.npz"
    write_weights(file, Weights("own", {"conv/kernel": np.ones((2, 2), np.float32)}, 64), int8=False)
    file.with_suffix(".heads.npz").write_bytes(content)
    with pytest.raises(InputError, match=r"own\.heads\.npz"):
        with_beside(read_weights(file, name="own"), file)
