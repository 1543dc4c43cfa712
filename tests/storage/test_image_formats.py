"""Only the formats that photos have reach Pillow's decoders, of which some are hardly ever used."""

from __future__ import annotations

import io

import pytest
from PIL import Image, features

from storage import images
from storage.errors import UnreadableImageError

READ = {"JPEG", "PNG", "WEBP", "AVIF", "GIF", "BMP", "TIFF"}
Image.init()
OTHERS = sorted({*Image.SAVE} & {*Image.OPEN} - READ)


def stored(form: str) -> bytes:
    """A photo in a format, in whichever mode it takes."""
    for mode in ("RGB", "L", "1", "P", "F", "CMYK"):
        file = io.BytesIO()
        try:
            Image.new(mode, (32, 32)).save(file, form)
        except (OSError, KeyError, ValueError, NotImplementedError, TypeError):
            continue
        return file.getvalue()
    return b""


def is_read_by_pillow(data: bytes) -> bool:
    try:
        Image.open(io.BytesIO(data))
    except Exception:  # what it cannot write itself it may not read either
        return False
    return True


def test_pillow_reads_others() -> None:
    assert {"PPM", "TGA", "ICO", "PCX"} <= {*OTHERS}
    assert all(features.check(name) for name in ("webp", "avif"))


@pytest.mark.parametrize("form", OTHERS)
@pytest.mark.parametrize("use", [images.decode, images.inspect])
def test_another_format_is_no_image(form: str, use: object) -> None:
    data = stored(form)
    if data and is_read_by_pillow(data) and Image.open(io.BytesIO(data)).format not in READ:
        with pytest.raises(UnreadableImageError, match=r"not an image|a damaged"):
            use(data)  # type: ignore[operator]


@pytest.mark.parametrize("form", sorted(READ))
def test_a_format_of_photos_is_read(form: str) -> None:
    assert images.inspect(stored(form)).format == form
