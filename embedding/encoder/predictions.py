"""Predicts attributes of photos with an encoder's heads, from the stored embeddings."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from embedding.bands import CutOffs
from embedding.encoder.heads import Head, fingerprint, load_cut_offs, load_heads, write_heads
from storage import encoders, row_groups, tables
from storage.root import Root
from storage.schemas import TABLES

# Rows a write, at least: what a killed run predicts again, against the number of files a table gets.
_WRITE_EVERY = 100_000
_BATCH = 2048


def adopt_heads(root: Root, model: str, heads: Mapping[str, Head], cut_offs: CutOffs | None = None) -> None:
    """Stores heads and cut-offs beside a model's encoder, and deletes the predictions of other heads before.

    Weights without heads leave those that are there: they fit the same vectors.
    """
    same = fingerprint(load_heads(root, model)) == fingerprint(heads)
    if not heads or (same and load_cut_offs(root, model) == cut_offs):
        return
    if not same:
        # Before the heads change, so that a model's predictions are of its heads, whenever this is killed.
        tables.delete(root, "predictions", "model = '{}'".format(model.replace("'", "''")))
    scratch = Path(tempfile.mkdtemp(prefix=".unfinished-", dir=root.encoders))
    try:
        write_heads(scratch / "heads.npz", heads, cut_offs)
        encoders.put_heads(root, model, scratch / "heads.npz")
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def predict_missing(
    root: Root, model: str, *, on_progress: Callable[[int, int], None] = lambda _done, _missing: None
) -> int:
    """Predicts attributes of the embedded photos that have no prediction yet.

    Of every attribute the most likely value is kept. Killed and started again, it goes on after the last
    predictions written.

    :param on_progress: called with photos done and in all.
    :return: photos predicted for, 0 where the model has no heads.
    :raises LookalikeError: the heads are damaged.
    """
    heads = load_heads(root, model)
    if not heads:
        return 0
    missing = _missing(root, model, attribute=next(iter(heads)))
    batches = row_groups.scan(
        root,
        "embeddings",
        missing,
        key="image_id",
        columns=("image_id", "vector"),
        batch_size=_BATCH,
        where=pc.field("model") == model,
    )
    done = 0
    for portion in _portions(_predicted(model, heads, batch) for batch in batches):
        tables.merge(root, "predictions", portion)
        done += portion.num_rows // len(heads)
        on_progress(done, len(missing))
    return done


def _portions(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.Table]:
    held: list[pa.RecordBatch] = []
    for batch in batches:
        held.append(batch)
        if sum(part.num_rows for part in held) >= _WRITE_EVERY:
            yield pa.Table.from_batches(held)
            held = []
    if held:
        yield pa.Table.from_batches(held)


def _missing(root: Root, model: str, *, attribute: str) -> pa.Array:
    """Identifiers of the embedded photos without predictions; all heads' are written at once."""
    of_model = pc.field("model") == model
    embedded = tables.read(root, "embeddings", columns=["image_id"], where=of_model)["image_id"]
    known = tables.read(
        root, "predictions", columns=["image_id"], where=of_model & (pc.field("attribute") == attribute)
    )["image_id"]
    return embedded.filter(pc.invert(pc.is_in(embedded, known))).combine_chunks()


def _predicted(model: str, heads: Mapping[str, Head], batch: pa.RecordBatch) -> pa.RecordBatch:
    """The rows of `predictions` for some vectors.

    :param batch: columns `image_id` and `vector`.
    """
    vectors = batch["vector"].flatten().to_numpy().reshape(batch.num_rows, -1)
    values, probabilities = [], []
    for head in heads.values():
        likely = head.probabilities(vectors)
        best = likely.argmax(axis=1)
        values.append(np.array(head.classes, dtype=object)[best])
        probabilities.append(likely[np.arange(len(best)), best])
    return pa.record_batch(
        [
            pa.concat_arrays([batch["image_id"]] * len(heads)),
            pa.repeat(model, batch.num_rows * len(heads)),
            pa.array(np.repeat(np.array(list(heads), dtype=object), batch.num_rows), pa.string()),
            pa.array(np.concatenate(values), pa.string()),
            pa.array(np.concatenate(probabilities), pa.float32()),
        ],
        schema=TABLES["predictions"].columns,
    )
