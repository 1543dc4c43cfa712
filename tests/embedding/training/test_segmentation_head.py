"""Fitting a segmentation head: from photos with masks to garments found by it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from embedding.encoder.regions import regions
from embedding.encoder.segmentation import BACKGROUND, SegmentationHead, Segmenter, read_head, write_head
from embedding.training import segmentation
from embedding.training.cut_outs import Masked, bits
from storage.root import Root
from tests import catalogues
from tests.segmenters import write_trunk_encoder

COLOURS = {"top": (210, 30, 40), "bottom": (30, 40, 210)}


def photos(count: int, seed: int) -> Iterator[Masked]:
    """Rectangles of the colours of `COLOURS` on grey."""
    rng = np.random.default_rng(seed)
    for _ in range(count):
        name = list(COLOURS)[int(rng.integers(2))]
        width, height = (int(side) for side in rng.integers(60, 140, 2))
        left, top = int(rng.integers(200 - width)), int(rng.integers(200 - height))
        photo = Image.new("RGB", (200, 200), (int(rng.integers(90, 255)),) * 3)
        photo.paste(COLOURS[name], (left, top, left + width, top + height))
        allowed = np.full((200, 200), bits(BACKGROUND), np.uint8)
        allowed[top : top + height, left : left + width] = bits(name)
        yield Masked(photo, allowed)


@pytest.mark.slow
def test_a_fitted_head_finds_garments_that_it_never_saw(tmp_path: Path) -> None:
    folder = write_trunk_encoder(Root.open(tmp_path / "data", create=True))
    axes = segmentation.main_axes(folder, photos(24, 0))
    learnt = segmentation.examples(folder, axes, photos(96, 1))
    assert learnt.allowed.shape == (96, 48, 48)
    arrays = segmentation.fit([learnt], axes, epochs=16)
    fingerprint = catalogues.spec(catalogues.MODEL).fingerprint
    write_head(tmp_path / "head.npz", SegmentationHead(arrays, (fingerprint,)))
    held_out = list(photos(10, 2))
    segmenter = Segmenter(folder, read_head(tmp_path / "head.npz"), threads=1)
    for photo, found in zip(held_out, segmenter.segment([one.image for one in held_out]), strict=True):
        [region] = regions(found)
        assert photo.allowed.max() == bits(region.name)
        rows, columns = (np.flatnonzero((photo.allowed > 1).any(axis=axis)) for axis in (1, 0))
        box = (columns[0], rows[0], columns[-1] + 1, rows[-1] + 1)
        np.testing.assert_allclose(np.array(region.box) * 200, box, atol=12)
