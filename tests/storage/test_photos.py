"""Decoding of hostile and odd images."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from storage import photos
from storage.errors import UnreadableImageError

RED = (200, 30, 40)


def encoded(image: Image.Image, form: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def png_header(width: int, height: int) -> bytes:
    """A PNG that claims a size and holds next to nothing."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = zlib.compress(bytes(1000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def centre(image: Image.Image) -> tuple[int, ...]:
    return image.getpixel((image.width // 2, image.height // 2))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "it is empty"),
        (b"<!DOCTYPE html><html>", "it starts with '<!DOCTYPE ht'"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not an image"),
        (png_header(30_000, 30_000), "more than"),
        (png_header(200_000, 200_000), "more than"),
        (png_header(50, 50), "a damaged PNG image"),
        (b"%PDF-1.7", "not an image"),
    ],
)
def test_what_is_no_photo_is_refused_with_its_reason(data: bytes, reason: str) -> None:
    with pytest.raises(UnreadableImageError, match=reason):
        photos.decode(data)


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "AVIF", "GIF", "TIFF"])
def test_a_file_cut_short_is_refused(form: str) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (120, 90, 3), np.uint8)
    whole = encoded(Image.fromarray(noise), form)
    assert photos.decode(whole).size == (90, 120)
    with pytest.raises(UnreadableImageError):
        photos.decode(whole[: len(whole) // 2])


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "AVIF", "GIF", "BMP", "TIFF"])
def test_every_format_gives_its_colour(form: str) -> None:
    decoded = photos.decode(encoded(Image.new("RGB", (40, 60), RED), form))
    assert (decoded.mode, decoded.size) == ("RGB", (40, 60))
    assert np.abs(np.subtract(centre(decoded), RED)).max() <= 6


def test_cmyk_becomes_rgb() -> None:
    decoded = photos.decode(encoded(Image.new("RGB", (40, 40), RED).convert("CMYK"), "JPEG"))
    assert np.abs(np.subtract(centre(decoded), RED)).max() <= 6


def test_16_bit_grey_is_scaled_and_not_clipped() -> None:
    grey = Image.fromarray(np.full((20, 20), 128 * 256, np.uint16))
    assert centre(photos.decode(encoded(grey, "PNG"))) == (128, 128, 128)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_transparency_lies_on_white(mode: str) -> None:
    clear = Image.new("RGBA", (20, 20), (0, 0, 0, 0))
    if mode == "P":
        data = encoded(Image.new("P", (20, 20), 0), "PNG", transparency=0)
    else:
        data = encoded(clear.convert(mode), "PNG")
    assert centre(photos.decode(data)) == (255, 255, 255)


@pytest.mark.parametrize("form", ["GIF", "WEBP", "PNG"])
def test_an_animation_gives_its_first_frame(form: str) -> None:
    frames = [Image.new("RGB", (20, 20), colour) for colour in (RED, (0, 255, 0), (0, 0, 255))]
    data = encoded(frames[0], form, save_all=True, append_images=frames[1:])
    assert np.abs(np.subtract(centre(photos.decode(data)), RED)).max() <= 8


def test_exif_turns_the_photo() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    facts = photos.inspect(encoded(Image.new("RGB", (60, 40), RED), "JPEG", exif=exif))
    assert (facts.format, facts.width, facts.height) == ("JPEG", 40, 60)


def test_one_pixel_is_a_photo_unless_a_least_side_is_asked() -> None:
    pixel = encoded(Image.new("RGB", (1, 1), RED), "PNG")
    assert photos.decode(pixel).size == (1, 1)
    with pytest.raises(UnreadableImageError, match="smaller than 32 px"):
        photos.decode(pixel, min_side=32)


def test_a_large_jpeg_is_decoded_at_a_fraction() -> None:
    large = encoded(Image.new("RGB", (2000, 3000), RED), "JPEG")
    assert photos.decode(large, fit=128).size == (500, 750)
    assert photos.decode(large).size == (2000, 3000)


def test_perceptual_hashes_of_one_photo_in_two_qualities_are_near() -> None:
    gradient = np.linspace(0, 255, 200 * 150).reshape(200, 150)
    noise = np.random.default_rng(1).integers(0, 60, (20, 15)).repeat(10, 0).repeat(10, 1)
    photo = Image.fromarray(np.clip(gradient + noise, 0, 255).astype(np.uint8)).convert("RGB")
    hashes = [
        int(photos.inspect(encoded(photo, "JPEG", quality=quality)).perceptual_hash, 16)
        for quality in (95, 40)
    ]
    assert (hashes[0] ^ hashes[1]).bit_count() <= 4
    other = photos.inspect(encoded(photo.rotate(90, expand=True), "JPEG")).perceptual_hash
    assert (hashes[0] ^ int(other, 16)).bit_count() >= 16


def test_a_thumbnail_is_a_small_jpeg_of_the_same_shape() -> None:
    small = Image.open(io.BytesIO(photos.thumbnail(Image.new("RGB", (900, 1200), RED))))
    assert (small.format, small.size) == ("JPEG", (192, 256))
    tiny = Image.open(io.BytesIO(photos.thumbnail(Image.new("RGB", (30, 40), RED))))
    assert tiny.size == (30, 40)


def test_the_identity_is_the_sha256_of_the_bytes() -> None:
    assert photos.image_id(b"abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
