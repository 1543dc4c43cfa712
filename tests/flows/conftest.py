"""Weights whose encoder is made in no time: nights of these tests need no TensorFlow."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from embedding.encoder import convert
from embedding.encoder.convert import specify
from embedding.encoder.heads import Head
from embedding.encoder.weights import Weights, write_weights
from storage.root import Root
from tests import catalogues


@pytest.fixture(scope="module")
def small_weights(tmp_path_factory: pytest.TempPathFactory, quick: None) -> Path:
    """Weights with a head; their encoder is a small one, see `quick`."""
    random = np.random.default_rng(0)
    head = Head(
        "colour",
        ("red", "blue"),
        random.standard_normal((catalogues.DIM, 2)).astype(np.float16).astype(np.float32),
        np.zeros(2, np.float32),
    )
    file = tmp_path_factory.mktemp("weights") / "small.npz"
    write_weights(
        file, Weights("small", {"layer/kernel": np.ones(3, np.float32)}, 16, {"colour": head}), int8=False
    )
    return file


@pytest.fixture(scope="module")
def quick() -> Iterator[None]:
    """The encoder is made of weights in no time: by a stand-in for the conversion, which needs TensorFlow."""

    def made(loaded: Weights, folder: Path) -> None:
        root = Root.open(folder.parents[2])
        catalogues.write_encoder(root, specify(loaded).model, weights=loaded.name)
        shutil.move(root.encoders / specify(loaded).model, folder)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(convert, "convert", made)
        yield
