"""Thumbnails for the photos that have none: what of the images table is read for them."""

from __future__ import annotations

import io
import os
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from embedding.index.missing_thumbnails import make_missing
from storage import images, tables, thumbnails
from storage.root import Root

OLD_PHOTOS, PADDING_BYTES = 60, 400_000
MONTH = "2026-11"


def photo(seed: int) -> bytes:
    """A JPEG of 40 by 50 pixels."""
    pixels = np.random.default_rng(seed).integers(0, 256, (5, 4, 3), np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).resize((40, 50)).save(buffer, "JPEG")
    return buffer.getvalue()


def store(root: Root, contents: list[bytes], month: str = MONTH) -> list[str]:
    """Writes photos in one commit; their ids."""
    ids = [images.image_id(data) for data in contents]
    rows = zip(ids, contents, strict=True)
    tables.merge(root, "images", [{"image_id": one, "bytes": data, "month": month} for one, data in rows])
    return ids


@pytest.fixture
def old_ids(root: Root) -> list[str]:
    """24 MB of photos of one month in one file of several row groups, all with thumbnails but the first."""
    # Bytes that follow a JPEG are not its own.
    ids = store(root, [photo(seed) + os.urandom(PADDING_BYTES) for seed in range(OLD_PHOTOS)])
    thumbnails.add(root, dict.fromkeys(sorted(ids)[1:], b"thumbnail"))
    return sorted(ids)


def bytes_read() -> int:
    """Bytes that this process has read from files so far."""
    counters = dict(line.split(": ") for line in Path("/proc/self/io").read_text().splitlines())
    return int(counters["rchar"])


def read_for(root: Root, ids: list[str]) -> int:
    """Bytes read to give these photos thumbnails."""
    before, steps = bytes_read(), list[int]()
    places = make_missing(root, pa.array(ids), steps.append)
    assert set(ids) <= set(places["image_id"].to_pylist())
    assert sum(steps) == len(ids)
    return bytes_read() - before


@pytest.mark.parametrize("month", [MONTH, "2026-12"])
def test_for_new_photos_no_older_ones_are_read(root: Root, old_ids: list[str], month: str) -> None:
    """Ids are hashes: those of a few new photos lie in the range of every row group."""
    new_ids = store(root, [photo(100 + seed) for seed in range(8)], month)
    assert read_for(root, [*old_ids[1:], *new_ids]) < PADDING_BYTES


def test_for_one_old_photo_its_row_group_is_read(root: Root, old_ids: list[str]) -> None:
    assert read_for(root, old_ids) < OLD_PHOTOS * PADDING_BYTES / 2
