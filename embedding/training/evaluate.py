"""Evaluation of an encoder: does what it finds carry the query's labels?"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from embedding.encoder.convert import convert
from embedding.encoder.preprocess import pixels_of
from embedding.encoder.runtime import Encoder, load_encoder
from embedding.encoder.stage import resolve_model
from embedding.encoder.weights import load_weights
from embedding.index import projection
from embedding.training.datasets import ABSENT, LabelledPhotos, read_labelled
from storage import encoders
from storage.errors import InputError
from storage.root import Root

_BATCH = 32
_QUERY_BLOCK = 512


@dataclass(frozen=True)
class Evaluation:
    """Retrieval figures of one model.

    :param model: the encoder's name.
    :param queries: photos asked with.
    :param gallery: photos searched.
    :param precision_at_5: label to the mean share of the five nearest that carry the query's value, over the
        queries that have the label.
    """

    model: str
    queries: int
    gallery: int
    precision_at_5: dict[str, float]


def evaluate_files(
    queries: Path,
    gallery: Path | None,
    labels: Sequence[str],
    *,
    encoder: str = "fashion",
    root: Root | None = None,
    on_progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> Evaluation:
    """Precision@5 of queries against a gallery, or against each other; no photo finds its own id.

    Similarity is the product's own: cosine after a projection learnt from the gallery.

    :param queries: Parquet file with columns `id`, `image` (bytes) and labels.
    :param gallery: the same; None searches the queries' own file.
    :param labels: label columns; `a+b` asks that both agree.
    :param encoder: weights by name or file, or a model in the root.
    :param root: where encoders are kept; without one the encoder is made for this call.
    :param on_progress: called with photos embedded and in all.
    :raises InputError: unusable files, labels or encoder.
    """
    files = [queries] if gallery is None else [queries, gallery]
    photos = read_labelled(files, labels)
    asked = len(photos) if gallery is None else pq.read_metadata(queries).num_rows
    with tempfile.TemporaryDirectory() as scratch:
        runtime = _load(encoder, root, Path(scratch))
        vectors = embed_photos(photos, runtime, on_progress)
    searched = vectors if gallery is None else vectors[asked:]
    if not asked or len(searched) < 6:
        raise InputError(
            f"{asked} queries and {len(searched)} photos to search are too few. Give at least 1 and 6."
        )
    projected = projection.fit(lambda: [searched], searched.shape[1])
    offset = 0 if gallery is None else asked
    own = {photo_id: row for row, photo_id in enumerate(photos.ids[offset:])}
    nearest = nearest_five(
        projected.apply(vectors[:asked]),
        projected.apply(searched),
        own=np.array([own.get(photo_id, -1) for photo_id in photos.ids[:asked]]),
    )
    figures = {
        label: precision(codes[:asked], codes[offset:][nearest]) for label, codes in photos.codes.items()
    }
    return Evaluation(runtime.spec.model, asked, len(searched), figures)


def nearest_five(queries: np.ndarray, gallery: np.ndarray, *, own: np.ndarray | None = None) -> np.ndarray:
    """Rows of the five nearest of the gallery by cosine, exactly, nearest first.

    :param queries: float32 [q, dim], L2 norm 1.
    :param gallery: float32 [n, dim], L2 norm 1.
    :param own: int64 [q], the row of the gallery that is the query itself and not to be found, -1 for none.
    :return: int64 [q, 5].
    """
    blocks = []
    for first in range(0, len(queries), _QUERY_BLOCK):
        block = queries[first : first + _QUERY_BLOCK]
        scores = block @ gallery.T
        if own is not None:
            there = np.flatnonzero(own[first : first + _QUERY_BLOCK] >= 0)
            scores[there, own[first + there]] = -np.inf
        five = np.argpartition(-scores, 5, axis=1)[:, :5]
        order = np.argsort(-np.take_along_axis(scores, five, axis=1), axis=1, kind="stable")
        blocks.append(np.take_along_axis(five, order, axis=1))
    return np.concatenate(blocks)


def precision(asked: np.ndarray, found: np.ndarray) -> float:
    """Mean share of found codes that equal the asked one, over the rows that have a code.

    :param asked: int32 [q].
    :param found: int32 [q, k].
    :return: 0…1, NaN where no row has a code.
    """
    known = asked != ABSENT
    return float((found[known] == asked[known, None]).mean()) if known.any() else float("nan")


def embed_photos(
    photos: LabelledPhotos,
    encoder: Encoder,
    on_progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> np.ndarray:
    """Vectors of labelled photos.

    :return: float32 [n, dim], L2 norm 1.
    :raises UnreadableImageError: a photo can't be decoded.
    """
    vectors = np.empty((len(photos), encoder.spec.dim), np.float32)
    for first in range(0, len(photos), _BATCH):
        rows = range(first, min(first + _BATCH, len(photos)))
        pixels = np.stack([pixels_of(photos.image(row), encoder.spec.size) for row in rows])
        vectors[first : rows.stop] = encoder.encode(pixels)
        on_progress(rows.stop, len(photos))
    return vectors


def _load(encoder: str, root: Root | None, scratch: Path) -> Encoder:
    if root is not None:
        model = encoder if encoder in encoders.available(root) else resolve_model(root, encoder)
        return load_encoder(encoders.folder(root, model))
    convert(load_weights(encoder), scratch / "encoder")
    return load_encoder(scratch / "encoder")
