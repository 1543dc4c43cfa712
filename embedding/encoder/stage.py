"""The embedding stage: photos that have no vector of this model yet get one."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from embedding.encoder import runtime
from embedding.encoder.preprocess import pixels_of
from embedding.encoder.weights import IMMUTABLE, load_weights
from storage import encoders, tables
from storage.errors import UnreadableImageError
from storage.root import Root
from storage.schemas import TABLES

Device = Literal["auto", "cpu", "gpu"]

STAGE = "embed"
"""Name of this stage in `rejects`."""

_BATCH = {"cpu": 32, "gpu": 256}
_DECODERS = 2
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
    """

    model: str
    embedded: int
    rejected: int
    total: int
    seconds: float


def resolve_model(root: Root, weights: str) -> str:
    """The model that these weights make, its encoder written to the root where it is missing.

    :param weights: a name or a file, see `embedding.encoder.weights.load_weights`.
    :raises InputError: no such weights.
    """
    if weights in IMMUTABLE:
        for model in encoders.available(root):
            if encoders.load_spec(encoders.folder(root, model)).weights == weights:
                return model
    from embedding.encoder.convert import convert, specify

    loaded = load_weights(weights)
    spec = specify(loaded)
    if spec.model not in encoders.available(root):
        with encoders.adding(root, spec.model) as folder:
            convert(loaded, folder)
    return spec.model


def embed_new_images(
    root: Root,
    weights: str = "fashion",
    *,
    device: Device = "auto",
    on_progress: Callable[[EmbedProgress], None] = lambda _: None,
) -> EmbedOutcome:
    """Embeds every photo in `images` that has no vector of this model, in constant memory.

    Killed and started again, it continues after the last vectors written. A photo that can't be decoded
    costs a row in `rejects`, not its batch, and isn't tried again.

    :param device: `auto` takes a GPU where there is one.
    :raises InputError: no such weights.
    :raises BusyError: another process embeds in this root.
    """
    started = time.monotonic()
    with root.lock("embed"):
        model = resolve_model(root, weights)
        missing = _missing(root, model)
        embedded = rejected = 0
        if missing:
            on_progress(EmbedProgress(0, len(missing)))
            encoder, batch = _encoder(root, model, weights, device)
            for vectors, rejects in _embed(root, encoder, missing, batch):
                embedded += len(vectors)
                rejected += len(rejects)
                tables.merge(root, "embeddings", vectors)
                tables.merge(root, "rejects", rejects)
                on_progress(EmbedProgress(embedded + rejected, len(missing)))
        total = len(tables.read(root, "embeddings", columns=["image_id"], where=pc.field("model") == model))
    return EmbedOutcome(model, embedded, rejected, total, time.monotonic() - started)


def _missing(root: Root, model: str) -> pa.Array:
    images = tables.read(root, "images", columns=["image_id"])["image_id"]
    done = tables.read(root, "embeddings", columns=["image_id"], where=pc.field("model") == model)["image_id"]
    refused = tables.read(root, "rejects", columns=["url"], where=pc.field("stage") == STAGE)["url"]
    known = pa.chunked_array([*done.chunks, *refused.chunks], pa.string())
    return images.filter(pc.invert(pc.is_in(images, known))).combine_chunks()


def _encoder(root: Root, model: str, weights: str, device: Device) -> tuple[runtime.Encoder, int]:
    folder = encoders.folder(root, model)
    if device == "auto":
        device = "gpu" if runtime.has_gpu() else "cpu"
    if device == "cpu":
        return runtime.load_encoder(folder), _BATCH["cpu"]
    return runtime.KerasEncoder(load_weights(weights), encoders.load_spec(folder)), _BATCH["gpu"]


def _embed(
    root: Root, encoder: runtime.Encoder, missing: pa.Array, batch: int
) -> Iterator[tuple[pa.Table, list[dict[str, object]]]]:
    vectors: list[np.ndarray] = []
    ids: list[str] = []
    rejects: list[dict[str, object]] = []
    for batch_ids, pixels, refused in _decoded(root, missing, encoder.spec.size, batch):
        rejects += refused
        if batch_ids:
            vectors.append(encoder.encode(pixels))
            ids += batch_ids
        if len(ids) + len(rejects) >= _WRITE_EVERY:
            yield _rows(encoder.spec.model, ids, vectors), rejects
            vectors, ids, rejects = [], [], []
    if ids or rejects:
        yield _rows(encoder.spec.model, ids, vectors), rejects


def _decoded(
    root: Root, missing: pa.Array, size: int, batch: int
) -> Iterator[tuple[list[str], np.ndarray, list[dict[str, object]]]]:
    """Decodes one batch ahead of the encoder, outside the interpreter lock."""

    def decode_all(rows: pa.RecordBatch) -> tuple[list[str], np.ndarray, list[dict[str, object]]]:
        ids, pixels, refused = [], [], []
        for image_id, data in zip(rows["image_id"].to_pylist(), rows["bytes"], strict=True):
            try:
                pixels.append(pixels_of(data.as_py(), size))
                ids.append(image_id)
            except UnreadableImageError as error:
                refused.append(_reject(image_id, str(error)))
        return ids, np.stack(pixels) if pixels else np.empty((0, size, size, 3), np.uint8), refused

    rows = tables.scan(
        root,
        "images",
        columns=["image_id", "bytes"],
        where=pc.field("image_id").isin(missing),
        batch_size=batch,
    )
    with ThreadPoolExecutor(_DECODERS) as pool:
        ahead = []
        for next_rows in rows:
            ahead.append(pool.submit(decode_all, next_rows))
            if len(ahead) > _DECODERS:
                yield ahead.pop(0).result()
        while ahead:
            yield ahead.pop(0).result()


def _rows(model: str, ids: list[str], vectors: list[np.ndarray]) -> pa.Table:
    schema = TABLES["embeddings"].columns
    matrix = np.concatenate(vectors) if vectors else np.empty((0, 0), np.float32)
    values = pa.array(matrix.reshape(-1), pa.float32())
    offsets = pa.array(np.arange(len(ids) + 1, dtype=np.int32) * matrix.shape[1])
    return pa.table(
        {
            "image_id": pa.array(ids, pa.string()),
            "model": pa.array([model] * len(ids), pa.string()),
            "vector": pa.ListArray.from_arrays(offsets, values),
        },
        schema=schema,
    )


def _reject(image_id: str, reason: str) -> dict[str, object]:
    return {"url": image_id, "stage": STAGE, "reason": reason, "rejected_at": datetime.now(UTC)}
