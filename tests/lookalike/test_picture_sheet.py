"""The contact sheet as a picture."""

from __future__ import annotations

import io
from decimal import Decimal

import pytest
from PIL import Image

from lookalike.matches import Match
from lookalike.picture_sheet import COLUMNS, GAP_PX, HEAD_PX, MARGIN_PX, TEXT_PX, TILE_PX, picture_sheet
from tests.lookalike.test_facets import match

COLOURS = [(200, 30, 30), (30, 160, 60), (40, 60, 200), (220, 200, 40), (120, 40, 160)]


def photographed(place: int) -> Match:
    stored = io.BytesIO()
    Image.new("RGB", (120, 240), COLOURS[place]).save(stored, "PNG")
    return match(
        str(place),
        title="A title that is far too long for one line of a tile, and not only in Latin: 裙子",
        price=Decimal("19.9"),
        photo=stored.getvalue,
    )


@pytest.mark.parametrize("number", [0, 1, 4, 5])
def test_each_answer_has_its_tile(number: int) -> None:
    sheet = Image.open(io.BytesIO(picture_sheet([photographed(n) for n in range(number)], "Red dress " * 40)))
    rows = max(1, -(-number // COLUMNS))
    assert sheet.size == (
        2 * MARGIN_PX + COLUMNS * TILE_PX + (COLUMNS - 1) * GAP_PX,
        2 * MARGIN_PX + HEAD_PX + rows * (TILE_PX + TEXT_PX + GAP_PX) - GAP_PX,
    )
    for place in range(number):
        x = MARGIN_PX + place % COLUMNS * (TILE_PX + GAP_PX) + TILE_PX // 2
        y = MARGIN_PX + HEAD_PX + place // COLUMNS * (TILE_PX + TEXT_PX + GAP_PX) + TILE_PX // 2
        assert sheet.getpixel((x, y)) == COLOURS[place]
