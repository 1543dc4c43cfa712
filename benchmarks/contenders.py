"""The encoders that `benchmarks/retrieval.py` compares: one class each, photos to vectors."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Protocol

import imagehash
import numpy as np

from embedding.encoder import autoencoder
from embedding.encoder.convert import convert
from embedding.encoder.preprocess import pixels_of
from embedding.encoder.runtime import OpenVINOEncoder, Precision
from embedding.encoder.weights import Weights, load_weights
from embedding.index import projection
from embedding.training.datasets import LabelledPhotos
from embedding.training.evaluate import embed_photos
from storage.atomic import replacing
from storage.images import decode

_BINS = 8
_BATCH = 64
_IMAGENET_FILE = "resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5"


class Contender(Protocol):
    """A way to compare photos.

    :param key: names its vectors: what else would give others has another key.
    """

    key: str

    def vectors(self, photos: LabelledPhotos) -> np.ndarray:
        """float32 [n, dim]."""
        ...

    def comparable(self, queries: np.ndarray, gallery: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Both such that the larger an inner product, the nearer: float32 [q, d] and [n, d]."""
        ...


class ColourHistogram:
    """Joint RGB histogram, square-rooted so that its cosine is the Bhattacharyya coefficient."""

    key = "histogram"

    def vectors(self, photos: LabelledPhotos) -> np.ndarray:
        return np.stack([self._histogram(image.as_py()) for image in photos.images])

    def comparable(self, queries: np.ndarray, gallery: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return queries, gallery

    def _histogram(self, data: bytes) -> np.ndarray:
        pixels = np.asarray(decode(data, fit=96)).reshape(-1, 3).astype(int) * _BINS // 256
        counts = np.bincount(pixels @ [_BINS * _BINS, _BINS, 1], minlength=_BINS**3)
        return np.sqrt(counts / counts.sum()).astype(np.float32)


class ResNet50:
    """As the product embeds and compares: cosine after the projection learnt from the gallery."""

    def __init__(self, weights: Weights, precision: Precision | None) -> None:
        self._weights, self._precision = weights, precision
        self.side = weights.input_px
        self.key = f"resnet50-{weights.fingerprint[:16]}-{weights.input_px}px-{precision or 'own'}"

    def vectors(self, photos: LabelledPhotos) -> np.ndarray:
        return embed_photos(photos, self._encoder)

    def comparable(self, queries: np.ndarray, gallery: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        learnt = projection.fit(lambda: [gallery], gallery.shape[1], heads=self._weights.heads)
        return learnt.apply(queries), learnt.apply(gallery)

    @cached_property
    def _encoder(self) -> OpenVINOEncoder:
        with tempfile.TemporaryDirectory() as scratch:
            convert(self._weights, Path(scratch) / "encoder")
            return OpenVINOEncoder(Path(scratch) / "encoder", precision=self._precision, many=True)


class Autoencoder:
    """Codes as long as they come, by Euclidean distance, as in the paper."""

    def __init__(self, weights: Weights) -> None:
        self._weights = weights
        self.key = f"codes-{weights.fingerprint[:16]}"

    def vectors(self, photos: LabelledPhotos) -> np.ndarray:
        network = autoencoder.build_autoencoder(self._weights.input_px)
        autoencoder.assign_weights(self._weights, network)
        code = autoencoder.code_of(network)
        codes = []
        for first in range(0, len(photos), _BATCH):
            rows = range(first, min(first + _BATCH, len(photos)))
            pixels = np.stack([pixels_of(photos.image(row), self._weights.input_px) for row in rows])
            codes.append(np.asarray(code.predict_on_batch(pixels.astype(np.float32) / 255)))
        return np.concatenate(codes)

    def comparable(self, queries: np.ndarray, gallery: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        # |q - g|² is least where q·g - |g|²/2 is largest.
        norms = (gallery**2).sum(axis=1, keepdims=True)
        return np.hstack([queries, np.ones((len(queries), 1), np.float32)]), np.hstack([gallery, -norms / 2])


def contender_of(name: str, precision: Precision | None) -> Contender | None:
    """The contender that weights make, or None for `imagenet` where Keras would have to download it.

    :param name: of weights, or their file.
    :raises InputError: no such weights.
    """
    home = Path(os.environ.get("KERAS_HOME", Path.home() / ".keras"))
    if name == "imagenet" and not (home / "models" / _IMAGENET_FILE).is_file():
        return None
    weights = load_weights(name)
    return Autoencoder(weights) if autoencoder.are_autoencoder(weights) else ResNet50(weights, precision)


def perceptual_hashes(photos: LabelledPhotos) -> np.ndarray:
    """bool [n, 64]."""
    return np.stack([imagehash.phash(decode(image.as_py())).hash.reshape(-1) for image in photos.images])


def kept(
    scratch: Path, key: str, photos: LabelledPhotos, make: Callable[[LabelledPhotos], np.ndarray]
) -> np.ndarray:
    """What was made of these photos before and lies in `scratch`, or is made now and laid there."""
    digest = hashlib.sha256()
    for image in photos.images:
        digest.update(image.as_buffer())
    file = scratch / f"{key}-{digest.hexdigest()[:16]}.npy"
    if not file.exists():
        scratch.mkdir(parents=True, exist_ok=True)
        with replacing(file) as unfinished:
            np.save(unfinished, make(photos))
    return np.load(file)
