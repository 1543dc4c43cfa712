"""The embedding stage on real tables."""

from __future__ import annotations

import io
import signal
import subprocess
import sys
from datetime import UTC, datetime

import numpy as np
import pyarrow.compute as pc
import pytest
from PIL import Image

from embedding.encoder import stage
from embedding.encoder.preprocess import pixels_of
from embedding.encoder.runtime import load_encoder
from embedding.encoder.stage import EmbedProgress, embed_new_images
from storage import encoders, photos, tables
from storage.errors import BusyError, InputError
from storage.root import Root

EMBED = """
import sys
from embedding.encoder import stage
from storage.root import Root
stage._WRITE_EVERY = 32
stage.embed_new_images(Root.open(sys.argv[1]), on_progress=lambda progress: print(progress.done, flush=True))
"""


def photo(seed: int) -> bytes:
    rng = np.random.default_rng(seed)
    image = Image.fromarray(rng.integers(0, 256, (8, 6, 3), np.uint8)).resize(
        (90, 120), Image.Resampling.NEAREST
    )
    buffer = io.BytesIO()
    image.save(buffer, "JPEG")
    return buffer.getvalue()


def store_photos(root: Root, contents: list[bytes]) -> None:
    rows = [
        {
            "image_id": photos.image_id(data),
            "bytes": data,
            "first_seen": datetime.now(UTC),
            "month": "2026-11",
        }
        for data in contents
    ]
    tables.merge(root, "images", rows)


def test_only_new_photos_are_embedded_each_with_its_own_vector(root_with_encoder: Root) -> None:
    root = root_with_encoder
    contents = [photo(seed) for seed in range(40)]
    store_photos(root, contents[:30])
    first = embed_new_images(root)
    assert (first.embedded, first.rejected, first.total) == (30, 0, 30)
    store_photos(root, contents)
    seen: list[EmbedProgress] = []
    second = embed_new_images(root, on_progress=seen.append)
    assert (second.embedded, second.total, second.model) == (10, 40, first.model)
    assert (seen[0], seen[-1]) == (EmbedProgress(0, 10), EmbedProgress(10, 10))
    stored = tables.read(root, "embeddings")
    vectors = dict(zip(stored["image_id"].to_pylist(), stored["vector"].to_pylist(), strict=True))
    encoder = load_encoder(encoders.folder(root, first.model))
    for data in contents[::7]:
        expected = encoder.encode(pixels_of(data, encoder.spec.size)[None])[0]
        np.testing.assert_allclose(vectors[photos.image_id(data)], expected, atol=1e-4)


def test_a_run_with_nothing_new_changes_no_table(root_with_encoder: Root) -> None:
    store_photos(root_with_encoder, [photo(1)])
    embed_new_images(root_with_encoder)
    before = tables.versions(root_with_encoder)
    assert embed_new_images(root_with_encoder).embedded == 0
    assert tables.versions(root_with_encoder) == before


def test_a_damaged_photo_costs_a_reject_and_is_not_tried_again(root_with_encoder: Root) -> None:
    root = root_with_encoder
    damaged = photo(0)[:400]
    store_photos(root, [photo(1), damaged, photo(2)])
    outcome = embed_new_images(root)
    assert (outcome.embedded, outcome.rejected) == (2, 1)
    reject = tables.read(root, "rejects").to_pylist()[0]
    assert (reject["url"], reject["stage"]) == (photos.image_id(damaged), stage.STAGE)
    assert "image" in reject["reason"]
    assert embed_new_images(root).rejected == 0


def test_a_second_process_is_refused(root_with_encoder: Root) -> None:
    with root_with_encoder.lock("embed"), pytest.raises(BusyError):
        embed_new_images(root_with_encoder)


def test_unknown_weights_are_refused_and_nothing_is_written(root: Root) -> None:
    with pytest.raises(InputError, match="No weights 'fashon'"):
        embed_new_images(root, "fashon")
    assert encoders.available(root) == []


def test_a_killed_run_is_continued_and_not_repeated(root_with_encoder: Root) -> None:
    root = root_with_encoder
    store_photos(root, [photo(seed) for seed in range(600)])
    running = subprocess.Popen(
        [sys.executable, "-c", EMBED, str(root.path)], stdout=subprocess.PIPE, text=True
    )
    assert running.stdout is not None
    while int(running.stdout.readline()) < 64:
        pass
    running.send_signal(signal.SIGKILL)
    running.wait()
    kept = tables.read(root, "embeddings").num_rows
    assert 64 <= kept < 600
    outcome = embed_new_images(root)
    assert outcome.embedded == 600 - kept
    ids = tables.read(root, "embeddings", columns=["image_id"])["image_id"]
    assert len(ids) == pc.count_distinct(ids).as_py() == 600
