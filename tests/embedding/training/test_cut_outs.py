"""Photos with masks: cut out of shop photos, pasted on other grounds, read from looks."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image, ImageDraw

from embedding.encoder.segmentation import BACKGROUND, CLASSES, PERSON
from embedding.training import cut_outs
from embedding.training.cut_outs import (
    bits,
    closer,
    cut_out,
    grounds,
    looks,
    pasted,
    plain_ground,
    shop_photos,
)
from embedding.training.datasets import is_validation

SKIN, SHIRT = (224, 172, 140), (30, 60, 170)


def shop_photo(*, worn: bool, pale: int = 255) -> bytes:
    photo = Image.new("RGB", (120, 160), (pale, pale, pale))
    draw = ImageDraw.Draw(photo)
    draw.rectangle((30, 50, 90, 150), fill=SHIRT)
    if worn:
        draw.ellipse((42, 10, 78, 55), fill=SKIN)
    return encoded(photo)


def encoded(photo: Image.Image) -> bytes:
    buffer = io.BytesIO()
    photo.save(buffer, "PNG")
    return buffer.getvalue()


@pytest.mark.parametrize("pale", [255, 246])
def test_a_garment_alone_is_that_garment_throughout(pale: int) -> None:
    cut = cut_out(shop_photo(worn=False, pale=pale), "top")
    assert cut is not None
    assert not cut.worn
    assert cut.image.size == (61, 101)
    assert set(np.unique(cut.allowed)) == {bits("top")}


def test_of_a_worn_garment_only_the_middle_is_sure() -> None:
    cut = cut_out(shop_photo(worn=True), "top")
    assert cut is not None
    assert cut.worn
    height, width = cut.allowed.shape
    assert cut.allowed[height // 2, width // 2] == bits("top")
    head = int(cut.allowed[5, width // 2])
    assert head & bits(PERSON)
    assert head & bits("top")
    assert not head & bits(BACKGROUND)


def test_the_ground_ends_at_the_garment() -> None:
    photo = Image.new("RGB", (120, 160), "white")
    photo.paste((200, 30, 40), (30, 20, 90, 140))
    photo.paste((255, 255, 255), (50, 60, 70, 80))  # a white print, which the ground does not reach
    expected = np.ones((160, 120), bool)
    expected[20:140, 30:90] = False
    assert (plain_ground(photo) == expected).all()


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_without_plain_ground_nothing_is_cut_out(share: float) -> None:
    photo = Image.new("RGB", (80, 80), (255, 255, 255) if share else (90, 20, 20))
    assert cut_out(encoded(photo), "top") is None


@pytest.mark.parametrize("seed", range(12))
def test_what_is_pasted_is_where_its_mask_says(seed: int) -> None:
    rng = np.random.default_rng(seed)
    cut = cut_out(shop_photo(worn=False), "top")
    assert cut is not None
    ground = Image.new("RGB", (200, 180), (40, 200, 40))
    made = pasted(cut, ground, rng)
    assert made.allowed.shape == (180, 200)
    assert set(np.unique(made.allowed)) == {bits(BACKGROUND), bits("top")}
    pixels = np.asarray(made.image).astype(int)
    blue = pixels[..., 2] > pixels[..., 1]
    shown = made.allowed == bits("top")
    assert (blue & shown).sum() > 0.8 * shown.sum()
    assert (blue & ~shown).sum() < 0.05 * shown.sum()


def test_grounds_are_of_many_kinds_and_the_same_again() -> None:
    photo = encoded(Image.effect_noise((90, 70), 60).convert("RGB"))

    def made() -> list[bytes]:
        ground = grounds([photo], np.random.default_rng(3))
        return [next(ground).tobytes() for _ in range(12)]

    assert made() == made()
    assert len(set(made())) == 12


@pytest.mark.parametrize("held_out", [True, False])
def test_looks_are_read_with_their_classes_and_split(tmp_path: Path, held_out: bool) -> None:
    labels = ["null", "skin", "jeans", "blouse", "tights", "boots", "suit"]
    mask = np.arange(len(labels), dtype=np.uint8).reshape(1, -1).repeat(2, axis=0)
    ids = [str(number) for number in range(60)]
    table = pa.table(
        {
            "id": ids,
            "image": [encoded(Image.new("RGB", (len(labels), 2), (number, 0, 0))) for number in range(60)],
            "mask": [None if number % 10 == 0 else encoded(Image.fromarray(mask)) for number in range(60)],
        }
    )
    pq.write_table(
        table.replace_schema_metadata({"mask_labels": ",".join(labels)}), tmp_path / "looks.parquet"
    )
    found = list(looks(tmp_path / "looks.parquet", held_out=held_out))
    wanted = [int(one) for one in ids if int(one) % 10 and is_validation(one) == held_out]
    assert [np.asarray(look.image)[0, 0, 0] for look in found] == wanted
    top_bottom, maybe = bits("top", "bottom"), bits(PERSON, "bottom", "accessory")
    names = (BACKGROUND, PERSON, "bottom", "top")
    assert found[0].allowed[0].tolist() == [*map(bits, names), maybe, bits("footwear"), top_bottom]


def test_every_label_of_the_masks_is_known() -> None:
    named = {label for labels in cut_outs._PARTS.values() for label in labels.split()}
    assert len(named) == 59
    assert {name for some in cut_outs._PARTS for name in some} == set(CLASSES)


def test_a_part_of_a_look_has_the_part_of_its_mask() -> None:
    shade = np.arange(100 * 60).reshape(100, 60) % 251
    look = cut_outs.Masked(
        Image.fromarray(np.stack([shade] * 3, axis=-1).astype(np.uint8)), shade.astype(np.uint8)
    )
    for seed in range(6):
        part = closer(look, np.random.default_rng(seed))
        grey = np.asarray(part.image)[..., 0].astype(float)
        assert grey.shape == part.allowed.shape
        assert np.corrcoef(grey.ravel(), part.allowed.ravel())[0, 1] > 0.9


def test_shop_photos_are_sorted_by_what_they_sell(tmp_path: Path) -> None:
    types = ["Tshirts", "Jackets", "Jeans", "Perfume and Body Mist", "Casual Shoes", "Watches", None]
    rows = [(f"{kind}-{number}", kind) for kind in types for number in range(30)]
    table = pa.table(
        {
            "id": [name for name, _ in rows],
            "image": [name.encode() for name, _ in rows],
            "article_type": pa.array([kind for _, kind in rows], pa.string()),
        }
    )
    pq.write_table(table, tmp_path / "catalogue.parquet")
    for held_out in (True, False):
        found = shop_photos(tmp_path / "catalogue.parquet", held_out=held_out)
        assert set(found) == {"top", "bottom", "footwear", "accessory"}
        names = [image.decode() for images in found.values() for image in images]
        assert all(is_validation(name) == held_out for name in names)
        if not held_out:
            assert {name.split("-")[0] for name in map(bytes.decode, found["top"])} == {"Tshirts", "Jackets"}
