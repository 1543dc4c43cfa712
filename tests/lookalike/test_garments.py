"""The garments in a photo: boxes in its pixels, kinds, and searching with one of them."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import lookalike
from embedding.encoder import segmentation
from embedding.encoder.heads import Head, write_heads
from embedding.encoder.preprocess import pixels_of
from embedding.encoder.regions import Region
from embedding.encoder.runtime import load_encoder
from embedding.index.build import build_index
from lookalike.cli import main
from lookalike.garments import Box, _kind
from lookalike.query import Shop
from storage import encoders, images
from storage.errors import InputError, LookalikeError
from storage.root import Root
from tests import catalogues
from tests.segmenters import colour_head, write_trunk_encoder

RED, BLUE, WHITE = (220, 20, 30), (20, 30, 220), (255, 255, 255)
ROTATED = 6
"""EXIF's orientation of a photo that has to be turned by 90 degrees clockwise."""

ORIENTATION = 0x0112


def drawn(
    size: tuple[int, int], *garments: tuple[tuple[int, int, int], tuple[int, int, int, int]]
) -> Image.Image:
    """A white photo with rectangles of colours, each left, top, width, height."""
    photo = Image.new("RGB", size, WHITE)
    for colour, (left, top, width, height) in garments:
        photo.paste(Image.new("RGB", (width, height), colour), (left, top))
    return photo


def encoded(photo: Image.Image, form: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    photo.save(buffer, form, **options)
    return buffer.getvalue()


def is_near(box: Box, wanted: tuple[int, int, int, int], size: tuple[int, int]) -> bool:
    """Whether a box is the wanted one, up to the cells of a mask."""
    return all(abs(one - other) <= 0.06 * max(size) for one, other in zip(box, wanted, strict=True))


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Root:
    root = Root.open(tmp_path_factory.mktemp("garments") / "data", create=True)
    encoder = load_encoder(write_trunk_encoder(root), threads=1)
    data = [
        encoded(drawn((60, 80), (colour, (5 + at, 10, 40, 60)))) for colour in (RED, BLUE) for at in range(6)
    ]
    ids = [images.image_id(one) for one in data]
    vectors = encoder.encode(np.stack([pixels_of(one, encoder.spec.size) for one in data]))
    products = [catalogues.product("a.example", f"p{at}", [image]) for at, image in enumerate(ids)]
    catalogues.write(root, products, dict(zip(ids, data, strict=True)), dict(zip(ids, vectors, strict=True)))
    kernel = np.zeros((catalogues.DIM, 4), np.float32)
    kernel[0, :2] = 3, 9
    kernel[1, 2] = 9
    heads = {
        "article_type": Head(
            "article_type",
            ("Tshirts", "Jackets", "Track <b>Pants", "Perfume"),
            kernel,
            np.zeros(4, np.float32),
        )
    }
    write_heads(root.encoders / "heads.npz", heads)
    encoders.put_heads(root, catalogues.MODEL, root.encoders / "heads.npz")
    build_index(root, catalogues.MODEL)
    return root


@pytest.fixture
def shop(root: Root, monkeypatch: pytest.MonkeyPatch) -> Shop:
    monkeypatch.setattr(segmentation, "bundled_head", colour_head)
    return lookalike.open(root.path)


@pytest.mark.parametrize("size", [(300, 400), (400, 300), (1600, 900), (120, 120)])
def test_boxes_are_in_the_photos_own_pixels(shop: Shop, size: tuple[int, int]) -> None:
    width, height = size
    top = (round(0.1 * width), round(0.05 * height), round(0.7 * width), round(0.5 * height))
    bottom = (round(0.3 * width), round(0.75 * height), round(0.4 * width), round(0.22 * height))
    found = shop.garments(drawn(size, (RED, top), (BLUE, bottom)))
    assert (found.width, found.height) == size
    assert [is_near(garment.box, wanted, size) for garment, wanted in zip(found, (top, bottom), strict=True)]
    assert all(is_near(one.box, wanted, size) for one, wanted in zip(found, (top, bottom), strict=True))
    assert found[0].area > found[1].area
    assert all(0 < garment.score <= 1 for garment in found)


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("scale", [1, 8])
def test_a_photo_is_turned_as_its_exif_says_whatever_its_size(shop: Shop, form: str, scale: int) -> None:
    upright, wanted = (300 * scale, 400 * scale), tuple(scale * side for side in (30, 20, 120, 280))
    exif = Image.Exif()
    exif[ORIENTATION] = ROTATED
    stored = drawn(upright, (RED, wanted)).transpose(Image.Transpose.ROTATE_90)  # type: ignore[arg-type]
    found = shop.garments(encoded(stored, form, exif=exif))
    assert (found.width, found.height) == upright
    assert [is_near(garment.box, wanted, upright) for garment in found] == [True]  # type: ignore[arg-type]


def test_the_kind_is_what_the_heads_see(shop: Shop) -> None:
    top, bottom = shop.garments(drawn((200, 200), (RED, (10, 10, 150, 90)), (BLUE, (40, 120, 90, 70))))
    assert top.kind == "outerwear"
    assert top.article_type is not None
    assert top.article_type.value == "Jackets"
    assert bottom.kind == "bottom"
    assert bottom.article_type is not None
    assert bottom.article_type.value == "Track <b>Pants"


@pytest.mark.parametrize(
    ("name", "worn", "kind"),
    [("top", True, "top"), ("bottom", True, "bottom"), ("bag", True, "bag"), ("bag", False, "bottom")],
)
def test_what_is_worn_has_a_kind_that_its_class_allows(name: str, worn: bool, kind: str) -> None:
    classes = ("Tshirts", "Jeans", "Belts")
    head = Head("article_type", classes, np.zeros((4, 3), np.float32), np.zeros(3, np.float32))
    region = Region(name, np.ones((4, 4), bool), 0.9, worn)
    likely = np.array([0.1, 0.7, 0.2], np.float32)
    found, guess = _kind(region, {"article_type": head}, likely)
    assert found == kind
    assert (guess is None) == (name == "bag" and worn)


def test_a_garment_is_searched_with(shop: Shop) -> None:
    photo = drawn((300, 300), (RED, (10, 10, 250, 120)), (BLUE, (30, 170, 90, 120)))
    red, blue = shop.garments(photo)
    photo.paste("white", (0, 0, 300, 300))  # what was found stays as it was
    assert {match.product_id for match in shop.similar(red.photo, k=6)} == {f"p{at}" for at in range(6)}
    assert {match.product_id for match in shop.similar(blue.photo, k=6)} == {f"p{at}" for at in range(6, 12)}


def test_whatever_is_searched_with_shows_its_garments(shop: Shop, tmp_path: Path) -> None:
    photo = drawn((300, 400), (RED, (30, 40, 200, 300)))
    file = tmp_path / "photo.png"
    photo.save(file)
    asked = (photo, np.asarray(photo), encoded(photo), str(file), file)
    boxes = {tuple(garment.box for garment in shop.garments(one)) for one in asked}
    assert len(boxes) == 1
    by_name = shop.garments("a.example:p0")
    assert len(by_name) == 1
    assert (by_name.query, by_name.width, by_name.height) == ("Product p0", 60, 80)


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (5, 4), (1, 900), (900, 1), (9, 7)])
def test_a_tiny_or_narrow_photo_is_searched_with_its_garments(shop: Shop, size: tuple[int, int]) -> None:
    width, height = size
    for share in (0.2, 0.5, 1.0):
        garment = (0, 0, max(1, round(share * width)), max(1, round(share * height)))
        for found in shop.garments(drawn(size, (RED, garment))):
            assert found.box.x + found.box.width <= width
            assert found.box.y + found.box.height <= height
            assert len(shop.similar(found.photo, k=1)) == 1


def test_a_photo_without_garments_has_none(shop: Shop) -> None:
    found = shop.garments(Image.new("RGB", (90, 120), WHITE))
    assert list(found) == []
    assert found.to_dict()["garments"] == []
    assert "0 garments" in repr(found)
    assert "<svg" in found._repr_html_()


def test_what_cannot_be_read_is_a_sentence(shop: Shop) -> None:
    with pytest.raises(InputError, match="not an image"):
        shop.garments(b"<!DOCTYPE html>")
    with pytest.raises(InputError, match=r"no file nowhere\.jpg"):
        shop.garments("nowhere.jpg")
    with pytest.raises(InputError, match="Give one"):
        shop.garments([b"", b""])  # type: ignore[arg-type]
    with pytest.raises(InputError, match="has no product 'p99'"):
        shop.garments("a.example:p99")


def test_an_encoder_without_a_head_for_it_is_a_sentence(root: Root) -> None:
    with pytest.raises(
        LookalikeError, match=r"encoder test-32: no segmentation head was fitted to it\. Embed"
    ):
        lookalike.open(root.path).garments(Image.new("RGB", (40, 40)))


def test_garments_are_shown_escaped(shop: Shop, tmp_path: Path) -> None:
    file = tmp_path / "<script>.png"
    drawn((100, 100), (BLUE, (20, 20, 60, 60))).save(file)
    html = shop.garments(file)._repr_html_()
    assert "<script>" not in html
    assert "<b>" not in html
    assert "Track &lt;b&gt;Pants" in html
    assert html.count("<rect ") == 1
    assert "data:image/jpeg;base64," in html


def test_the_command_prints_a_table_or_json(
    shop: Shop, root: Root, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "photo.png"
    drawn((200, 200), (RED, (10, 10, 150, 90)), (BLUE, (40, 125, 90, 70))).save(file)
    arguments = ["garments", str(file), "--data", str(root.path)]
    assert main(arguments) == 0
    rows = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert [row[:3] for row in rows] == [["1", "outerwear", "Jackets"], ["2", "bottom", "Track <b>Pants"]]
    assert main([*arguments, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document == shop.garments(file).to_dict()
    assert set(document["garments"][0]) == {"box", "kind", "score", "area", "article_type"}
    assert set(document["garments"][0]["box"]) == {"x", "y", "width", "height"}


def test_the_command_says_where_it_finds_none(
    shop: Shop, root: Root, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Image.new("RGB", (40, 40), WHITE).save(tmp_path / "white.png")
    assert main(["garments", str(tmp_path / "white.png"), "--data", str(root.path)]) == 0
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err == "No garment is found in the photo.\n"
