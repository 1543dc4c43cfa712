"""Decoding of hostile and odd images."""

from __future__ import annotations

import io
import random
import struct
import tracemalloc
import warnings
import zlib
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from storage import images
from storage.errors import UnreadableImageError

# Pytest puts its own warning filters over those of `storage.images`.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning", "ignore::PIL.Image.DecompressionBombWarning")

RED = (200, 30, 40)
ORIENTATION = 0x0112


def encoded(image: Image.Image, form: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def png_header(width: int, height: int, *, mode: int = 2, depth: int = 8, body: bytes = b"\x78") -> bytes:
    """A PNG that claims a size; unless told otherwise it holds next to nothing."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, depth, mode, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def centre(image: Image.Image) -> tuple[int, ...]:
    return image.getpixel((image.width // 2, image.height // 2))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "not an image (it is empty); give a JPEG, PNG, WebP, AVIF or GIF"),
        (b"<!DOCTYPE html><html>", "not an image (it starts with '<!DOCTYPE ht'); give a JPEG"),
        (b"%PDF-1.7", "not an image (it starts with '%PDF-1.7')"),
        (b"<?xml version='1.0'?><!-- -->\n<SVG xmlns='http://www.w3.org/2000/svg'/>", "a drawing (SVG)"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "a HEIC photo, which cannot be read; give a JPEG"),
        (b"\xff\xd8\xff\xe0", "a damaged JPEG image (its header cannot be read)"),
        (b"RIFF\x04\0\0\0WEBP", "a damaged WebP image (its header cannot be read)"),
        (png_header(50, 50), "a damaged PNG image ("),
        (png_header(10_000, 6_001), "too large (10000×6001 px, at most 60,000,000 pixels)"),
        (png_header(30_000, 30_000), "too large (more than 60,000,000 pixels)"),
    ],
)
def test_what_is_no_photo_is_refused_with_its_reason(data: bytes, reason: str) -> None:
    for use in (images.decode, images.inspect):
        with pytest.raises(UnreadableImageError) as refusal:
            use(data)
        assert str(refusal.value).startswith(reason)


def with_scans(jpeg: bytes, more: int) -> bytes:
    """A progressive JPEG whose last scan is there `more` times again."""
    last = jpeg.rindex(b"\xff\xda")
    return jpeg[:-2] + jpeg[last:-2] * more + jpeg[-2:]


@pytest.mark.parametrize("use", [images.decode, images.inspect])
def test_a_jpeg_of_thousands_of_scans_is_refused_before_it_is_decoded(use) -> None:
    size = (6000, 9000)
    honest = encoded(Image.new("RGB", size, RED), "JPEG", progressive=True)
    hostile = with_scans(honest, 2000)
    assert len(hostile) < 2_000_000
    with pytest.raises(
        UnreadableImageError, match=r"too much work to decode \(6000×9000 px in 2,0\d\d scans\)"
    ):
        use(hostile)
    assert images.decode(honest, fit=64).size == (750, 1125)


def test_a_deep_grey_image_is_decoded_in_bounded_memory() -> None:
    """Scaled as a whole, 40 million pixels took 1.2 GB beside the image."""
    levels = np.full((5000, 8000), 40_000, np.uint16)
    data = encoded(Image.fromarray(levels), "PNG", compress_level=1)
    del levels
    tracemalloc.start()
    decoded = images.decode(data)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert centre(decoded) == (156, 156, 156)
    assert peak < 250_000_000


def test_a_bomb_is_refused_by_its_header() -> None:
    # 170 million pixels, whole and valid, in 21 kB; Pillow by itself only warns of it.
    bomb = png_header(10_000, 17_000, mode=0, depth=1, body=zlib.compress(bytes(17_000 * 1251), 9))
    assert len(bomb) < 25_000
    with pytest.raises(UnreadableImageError, match="too large"):
        images.decode(bomb)


def test_the_limit_of_pixels_is_an_argument() -> None:
    data = encoded(Image.new("RGB", (20, 30), RED), "PNG")
    assert images.decode(data, max_pixels=600).size == (20, 30)
    with pytest.raises(UnreadableImageError, match="20×30 px, at most 599 pixels"):
        images.inspect(data, max_pixels=599)


def test_whatever_the_bytes_there_is_a_photo_or_a_reason() -> None:
    chance = random.Random(0)
    photo = Image.fromarray(np.random.default_rng(0).integers(0, 256, (24, 18, 3), np.uint8))
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    whole = [encoded(photo, form, exif=exif) for form in ("JPEG", "PNG", "WEBP", "AVIF")]
    whole += [encoded(photo, form) for form in ("GIF", "BMP")]
    whole.append(encoded(photo.convert("P"), "PNG", transparency=bytes(range(256))))
    whole.append(encoded(photo, "GIF", save_all=True, append_images=[photo.rotate(90)]))
    outcomes = Counter()
    for _ in range(3000):
        data = bytearray(chance.choice(whole))
        for _ in range(chance.choice((1, 2, 8))):
            place = chance.randrange(min(len(data), 200) if chance.random() < 0.6 else len(data))
            if chance.random() < 0.8:
                data[place] = chance.randrange(256)
            else:
                del data[place : place + chance.randrange(9)]
        try:
            assert images.decode(bytes(data), fit=16).mode == "RGB"
            outcomes["photo"] += 1
        except UnreadableImageError:
            outcomes["reason"] += 1
    assert min(outcomes.values()) > 300


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "AVIF", "GIF", "TIFF"])
def test_a_file_cut_short_is_refused(form: str) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (120, 90, 3), np.uint8)
    whole = encoded(Image.fromarray(noise), form)
    assert images.decode(whole).size == (90, 120)
    with pytest.raises(UnreadableImageError):
        images.decode(whole[: len(whole) // 2])


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "AVIF", "GIF", "BMP", "TIFF"])
def test_every_format_gives_its_colour(form: str) -> None:
    decoded = images.decode(encoded(Image.new("RGB", (40, 60), RED), form))
    assert (decoded.mode, decoded.size) == ("RGB", (40, 60))
    assert np.abs(np.subtract(centre(decoded), RED)).max() <= 6


def test_cmyk_becomes_rgb() -> None:
    decoded = images.decode(encoded(Image.new("RGB", (40, 40), RED).convert("CMYK"), "JPEG"))
    assert np.abs(np.subtract(centre(decoded), RED)).max() <= 6


@pytest.mark.parametrize("form", ["PNG", "TIFF"])
def test_16_bit_grey_is_scaled_and_not_clipped(form: str) -> None:
    grey = Image.fromarray(np.full((20, 20), 128 * 256, np.uint16))
    assert centre(images.decode(encoded(grey, form))) == (128, 128, 128)


def test_16_bit_colour_keeps_its_high_bytes() -> None:
    row = b"\0" + struct.pack(">3H", 200 * 256 + 7, 30 * 256, 40 * 256) * 4
    data = png_header(4, 4, depth=16, body=zlib.compress(row * 4))
    assert centre(images.decode(data)) == RED


@pytest.mark.parametrize(
    ("levels", "expected"),
    [(np.float32(0.5), 127), (np.float32(90), 90), (np.int32(90), 90), (np.int32(90 * 256), 90)],
)
def test_greys_of_other_depths_are_scaled(levels: np.generic, expected: int) -> None:
    grey = Image.fromarray(np.full((20, 20), levels))
    assert centre(images.decode(encoded(grey, "TIFF"))) == (expected,) * 3


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_transparency_lies_on_white(mode: str) -> None:
    clear = Image.new("RGBA", (20, 20), (0, 0, 0, 0))
    if mode == "P":
        data = encoded(Image.new("P", (20, 20), 0), "PNG", transparency=bytes(256))
    else:
        data = encoded(clear.convert(mode), "PNG")
    assert centre(images.decode(data)) == (255, 255, 255)


@pytest.mark.parametrize("form", ["GIF", "WEBP", "PNG"])
def test_an_animation_gives_its_first_frame(form: str) -> None:
    frames = [Image.new("RGB", (20, 20), colour) for colour in (RED, (0, 255, 0), (0, 0, 255))]
    data = encoded(frames[0], form, save_all=True, append_images=frames[1:])
    assert np.abs(np.subtract(centre(images.decode(data)), RED)).max() <= 8


@pytest.mark.parametrize("transparency", [0, (200, 30, 40), b"\0"])
def test_a_colour_named_transparent_lies_on_white(transparency: object) -> None:
    mode = {int: "L", tuple: "RGB", bytes: "P"}[type(transparency)]
    image = Image.new(mode, (20, 20), RED if mode == "RGB" else 0)
    assert centre(images.decode(encoded(image, "PNG", transparency=transparency))) == (255, 255, 255)


def test_half_transparent_is_half_white() -> None:
    assert centre(images.decode(encoded(Image.new("RGBA", (9, 9), (0, 100, 200, 128)), "PNG"))) == (
        127,
        177,
        227,
    )


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "AVIF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_turns_the_photo(form: str, orientation: int) -> None:
    upright = Image.new("RGB", (64, 48), "white")
    upright.paste(RED, (0, 0, 32, 24))
    turns = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}
    stored = upright.transpose(turns[orientation]) if orientation in turns else upright
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    decoded = images.decode(encoded(stored, form, exif=exif, quality=95))
    assert decoded.size == (64, 48)
    assert np.abs(np.subtract(decoded.getpixel((8, 8)), RED)).max() <= 12
    assert min(decoded.getpixel((56, 40))) >= 240
    # Nobody turns it a second time.
    assert not decoded.getexif()


def test_facts_are_of_the_turned_photo() -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    facts = images.inspect(encoded(Image.new("RGB", (60, 40), RED), "JPEG", exif=exif))
    assert (facts.format, facts.width, facts.height) == ("JPEG", 40, 60)
    assert len(facts.perceptual_hash) == 16


def test_facts_of_a_large_photo_are_of_all_of_it() -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    noise = np.random.default_rng(1).integers(0, 256, (15, 10, 3), np.uint8)
    photo = Image.fromarray(noise).resize((2200, 3300))
    small = int(images.inspect(encoded(photo.resize((220, 330)), "PNG")).perceptual_hash, 16)
    for form in ("JPEG", "PNG"):
        facts = images.inspect(encoded(photo, form))
        assert (facts.format, facts.width, facts.height) == (form, 2200, 3300)
        assert (int(facts.perceptual_hash, 16) ^ small).bit_count() <= 4
    turned = images.inspect(encoded(photo, "JPEG", exif=exif))
    assert (turned.width, turned.height) == (3300, 2200)
    damaged = encoded(photo, "JPEG")
    with pytest.raises(UnreadableImageError, match="a damaged JPEG image"):
        images.inspect(damaged[: len(damaged) // 2])


def test_a_jpeg_with_further_pictures_behind_it_is_a_jpeg() -> None:
    photo = Image.new("RGB", (60, 40), RED)
    data = encoded(photo, "MPO", save_all=True, append_images=[photo.resize((30, 20))])
    assert images.inspect(data).format == "JPEG"
    assert images.decode(data).size == (60, 40)


def test_broken_exif_says_nothing_about_the_photo() -> None:
    data = encoded(Image.new("RGB", (60, 40), RED), "JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\xff broken")
    assert images.decode(data).size == (60, 40)


def test_one_pixel_is_a_photo_unless_a_least_side_is_asked() -> None:
    pixel = encoded(Image.new("RGB", (1, 1), RED), "PNG")
    assert images.decode(pixel, fit=224).size == (1, 1)
    assert images.inspect(pixel).perceptual_hash
    with pytest.raises(UnreadableImageError, match="too small \\(1×1 px, at least 32 px a side\\)"):
        images.decode(pixel, min_side=32)


@pytest.mark.parametrize(
    ("size", "fit", "expected"),
    [
        ((2000, 3000), 224, (500, 750)),
        ((1500, 2000), 224, (375, 500)),
        ((2000, 3000), 128, (250, 375)),
        ((500, 400), 224, (500, 400)),
        ((4000, 8), 100, (500, 1)),
    ],
)
def test_a_large_jpeg_is_decoded_at_a_fraction(
    size: tuple[int, int], fit: int, expected: tuple[int, int]
) -> None:
    large = encoded(Image.new("RGB", size, RED), "JPEG")
    decoded = images.decode(large, fit=fit)
    assert decoded.size == expected
    assert np.abs(np.subtract(centre(decoded), RED)).max() <= 6
    assert images.decode(large).size == size


def test_decoding_is_safe_in_threads() -> None:
    photo = Image.fromarray(np.random.default_rng(0).integers(0, 256, (300, 200, 3), np.uint8))
    data = encoded(photo, "JPEG")
    before = list(warnings.filters)
    with ThreadPoolExecutor(8) as pool:
        decoded = list(pool.map(lambda _: np.asarray(images.decode(data)).sum(), range(64)))
    assert len(set(decoded)) == 1
    assert warnings.filters == before


def test_perceptual_hashes_of_one_photo_in_two_qualities_are_near() -> None:
    gradient = np.linspace(0, 255, 200 * 150).reshape(200, 150)
    noise = np.random.default_rng(1).integers(0, 60, (20, 15)).repeat(10, 0).repeat(10, 1)
    photo = Image.fromarray(np.clip(gradient + noise, 0, 255).astype(np.uint8)).convert("RGB")
    hashes = [
        int(images.inspect(encoded(photo, "JPEG", quality=quality)).perceptual_hash, 16)
        for quality in (95, 40)
    ]
    assert (hashes[0] ^ hashes[1]).bit_count() <= 4
    other = images.inspect(encoded(photo.rotate(90, expand=True), "JPEG")).perceptual_hash
    assert (hashes[0] ^ int(other, 16)).bit_count() >= 16


def test_a_thumbnail_is_a_small_jpeg_of_the_same_shape() -> None:
    small = Image.open(io.BytesIO(images.thumbnail(Image.new("RGB", (900, 1200), RED))))
    assert (small.format, small.size) == ("JPEG", (192, 256))
    tiny = Image.open(io.BytesIO(images.thumbnail(Image.new("RGB", (30, 40), RED))))
    assert tiny.size == (30, 40)
    thread = Image.open(io.BytesIO(images.thumbnail(Image.new("RGB", (4000, 3), RED), side=64)))
    assert thread.size == (64, 1)


def test_a_thumbnail_carries_nothing_but_the_picture() -> None:
    exif = Image.Exif()
    exif[0x010E] = "a secret place"
    data = encoded(Image.new("RGB", (40, 40), RED), "JPEG", exif=exif, comment=b"a secret name")
    assert b"secret" not in images.thumbnail(images.decode(data))


def test_the_real_photos_of_a_catalogue_are_read(shared: Path) -> None:
    rows = pq.ParquetFile(shared / "data" / "catalogue.parquet").iter_batches(40, columns=["image"])
    for image in next(rows)["image"].to_pylist():
        facts = images.inspect(image)
        assert images.decode(image, fit=facts.width).size == (facts.width, facts.height)


def test_the_identity_is_the_sha256_of_the_bytes() -> None:
    assert images.image_id(b"abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
