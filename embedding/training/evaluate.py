"""Evaluates an encoder: do the nearest photos carry the query's labels?"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from embedding.encoder import pipeline
from embedding.encoder.convert import convert
from embedding.encoder.heads import Head, load_heads
from embedding.encoder.runtime import Encoder, load_encoder
from embedding.encoder.stage import resolve_model
from embedding.encoder.weights import load_weights
from embedding.exact import nearest
from embedding.index import projection
from embedding.training.datasets import LabelledPhotos, read_labelled
from embedding.training.retrieval_metrics import MAP_AT, PRECISION_AT, label_figures
from storage import encoders
from storage.errors import InputError, UnreadableImageError
from storage.root import Root

_BATCH = 16


@dataclass(frozen=True)
class Evaluation:
    """Retrieval figures of one model.

    :param model: the encoder's name.
    :param queries: number of query photos.
    :param gallery: number of photos searched.
    :param precision_at_5: label to the mean share of the five nearest that carry the query's value, over the
        queries that have the label.
    :param map_at_10: label to the mean average precision of the ten nearest, likewise.
    """

    model: str
    queries: int
    gallery: int
    precision_at_5: dict[str, float]
    map_at_10: dict[str, float]


def evaluate_files(
    queries: Path,
    gallery: Path | None,
    labels: Sequence[str],
    *,
    encoder: str = "fashion",
    root: Root | None = None,
    on_progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> Evaluation:
    """Measures precision@5 and mAP@10 of queries against a gallery, or against each other without themselves.

    Similarity is the product's own: cosine after a projection learnt from the gallery, what the
    encoder's heads recognise beside the vectors.

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
    query_count = len(photos) if gallery is None else pq.read_metadata(queries).num_rows
    with tempfile.TemporaryDirectory() as scratch:
        runtime, heads = _load(encoder, root, Path(scratch))
        vectors = embed_photos(photos, runtime, on_progress)
    searched = vectors if gallery is None else vectors[query_count:]
    if not query_count or len(searched) <= PRECISION_AT:
        raise InputError(
            f"{query_count} queries and {len(searched)} photos to search are too few. "
            f"Give at least 1 and {PRECISION_AT + 1}."
        )
    projected = projection.fit(lambda: [searched], searched.shape[1], heads=heads)
    offset = 0 if gallery is None else query_count
    rows_of = {photo_id: row for row, photo_id in enumerate(photos.ids[offset:])}
    own = [np.array([rows_of[i]] if i in rows_of else [], int) for i in photos.ids[:query_count]]
    count = min(MAP_AT, len(searched) - 1)
    found = nearest(projected.apply(vectors[:query_count]), projected.apply(searched), count, excluded=own)
    figures = {
        label: label_figures(codes[:query_count], codes[offset:], found, own)
        for label, codes in photos.codes.items()
    }
    return Evaluation(
        runtime.spec.model,
        query_count,
        len(searched),
        {label: of.precision_at_5 for label, of in figures.items()},
        {label: of.map_at_10 for label, of in figures.items()},
    )


def embed_photos(
    photos: LabelledPhotos,
    encoder: Encoder,
    on_progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> np.ndarray:
    """Embeds labelled photos, as the nightly stage does.

    :return: float32 [n, dim], L2 norm 1.
    :raises UnreadableImageError: a photo can't be decoded.
    """
    rows = pa.table({"image_id": photos.ids, "bytes": photos.images}).to_batches(max_chunksize=_BATCH)
    vectors = np.empty((len(photos), encoder.spec.dim), np.float32)
    done = 0
    for portion in pipeline.embed(rows, encoder, lambda _: None, write_every=1):
        for photo_id, reason in portion.refused:
            raise UnreadableImageError(f"The photo with id '{photo_id}' is {reason}. Take it out.")
        vectors[done : done + len(portion)] = portion.vectors
        done += len(portion)
        on_progress(done, len(photos))
    return vectors


def _load(encoder: str, root: Root | None, scratch: Path) -> tuple[Encoder, Mapping[str, Head]]:
    if root is not None:
        model = encoder if encoder in encoders.available(root) else resolve_model(root, encoder)
        return load_encoder(encoders.folder(root, model), many=True), load_heads(root, model)
    weights = load_weights(encoder)
    convert(weights, scratch / "encoder")
    return load_encoder(scratch / "encoder", many=True), weights.heads
