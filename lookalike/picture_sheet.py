"""A contact sheet as a picture: the photos of a search's answers, with title, price and store."""

from __future__ import annotations

import io
from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFont

from lookalike.matches import Match
from storage.money import decimal_string

COLUMNS = 4
TILE_PX, GAP_PX, TEXT_PX, MARGIN_PX, HEAD_PX = 256, 24, 76, 32, 64
PAPER, INK, QUIET = "#fbfaf7", "#22201c", "#6c675e"


def picture_sheet(answers: Sequence[Match], headline: str) -> bytes:
    """Draws the sheet.

    Prices have their currency's code: the font, Pillow's own, has Latin letters but few signs.

    :param answers: in the order in which they are drawn, row by row.
    :param headline: what was searched for, in words.
    :return: a PNG, four tiles wide.
    """
    rows = max(1, -(-len(answers) // COLUMNS))
    width = 2 * MARGIN_PX + COLUMNS * TILE_PX + (COLUMNS - 1) * GAP_PX
    height = 2 * MARGIN_PX + HEAD_PX + rows * (TILE_PX + TEXT_PX + GAP_PX) - GAP_PX
    sheet = Image.new("RGB", (width, height), PAPER)
    draw = ImageDraw.Draw(sheet)
    head, body = ImageFont.load_default(26), ImageFont.load_default(15)
    draw.text((MARGIN_PX, MARGIN_PX), _fitted(headline, head, width - 2 * MARGIN_PX), INK, head)
    for place, match in enumerate(answers):
        left = MARGIN_PX + place % COLUMNS * (TILE_PX + GAP_PX)
        top = MARGIN_PX + HEAD_PX + place // COLUMNS * (TILE_PX + TEXT_PX + GAP_PX)
        _draw_photo(sheet, match, left, top)
        price = (
            f"{decimal_string(match.price, match.currency) or 'Price at the store'} {match.currency or ''}"
        )
        for line, (text, colour) in enumerate(
            ((match.title or "Untitled product", INK), (price, INK), (match.store, QUIET))
        ):
            draw.text((left, top + TILE_PX + 8 + 22 * line), _fitted(text, body, TILE_PX), colour, body)
    stored = io.BytesIO()
    sheet.save(stored, "PNG", optimize=True)
    return stored.getvalue()


def _draw_photo(sheet: Image.Image, match: Match, left: int, top: int) -> None:
    """Draws a match's photo into the middle of its white tile."""
    sheet.paste("white", (left, top, left + TILE_PX, top + TILE_PX))
    with Image.open(io.BytesIO(match.thumbnail())) as photo:
        photo.thumbnail((TILE_PX, TILE_PX))
        at = (left + (TILE_PX - photo.width) // 2, top + (TILE_PX - photo.height) // 2)
        sheet.paste(photo.convert("RGB"), at)


def _fitted(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: int) -> str:
    """A text in one line, shortened to a width in pixels."""
    line = " ".join(text.split())
    if font.getlength(line) <= width:
        return line
    while line and font.getlength(f"{line}…") > width:
        line = line[:-1]
    return f"{line.rstrip()}…"
