"""A thumbnail from elsewhere that is a large image, or none, is refused by its header."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from storage.manifest import GenerationError
from storage.thumbnails import GRID_SIDE, SIDE, grid


def jpeg(width: int, height: int, form: str = "JPEG") -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (width, height), "red").save(file, form)
    return file.getvalue()


@pytest.mark.parametrize("size", [(SIDE + 1, 1), (1, SIDE + 1), (5000, 4000), (60_000, 10)])
def test_a_thumbnail_larger_than_ours_is_refused(size: tuple[int, int]) -> None:
    with pytest.raises(GenerationError, match=f"it has {size[0]}×{size[1]} px"):
        grid(jpeg(*size))


@pytest.mark.parametrize("data", [b"", b"\xff\xd8", jpeg(9, 9)[:200], jpeg(9, 9, "PNG"), jpeg(9, 9, "TIFF")])
def test_what_is_no_jpeg_is_refused(data: bytes) -> None:
    with pytest.raises(GenerationError, match=r"A thumbnail cannot be shown"):
        grid(data)


@pytest.mark.parametrize("size", [(SIDE, SIDE), (SIDE, 1), (1, 1)])
def test_ours_are_read(size: tuple[int, int]) -> None:
    assert max(grid(jpeg(*size)).shape[:2]) == GRID_SIDE
