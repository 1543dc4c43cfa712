"""Garments are offered as boxes over the photo that is cropped: a real server, a real browser."""

from __future__ import annotations

import io
from collections.abc import Iterator

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, expect

from embedding.encoder.preprocess import pixels_of
from embedding.encoder.runtime import load_encoder
from embedding.index.build import build_index
from storage import images
from storage.root import Root
from tests import catalogues
from tests.dashboards.conftest import served
from tests.dashboards.visit import Visit, visiting
from tests.segmenters import write_trunk_encoder

RED, BLUE = (220, 20, 30), (20, 30, 220)
SIZE = 300, 400
TOP, BOTTOM = (30, 20, 210, 180), (90, 260, 120, 120)
"""Boxes: left, top, width, height, px."""

SERVER = """
import sys
from embedding.encoder import segmentation
from tests.segmenters import colour_head
segmentation.bundled_head = colour_head  # knows tops by red and bottoms by blue
from dashboards.server import main
main(sys.argv[1:])
"""


def photo(*garments: tuple[tuple[int, int, int], tuple[int, int, int, int]]) -> bytes:
    """A white photo with rectangles of colours."""
    drawn = Image.new("RGB", SIZE, "white")
    for colour, (left, top, width, height) in garments:
        drawn.paste(colour, (left, top, left + width, top + height))
    stored = io.BytesIO()
    drawn.save(stored, "PNG")
    return stored.getvalue()


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A dashboard whose shop sells a red top and a blue bottom."""
    folder = tmp_path_factory.mktemp("garments")
    root = Root.open(folder / "data", create=True)
    encoder = load_encoder(write_trunk_encoder(root), threads=1)
    data = {images.image_id(one): one for one in (photo((RED, TOP)), photo((BLUE, TOP)))}
    pixels = np.stack([pixels_of(one, encoder.spec.size) for one in data.values()])
    vectors = dict(zip(data, encoder.encode(pixels), strict=True))
    products = [catalogues.product("a.example", f"p{at}", [image]) for at, image in enumerate(data)]
    catalogues.write(root, products, data, vectors)
    build_index(root, catalogues.MODEL)
    with served(folder, folder / "log.txt", "--data", str(root.path), program=("-c", SERVER)) as address:
        yield address


@pytest.fixture
def visit(browser: Browser, address: str) -> Iterator[Visit]:
    with visiting(browser, address) as visit:
        yield visit


def test_a_tap_on_a_garment_searches_for_it(visit: Visit) -> None:
    page = visit.page
    visit.upload(photo((RED, TOP), (BLUE, BOTTOM)), "outfit.png")
    expect(visit.headline).to_have_text("Looks like your photo")
    page.get_by_role("button", name="Crop").click()
    dialog = page.get_by_role("dialog")
    shown = dialog.get_by_alt_text("Your photo").bounding_box()
    assert shown
    for name, wanted in (("Top", TOP), ("Bottom", BOTTOM)):
        box = dialog.get_by_role("button", name=name, exact=True).bounding_box()
        assert box
        scale = shown["width"] / SIZE[0]
        found = (box["x"] - shown["x"], box["y"] - shown["y"], box["width"], box["height"])
        assert found == pytest.approx([scale * side for side in wanted], abs=0.06 * max(SIZE))

    dialog.get_by_role("button", name="Bottom", exact=True).click()
    expect(visit.headline).to_have_text("Looks like this part of your photo")
    expect(dialog).to_have_count(0)

    page.get_by_role("button", name="Whole photo").click()
    page.get_by_role("button", name="Crop").click()
    any_part = dialog.get_by_text("Any part").locator("xpath=ancestor-or-self::button")
    any_part.focus()
    page.keyboard.press("Enter")
    expect(dialog.get_by_role("button", name="Search for this part")).to_be_visible()
    expect(dialog.get_by_role("button", name="Bottom", exact=True)).to_have_count(0)
    assert not visit.errors
