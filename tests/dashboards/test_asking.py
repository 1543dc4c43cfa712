"""What is asked for: what was typed, and the part of a photo."""

from __future__ import annotations

import io
from threading import Thread

import pytest
from PIL import Image

from dashboards.asking import changed, read_typed
from dashboards.crop import FRAME, SUGGESTED, WHOLE, Box, box_of, coordinates, cut, framed
from dashboards.crop_dialog import parts_of
from dashboards.languages import keeping_language
from dashboards.page_parts import plain
from lookalike import Garment, Garments, Guess, garments
from lookalike.language import current, spoken
from storage.errors import UnreadableImageError


@pytest.mark.parametrize(
    ("typed", "location", "words"),
    [
        ("", None, ""),
        ("  red   linen dress ", None, "red linen dress"),
        ("https://shop.example/a?b=c#d", "https://shop.example/a?b=c#d", ""),
        ("https://shop.example/a.jpg but green", "https://shop.example/a.jpg", "but green"),
        ("this  http://[::1 in green", "http://[::1", "this in green"),
        ("3/4 sleeves: a:b", None, "3/4 sleeves: a:b"),
    ],
)
def test_an_address_is_told_from_words(typed: str, location: str | None, words: str) -> None:
    assert read_typed(typed) == (location, words)


@pytest.mark.parametrize(
    ("before", "typed", "asked"),
    [
        ("red dress", "this, but green", "green dress"),
        ("dunkelblau Kleid", "But in Grün", "Grün Kleid"),
        ("red linen dress", "it but with long sleeves", "red linen dress with long sleeves"),
        ("https://shop.example/a.jpg red", "like this, but blue", "https://shop.example/a.jpg blue"),
        ("", "this, but green", "green"),
        ("red dress", "butter yellow skirt", "butter yellow skirt"),
        ("red dress", "green but", "green but"),
        ("red dress", "https://shop.example/a.jpg but green", "https://shop.example/a.jpg but green"),
        ("red dress", "", ""),
    ],
)
def test_a_change_keeps_what_was_typed_before(before: str, typed: str, asked: str) -> None:
    assert changed(before, typed) == asked


SIZE = (200, 100)


@pytest.mark.parametrize(
    ("edges", "box"),
    [
        ((50, 25, 100, 50), Box(0.25, 0.25, 0.75, 0.75)),
        ((-20, -5, 120, 60), Box(0, 0, 0.5, 0.55)),
        ((150, 50, 500, 500), Box(0.75, 0.5, 1, 1)),
        ((10, 10, 1, 80), WHOLE),
        ((10, 10, 100, -5), WHOLE),
        ((300, 10, 50, 50), WHOLE),
    ],
)
def test_handles_enclose_a_part_within_the_photo(edges: tuple[float, ...], box: Box) -> None:
    left, top, width, height = edges
    assert box_of(left, top, width, height, SIZE) == pytest.approx(box)


def test_the_part_is_cut_out_of_the_photo_as_people_see_it() -> None:
    photo = Image.new("RGB", (80, 40), "blue")
    photo.paste("red", (40, 0, 80, 40))  # turned by a quarter: red is at the bottom
    exif = Image.Exif()
    exif[0x0112] = 6
    stored = io.BytesIO()
    photo.save(stored, "PNG", exif=exif)
    part = Image.open(io.BytesIO(cut(stored.getvalue(), Box(0, 0.5, 1, 1))))
    assert part.size == (40, 40)
    assert part.getcolors() == [(1600, (255, 0, 0))]


@pytest.mark.parametrize("size", [(1, 1), (5, 5), (1, 5000), (5000, 1), (3, 40)])
@pytest.mark.parametrize("edges", [(0.0, 0.04), (0.02, 0.07), (0.45, 0.49), (0.95, 1.0)])
def test_a_photo_of_few_pixels_is_framed_and_cut(size: tuple[int, int], edges: tuple[float, float]) -> None:
    stored = io.BytesIO()
    Image.new("RGB", size, "blue").save(stored, "PNG")
    near, far = edges
    part = Image.open(io.BytesIO(cut(stored.getvalue(), Box(near, near, far, far))))
    assert part.convert("RGB").getcolors() == [(part.width * part.height, (0, 0, 255))]
    framed_photo = framed(stored.getvalue())
    assert all(1 <= side <= room for side, room in zip(framed_photo.size, FRAME, strict=True))
    assert framed_photo.width == FRAME[0] or framed_photo.height == FRAME[1]


def test_a_narrow_garment_is_a_part_of_its_own_and_hides_no_other() -> None:
    photo = Image.new("RGB", (400, 1000))
    boxes = {"dress": (50, 100, 300, 800), "accessory": (60, 400, 280, 20), "bag": (0, 0, 400, 1000)}
    found = [
        Garment(
            garments.Box(*box),
            kind,
            0.9,
            0.1,
            Guess("Belts", 0.8) if kind == "accessory" else None,
            photo,
            box,
        )
        for kind, box in boxes.items()
    ]
    parts = parts_of(Garments(found, query="", model="", size=photo.size, picture=b""))
    assert parts == {Box(0.125, 0.1, 0.875, 0.9): "Dress", Box(0.15, 0.4, 0.85, 0.42): "Belts", WHOLE: "Bag"}


def test_no_part_is_cut_out_of_what_is_no_photo() -> None:
    with pytest.raises(UnreadableImageError):
        cut(b"not a photo", Box(0, 0, 0.5, 0.5))


@pytest.mark.parametrize(
    "text", ["![x](http://127.0.0.1:1/a.png)", "**b** $x$ :red[a] `c`", "<b>", "a_b ~c~"]
)
def test_a_label_shows_its_signs(text: str) -> None:
    escaped = plain(text)
    assert escaped.replace("\\", "") == text
    signs = set("![]()*$:`<>_~")
    assert all(escaped[at - 1] == "\\" for at, sign in enumerate(escaped) if sign in signs)


def test_sliders_set_the_frame_of_the_handles() -> None:
    assert coordinates(SUGGESTED, (0, 100), (200, 400)) == (20, 180, 0, 400)
    left, right, top, bottom = coordinates((25, 75), (11, 90), (200, 400))
    assert box_of(left, top, right - left, bottom - top, (200, 400)) == pytest.approx((0.25, 0.11, 0.75, 0.9))


def test_a_dialog_that_is_drawn_again_speaks_the_language_of_its_page() -> None:
    drawn: list[tuple[str, str]] = []
    with spoken("de"):
        german = keeping_language(lambda photo: drawn.append((current(), photo)))
    with spoken("fr"):
        french = keeping_language(lambda photo: drawn.append((current(), photo)))
    for draw, photo in ((german, "one.jpg"), (french, "two.jpg"), (german, "three.jpg")):
        thread = Thread(target=draw, args=(photo,))  # Streamlit draws it again in a thread of its own
        thread.start()
        thread.join()
    assert drawn == [("de", "one.jpg"), ("fr", "two.jpg"), ("de", "three.jpg")]
