"""The embedding stage on real tables."""

from __future__ import annotations

import io
import re
import signal
import struct
import subprocess
import sys
import threading
import zlib
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from PIL import Image

from embedding.encoder import pipeline, stage
from embedding.encoder.convert import specify
from embedding.encoder.preprocess import pixels_of
from embedding.encoder.runtime import load_encoder
from embedding.encoder.stage import EmbedProgress, embed_new_images
from embedding.encoder.weights import load_weights
from storage import encoders, images, row_groups, tables
from storage.errors import BusyError, InputError
from storage.root import Root
from tests import catalogues

EMBED = """
import sys
from embedding.encoder import pipeline, stage
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
            "image_id": images.image_id(data),
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
        np.testing.assert_allclose(vectors[images.image_id(data)], expected, atol=1e-4)


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
    assert (reject["url"], reject["stage"]) == (images.image_id(damaged), stage.STAGE)
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


SCENE = Image.new("RGB", (60, 80), (240, 200, 40))
SCENE.paste((20, 60, 160), (0, 0, 30, 40))


def encoded(image: Image.Image, form: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def turned() -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6
    return encoded(SCENE.transpose(Image.Transpose.ROTATE_90), "JPEG", exif=exif, quality=95)


def palette() -> bytes:
    clear = SCENE.convert("P", palette=Image.Palette.ADAPTIVE, colors=3)
    # The blue quarter is seen through: a photo whose quarter is white is what that must look like.
    opaque = bytes(0 if index == clear.getpixel((5, 5)) else 255 for index in range(3))
    return encoded(clear, "PNG", transparency=opaque)


def deep_png() -> bytes:
    """The scene in 16 bits a channel, which Pillow cannot write."""
    rows = np.asarray(SCENE).astype(">u2") * 257
    body = zlib.compress(b"".join(b"\0" + row.tobytes() for row in rows))

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", *SCENE.size, 16, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def without_blue() -> Image.Image:
    scene = SCENE.copy()
    scene.paste("white", (0, 0, 30, 40))
    return scene


ODD = {
    "CMYK": (encoded(SCENE.convert("CMYK"), "JPEG", quality=95), SCENE),
    "16-bit PNG": (deep_png(), SCENE),
    "16-bit grey PNG": (
        encoded(Image.fromarray(np.full((80, 60), 100 * 256, np.uint16)), "PNG"),
        Image.new("RGB", (60, 80), (100, 100, 100)),
    ),
    "palette with transparency": (palette(), without_blue()),
    "animated WebP": (
        encoded(SCENE, "WEBP", save_all=True, append_images=[Image.new("RGB", (60, 80), "red")], quality=95),
        SCENE,
    ),
    "turned by EXIF": (turned(), SCENE),
    "one pixel": (
        encoded(Image.new("RGB", (1, 1), (9, 99, 199)), "PNG"),
        Image.new("RGB", (8, 8), (9, 99, 199)),
    ),
    "progressive": (encoded(SCENE, "JPEG", progressive=True, quality=95), SCENE),
    "large CMYK, decoded at a fraction": (
        encoded(SCENE.resize((1200, 1600)).convert("CMYK"), "JPEG", quality=95),
        SCENE,
    ),
    "grey with transparency": (
        encoded(Image.merge("LA", (Image.new("L", (60, 80)), Image.new("L", (60, 80), 128))), "PNG"),
        Image.new("RGB", (60, 80), (127, 127, 127)),
    ),
    "two colours": (encoded(Image.new("1", (60, 80), 1), "PNG"), Image.new("RGB", (60, 80), "white")),
    "animated GIF": (
        encoded(SCENE, "GIF", save_all=True, append_images=[Image.new("RGB", (60, 80), "red")]),
        SCENE,
    ),
}

REFUSED = {
    "a JPEG without its scan": (encoded(SCENE.resize((600, 800)), "JPEG")[:700], "damaged JPEG"),
    "half a JPEG": (encoded(SCENE.resize((600, 800)), "JPEG")[:4000], "damaged JPEG"),
    "half a CMYK JPEG": (encoded(SCENE.resize((600, 800)).convert("CMYK"), "JPEG")[:6000], "damaged JPEG"),
    "half a PNG": (encoded(SCENE, "PNG")[:120], "damaged PNG"),
    "half a WebP": (encoded(SCENE.resize((600, 800)), "WEBP")[:600], "damaged WebP|damaged WEBP"),
    "a page": (b"<!DOCTYPE html><title>Not found</title>", "not an image"),
    "nothing": (b"", "it is empty"),
    "more pixels than anyone wants": (encoded(Image.new("1", (9000, 9000)), "PNG"), "too large"),
}


def small_encoder(root: Root) -> None:
    """An encoder of its pixels alone under the bundled weights' name, to be quick."""
    catalogues.write_encoder(root, specify(load_weights("fashion")).model)


def test_odd_photos_have_the_vector_of_what_they_show_or_a_reject(root: Root) -> None:
    small_encoder(root)
    store_photos(root, [data for data, _ in [*ODD.values(), *REFUSED.values()]])
    outcome = embed_new_images(root)
    assert (outcome.embedded, outcome.rejected) == (len(ODD), len(REFUSED))
    reasons = {row["url"]: row["reason"] for row in tables.read(root, "rejects").to_pylist()}
    assert reasons.keys() == {images.image_id(data) for data, _ in REFUSED.values()}
    for name, (data, reason) in REFUSED.items():
        assert re.search(reason, reasons[images.image_id(data)]), name
    stored = tables.read(root, "embeddings")
    vectors = dict(zip(stored["image_id"].to_pylist(), stored["vector"].to_pylist(), strict=True))
    encoder = load_encoder(encoders.folder(root, outcome.model))
    for name, (data, plain) in ODD.items():
        expected = encoder.encode(pixels_of(encoded(plain, "PNG"), encoder.spec.size)[None])[0]
        assert np.dot(vectors[images.image_id(data)], expected) > 0.998, name
    assert embed_new_images(root).rejected == 0


@pytest.mark.parametrize("name", ["fashion-fast", "untrained"])
def test_a_machine_with_other_weights_embeds_nothing_on_its_gpu(root: Root, name: str) -> None:
    small_encoder(root)  # under the name of `fashion`, of other weights
    with pytest.raises(InputError, match=f"'{name}' of this machine .* same version of Lookalike"):
        stage.open_encoder(root, specify(load_weights("fashion")).model, name, "gpu")


def test_only_row_groups_with_missing_photos_are_read(root: Root, monkeypatch: pytest.MonkeyPatch) -> None:
    many = [photo(seed) + bytes(400_000) for seed in range(60)]  # what follows a JPEG is not its
    store_photos(root, many)
    store_photos(root, [photo(100 + seed) for seed in range(5)])
    ids = pc.unique(tables.read(root, "images", columns=["image_id"])["image_id"]).to_pylist()
    wanted = [sorted(images.image_id(data) for data in many)[30], images.image_id(photo(102))]
    read: list[int] = []
    real = row_groups._read

    def counted(*arguments: object) -> object:
        table = real(*arguments)
        if "bytes" in table.schema.names:
            read.append(table.num_rows)
        return table

    monkeypatch.setattr(row_groups, "_read", counted)
    found = list(
        row_groups.scan(
            root, "images", pa.array(wanted), key="image_id", columns=("image_id", "bytes"), batch_size=8
        )
    )
    assert sorted(row["image_id"] for batch in found for row in batch.to_pylist()) == sorted(wanted)
    assert len(ids) == 65
    assert len(read) == 2
    assert sum(read) < 40


def test_a_portion_is_written_while_the_next_is_computed(root: Root, monkeypatch: pytest.MonkeyPatch) -> None:
    small_encoder(root)
    store_photos(root, [photo(seed) for seed in range(64)])
    monkeypatch.setattr(stage, "_WRITE_EVERY", 16)
    monkeypatch.setitem(stage._BATCH, "cpu", 4)
    encoding_went_on = threading.Event()
    real = pipeline.decode
    calls: list[int] = []

    def counted(rows: pa.RecordBatch, size: int) -> pipeline.Decoded:
        calls.append(len(rows))
        if len(calls) > 8:
            encoding_went_on.set()
        return real(rows, size)

    def slow_write(*arguments: object) -> object:
        # The first portion holds four batches: that more than eight are decoded shows that nobody waits.
        assert encoding_went_on.wait(30)
        return real_rows(*arguments)

    real_rows = stage._rows
    monkeypatch.setattr(pipeline, "decode", counted)
    monkeypatch.setattr(stage, "_rows", slow_write)
    assert embed_new_images(root).embedded == 64


def test_a_failed_write_ends_the_run_with_its_own_error(root: Root, monkeypatch: pytest.MonkeyPatch) -> None:
    small_encoder(root)
    store_photos(root, [photo(seed) for seed in range(40)])
    monkeypatch.setattr(stage, "_WRITE_EVERY", 8)
    monkeypatch.setattr(stage, "_rows", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        embed_new_images(root)
    assert tables.version(root, "embeddings") is None


def test_batches_shrink_where_memory_is_short(monkeypatch: pytest.MonkeyPatch) -> None:
    free = {"SC_AVPHYS_PAGES": 1, "SC_PAGE_SIZE": 2**30}
    monkeypatch.setattr(stage.os, "sysconf", free.__getitem__)
    assert stage._batch(128, 2) == 16
    assert stage._batch(224, 8) == 2
    free["SC_PAGE_SIZE"] = 2**20
    assert stage._batch(224, 8) == 1
