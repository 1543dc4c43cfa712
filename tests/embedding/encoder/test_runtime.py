"""OpenVINO and Keras run the same encoder."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from embedding.encoder import runtime
from embedding.encoder.preprocess import pixels_of
from embedding.encoder.runtime import KerasEncoder, OpenVINOEncoder, Precision, load_encoder
from embedding.encoder.weights import Weights, assign_weights, load_weights
from lookalike.demo.catalogue import catalogue
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


INTERRUPTED = """
import gc, signal, sys
from pathlib import Path
from embedding.encoder.runtime import load_encoder

encoders = [load_encoder(Path(sys.argv[1])) for _ in range(2)]
while encoders:
    del encoders[0]
    gc.collect()
try:
    signal.raise_signal(signal.SIGINT)
except KeyboardInterrupt:
    print("interrupted")
"""


def test_a_process_survives_ctrl_c_after_its_encoders_are_gone(fashion_encoder: Path) -> None:
    command = [sys.executable, "-c", INTERRUPTED, fashion_encoder]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert (done.returncode, done.stdout) == (0, "interrupted\n"), done.stderr


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
