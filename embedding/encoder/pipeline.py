"""The embedding pipeline: reads, decodes, encodes and writes photos concurrently.

Each stage takes what it needs from the one before it and works at most a few batches ahead, so that memory
does not grow with the number of photos.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import pyarrow as pa

from embedding.encoder.preprocess import pixels_of
from embedding.encoder.runtime import Encoder
from storage.errors import UnreadableImageError

Item = TypeVar("Item")
Result = TypeVar("Result")

# More threads decode no faster than a GPU computes, and each may hold one photo of 60 million pixels.
_MOST_DECODERS = 16

# Batches in flight for each stream of the encoder. Results are taken in order: with hardly more of them than
# streams, all wait for the slowest whenever the processor does something else meanwhile.
_AHEAD = 4


@dataclass(frozen=True)
class Decoded:
    """A batch after decoding.

    :param ids: of the photos that could be read.
    :param pixels: uint8 [len(ids), size, size, 3], RGB.
    :param refused: image_id and reason of each that could not.
    """

    ids: list[str]
    pixels: np.ndarray
    refused: list[tuple[str, str]]


@dataclass(frozen=True)
class Embedded:
    """A batch after encoding.

    :param ids: of the photos that have a vector.
    :param vectors: float32 [len(ids), dim], L2 norm 1.
    :param refused: image_id and reason of each that could not be decoded.
    """

    ids: list[str]
    vectors: np.ndarray
    refused: list[tuple[str, str]]

    def __len__(self) -> int:
        return len(self.ids) + len(self.refused)


def embed(
    rows: Iterable[pa.RecordBatch],
    encoder: Encoder,
    write: Callable[[Embedded], None],
    *,
    write_every: int,
) -> Iterator[Embedded]:
    """Embeds photos, and writes finished portions while the next are computed.

    :param rows: batches with columns `image_id` and `bytes`.
    :param write: called in a thread of its own.
    :param write_every: photos a portion, at least.
    :return: what has been written, portion by portion, in the rows' order.
    """

    def encode(batch: Decoded) -> Embedded:
        return Embedded(batch.ids, encoder.encode(batch.pixels), batch.refused)

    def written(portion: Embedded) -> Embedded:
        write(portion)
        return portion

    decoders = min(os.cpu_count() or 1, _MOST_DECODERS)
    with (
        ThreadPoolExecutor(decoders, thread_name_prefix="decode") as decoding,
        ThreadPoolExecutor(encoder.streams, thread_name_prefix="encode") as encoding,
        ThreadPoolExecutor(1, thread_name_prefix="write") as writing,
    ):
        decoded = ahead(decoding, lambda batch: decode(batch, encoder.spec.size), rows, limit=decoders + 1)
        embedded = ahead(encoding, encode, decoded, limit=_AHEAD * encoder.streams)
        yield from ahead(writing, written, _portions(embedded, write_every), limit=2)


def ahead(
    pool: ThreadPoolExecutor, work: Callable[[Item], Result], items: Iterable[Item], *, limit: int
) -> Iterator[Result]:
    """Maps items in a pool, in order, at most `limit` items ahead of the consumer."""
    pending: deque[Future[Result]] = deque()
    try:
        for item in items:
            pending.append(pool.submit(work, item))
            if len(pending) >= limit:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        for future in pending:
            future.cancel()


def decode(rows: pa.RecordBatch, size: int) -> Decoded:
    """Decodes a batch to an encoder's input; Pillow works outside the interpreter lock.

    :param rows: columns `image_id` and `bytes`.
    :param size: side of the input, px.
    """
    ids, pixels, refused = [], [], []
    for image_id, data in zip(rows["image_id"].to_pylist(), rows["bytes"], strict=True):
        try:
            pixels.append(pixels_of(data.as_py(), size))
            ids.append(image_id)
        except UnreadableImageError as error:
            refused.append((image_id, str(error)))
    return Decoded(ids, np.stack(pixels) if pixels else np.empty((0, size, size, 3), np.uint8), refused)


def _portions(batches: Iterable[Embedded], at_least: int) -> Iterator[Embedded]:
    held: list[Embedded] = []
    for batch in batches:
        held.append(batch)
        if sum(map(len, held)) >= at_least:
            yield _joined(held)
            held = []
    if held:
        yield _joined(held)


def _joined(batches: list[Embedded]) -> Embedded:
    return Embedded(
        [image_id for batch in batches for image_id in batch.ids],
        np.concatenate([batch.vectors for batch in batches]),
        [refusal for batch in batches for refusal in batch.refused],
    )
