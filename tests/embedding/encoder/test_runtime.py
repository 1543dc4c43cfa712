"""OpenVINO and Keras run the same encoder."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from embedding.encoder import quantize, runtime
from embedding.encoder.preprocess import pixels_of
from embedding.encoder.runtime import KerasEncoder, OpenVINOEncoder, Precision, load_encoder
from embedding.encoder.weights import Weights, assign_weights, load_weights
from lookalike.demo.catalogue import catalogue
from storage import encoders
from storage.errors import InputError, LookalikeError


@pytest.fixture(scope="module")
def pixels(fashion_encoder: Path) -> np.ndarray:
    size = load_encoder(fashion_encoder).spec.size
    return np.random.default_rng(0).integers(0, 256, (5, size, size, 3), np.uint8)


@pytest.fixture(scope="module")
def photos(fashion_encoder: Path) -> np.ndarray:
    """Five drawn garments: random pixels reach values that no photo does."""
    size = load_encoder(fashion_encoder).spec.size
    return np.stack([pixels_of(garment.photos[0](), size) for garment in catalogue(5)])


@pytest.mark.parametrize("precision", ["bf16", pytest.param("f32", marks=pytest.mark.slow)])
def test_openvino_and_keras_give_the_same_unit_vectors(
    fashion_encoder: Path, photos: np.ndarray, precision: Precision
) -> None:
    on_cpu = OpenVINOEncoder(fashion_encoder, precision="f32")
    # As on a GPU, compiled for one batch size, which five photos do not fill.
    on_gpu = KerasEncoder(load_weights("fashion"), on_cpu.spec, precision=precision, batch=4)
    ours, theirs = on_cpu.encode(photos), on_gpu.encode(photos)
    assert (ours.shape, ours.dtype) == ((5, 2048), np.float32)
    assert (theirs.shape, theirs.dtype) == ((5, 2048), np.float32)
    for vectors in (ours, theirs):
        np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert (np.sum(ours * theirs, axis=1) >= 0.999).all()
    assert on_gpu.encode(photos[:0]).shape == (0, 2048)


def test_mixed_precision_does_not_stay_behind(fashion_encoder: Path) -> None:
    import keras

    before = keras.config.dtype_policy().name
    with runtime.dtype_policy("mixed_bfloat16"):
        assert keras.config.dtype_policy().name == "mixed_bfloat16"
    assert keras.config.dtype_policy().name == before


def test_eight_bits_keep_the_vectors(
    fashion_encoder: Path, photos: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    exact = OpenVINOEncoder(fashion_encoder, precision="f32").encode(photos)
    folder = tmp_path / "encoder"
    shutil.copytree(fashion_encoder, folder)
    monkeypatch.setattr(quantize, "is_fast", lambda: True)
    peaks = quantize.measure_peaks(folder / encoders.IR_FILE, [photos[:3], photos[3:]])
    assert (peaks.dtype, peaks.shape) == (np.float32, (48,))
    assert (peaks > 0).all()
    np.save(folder / encoders.PEAKS_FILE, peaks)
    chosen = load_encoder(folder)
    assert chosen.precision in ("int8", "bf16")
    rounded = OpenVINOEncoder(folder, precision="int8", many=True)
    assert rounded.streams >= 1
    assert (np.sum(exact * rounded.encode(photos), axis=1) >= 0.98).all()
    # Peaks that every photo goes beyond: all are computed again.
    np.save(folder / encoders.PEAKS_FILE, peaks / 4)
    narrow = OpenVINOEncoder(folder, precision="int8")
    np.testing.assert_allclose(narrow.encode(photos), exact, atol=1e-4)


def test_eight_bits_are_used_where_the_processor_is_fast_at_them_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flags = tmp_path / "cpuinfo"
    monkeypatch.setattr(quantize, "_CPU_FLAGS", flags)
    assert not quantize.is_fast()
    flags.write_text("processor : 0\nflags : fpu avx2 avx512f\n")
    assert not quantize.is_fast()
    flags.write_text("processor : 0\nflags : fpu avx2 avx_vnni\n")
    assert quantize.is_fast()


def test_a_photo_s_vector_does_not_depend_on_its_batch(fashion_encoder: Path, pixels: np.ndarray) -> None:
    encoder = load_encoder(fashion_encoder)
    together = encoder.encode(pixels)
    alone = np.concatenate([encoder.encode(photo[None]) for photo in pixels])
    np.testing.assert_allclose(together, alone, atol=1e-4)


def test_several_threads_share_an_encoder(fashion_encoder: Path, pixels: np.ndarray) -> None:
    encoder = load_encoder(fashion_encoder, threads=1)
    expected = encoder.encode(pixels)
    with ThreadPoolExecutor(4) as pool:
        for vectors in pool.map(encoder.encode, [pixels] * 8):
            np.testing.assert_allclose(vectors, expected, atol=1e-4)


def test_no_photos_give_no_vectors(fashion_encoder: Path, pixels: np.ndarray) -> None:
    assert load_encoder(fashion_encoder).encode(pixels[:0]).shape == (0, 2048)


def test_a_folder_without_encoder_is_named(tmp_path: Path) -> None:
    with pytest.raises(LookalikeError, match="no encoder in"):
        load_encoder(tmp_path)


def test_weights_of_another_network_are_refused() -> None:
    from embedding.encoder.resnet50 import build_backbone

    with pytest.raises(InputError, match="not a ResNet50's"):
        assign_weights(
            Weights("other", {"conv/kernel": np.zeros((1, 1, 1, 1), np.float32)}, 32), build_backbone(32)
        )
