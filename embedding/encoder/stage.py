"""The embedding stage: embeds photos that have no vector of this model, and predicts their attributes."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from embedding.encoder import pipeline, runtime
from embedding.encoder.pipeline import Embedded
from embedding.encoder.predictions import adopt_heads, predict_missing
from embedding.encoder.preprocess import PREPROCESSING
from embedding.encoder.weights import IMMUTABLE, Weights, load_weights
from storage import encoders, row_groups, tables
from storage.errors import InputError
from storage.root import Root
from storage.schemas import TABLES

Device = Literal["auto", "cpu", "gpu"]

Counts = tuple[int, int]
"""Photos that got a vector, and photos that could not be decoded."""

Elsewhere = Callable[[str, pa.Array], Iterator[Counts]]
"""Embeds photos by other processes, given the model's name and the photos' ids; may leave some out."""

STAGE = "embed"
"""Name of this stage in `rejects`."""

_BATCH = {"cpu": 16, "gpu": 256}
# What a photo takes while it is encoded, in float32 numbers an input pixel: the widest layers of ResNet50 and
# what the convolutions put beside them.
_NUMBERS_A_PIXEL = 64
# Vectors between two writes: what a killed run embeds again, against the number of files a table gets.
_WRITE_EVERY = 2048


@dataclass(frozen=True)
class EmbedProgress:
    """Photos done and in all, this run."""

    done: int
    missing: int


@dataclass(frozen=True)
class EmbedOutcome:
    """What a run did.

    :param model: the encoder's name.
    :param embedded: photos that got a vector.
    :param rejected: photos that could not be decoded; each has a row in `rejects`.
    :param total: photos of this model with a vector, after the run.
    :param seconds: the run's duration.
    :param predicted: photos for which the encoder's heads predicted what they show.
    :param notes: what the operator should know: a sentence each.
    """

    model: str
    embedded: int
    rejected: int
    total: int
    seconds: float
    predicted: int = 0
    notes: tuple[str, ...] = ()


def resolve_model(root: Root, weights: str) -> str:
    """Name of the model of these weights; writes its encoder to the root where it is missing.

    :param weights: a name or a file, see `embedding.encoder.weights.load_weights`.
    :raises InputError: no such weights.
    """
    return _resolved(root, weights)[0]


def _resolved(root: Root, weights: str) -> tuple[str, Weights | None]:
    """See `resolve_model`; with the weights, if they had to be loaded."""
    if weights in IMMUTABLE:
        for model in encoders.available(root):
            spec = encoders.load_spec(encoders.folder(root, model))
            if (spec.weights, spec.preprocessing) == (weights, PREPROCESSING):
                return model, None
    from embedding.encoder.convert import convert, specify

    loaded = load_weights(weights)
    spec = specify(loaded)
    if spec.model not in encoders.available(root):
        with encoders.adding(root, spec.model) as folder:
            convert(loaded, folder)
    return spec.model, loaded


def embed_new_images(
    root: Root,
    weights: str = "fashion",
    *,
    device: Device = "auto",
    on_progress: Callable[[EmbedProgress], None] = lambda _: None,
    elsewhere: Elsewhere | None = None,
) -> EmbedOutcome:
    """Embeds every photo in `images` without a vector of this model, in constant memory.

    What the photos show is predicted from the vectors, also of those that were embedded before the weights
    had heads. Killed and started again, it continues after the last vectors written. A photo that can't be
    decoded costs a row in `rejects`, not its batch, and isn't tried again.

    :param device: `auto` takes a GPU where there is one.
    :param elsewhere: embeds first; this process embeds what that leaves out.
    :raises InputError: no such weights.
    :raises BusyError: another process embeds in this root.
    """
    started = time.monotonic()
    with root.lock("embed"):
        model, loaded = _resolved(root, weights)
        if loaded is not None:
            adopt_heads(root, model, loaded.heads, loaded.cut_offs)
        missing = missing_images(root, model)
        embedded = rejected = 0
        if missing:
            on_progress(EmbedProgress(0, len(missing)))
            for now_embedded, now_rejected in _everywhere(root, model, weights, missing, device, elsewhere):
                embedded += now_embedded
                rejected += now_rejected
                on_progress(EmbedProgress(embedded + rejected, len(missing)))
        total = len(tables.read(root, "embeddings", columns=["image_id"], where=pc.field("model") == model))
        predicted = predict_missing(root, model)
    return EmbedOutcome(model, embedded, rejected, total, time.monotonic() - started, predicted)


def _everywhere(
    root: Root, model: str, weights: str, missing: pa.Array, device: Device, elsewhere: Elsewhere | None
) -> Iterator[Counts]:
    if elsewhere is not None:
        yield from elsewhere(model, missing)
        missing = missing_images(root, model)
    if len(missing):
        encoder, batch = open_encoder(root, model, weights, device)
        yield from embed_photos(root, model, missing, encoder, batch)


def embed_photos(
    root: Root, model: str, ids: pa.Array, encoder: runtime.Encoder, batch: int
) -> Iterator[Counts]:
    """Embeds these photos, and writes their vectors and rejects portion by portion.

    Several processes may do so at once, and twice the same photos.

    :param ids: strings.
    :param batch: photos that are encoded at a time.
    """
    rows = row_groups.scan(
        root, "images", ids, key="image_id", columns=("image_id", "bytes"), batch_size=batch
    )
    for portion in pipeline.embed(rows, encoder, _writer(root, model), write_every=_WRITE_EVERY):
        yield len(portion.ids), len(portion.refused)


def missing_images(root: Root, model: str, among: pa.Array | None = None) -> pa.Array:
    """Identifiers of the photos that this model has neither embedded nor refused yet, strings.

    :param among: the photos to look at; all that are stored if None.
    """
    of_model, of_stage = pc.field("model") == model, pc.field("stage") == STAGE
    if among is None:
        images = tables.read(root, "images", columns=["image_id"])["image_id"]
    else:
        images = pa.chunked_array([among])
        of_model &= pc.field("image_id").isin(among)
        of_stage &= pc.field("url").isin(among)
    done = tables.read(root, "embeddings", columns=["image_id"], where=of_model)["image_id"]
    refused = tables.read(root, "rejects", columns=["url"], where=of_stage)["url"]
    known = pa.chunked_array([*done.chunks, *refused.chunks], pa.string())
    return images.filter(pc.invert(pc.is_in(images, known))).combine_chunks()


def open_encoder(root: Root, model: str, weights: str, device: Device) -> tuple[runtime.Encoder, int]:
    """An encoder that embeds many photos, and how many it takes at a time.

    :raises InputError: no such weights, or this machine's are not those that the encoder was made from.
    """
    folder = encoders.folder(root, model)
    if device == "auto":
        device = "gpu" if runtime.has_gpu() else "cpu"
    if device == "cpu":
        encoder = runtime.load_encoder(folder, many=True)
        return encoder, _batch(encoder.spec.size, encoder.streams)
    spec, loaded = encoders.load_spec(folder), load_weights(weights)
    # Another release, or another file on another machine: its vectors do not compare with the stored ones.
    if loaded.fingerprint != spec.fingerprint:
        raise InputError(
            f"The weights '{weights}' of this machine are not those of the encoder {model}. Install the same "
            "version of Lookalike, or the same file, on every machine."
        )
    return runtime.KerasEncoder(loaded, spec, batch=_BATCH["gpu"]), _BATCH["gpu"]


def _batch(size: int, streams: int) -> int:
    """Photos a batch on a CPU: fewer where a quarter of the free memory does not hold that many."""
    free = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return max(1, min(_BATCH["cpu"], free // 4 // (streams * size * size * 4 * _NUMBERS_A_PIXEL)))


def _writer(root: Root, model: str) -> Callable[[Embedded], None]:
    def write(portion: Embedded) -> None:
        tables.merge(root, "embeddings", _rows(model, portion))
        tables.merge(root, "rejects", [_reject(*refusal) for refusal in portion.refused])

    return write


def _rows(model: str, portion: Embedded) -> pa.Table:
    values = pa.array(portion.vectors.reshape(-1), pa.float32())
    offsets = pa.array(np.arange(len(portion.ids) + 1, dtype=np.int32) * portion.vectors.shape[1])
    return pa.table(
        {
            "image_id": pa.array(portion.ids, pa.string()),
            "model": pa.array([model] * len(portion.ids), pa.string()),
            "vector": pa.ListArray.from_arrays(offsets, values),
        },
        schema=TABLES["embeddings"].columns,
    )


def _reject(image_id: str, reason: str) -> dict[str, object]:
    return {"url": image_id, "stage": STAGE, "reason": reason, "rejected_at": datetime.now(UTC)}
