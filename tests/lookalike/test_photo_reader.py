"""Photos of strangers are decoded elsewhere: whatever they do to the decoder, the next query is answered."""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from lookalike import photo_reader, query_inputs
from lookalike.photo_reader import decode_photo
from storage import images
from storage.errors import UnreadableImageError
from tests import catalogues
from tests.lookalike import broken_decoder

PHOTO = catalogues.jpeg((200, 30, 90))
ADDRESS = "https://shop.example/dress.jpg"


def test_a_photo_is_decoded_as_the_night_decodes_it() -> None:
    for fit in (64, 224, 720):
        assert np.array_equal(decode_photo(PHOTO, fit), images.decode(PHOTO, fit=fit))


@pytest.mark.parametrize("data", [b"", b"<svg>", b"\xff\xd8\xff\xe0" + b"\0" * 64, PHOTO[:200]])
def test_what_is_no_photo_has_the_same_reason_as_here(data: bytes) -> None:
    with pytest.raises(UnreadableImageError) as here:
        images.decode(data, fit=64)
    with pytest.raises(UnreadableImageError) as elsewhere:
        decode_photo(data, 64)
    assert str(elsewhere.value) == str(here.value)


@pytest.mark.parametrize(
    ("data", "why"), [(b"crash", "ended with signal 11"), (b"hang", "takes more than 0.5 seconds")]
)
def test_a_photo_that_breaks_its_decoder_costs_itself_only(
    data: bytes, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(images, "decode_pixels", broken_decoder.decode)
    monkeypatch.setattr(photo_reader, "CPU_S", 0.5)
    photo_reader._workers.cache_clear()
    try:
        for _ in range(photo_reader.PROCESSES + 1):
            with pytest.raises(UnreadableImageError, match=f"too much for its decoder .*{why}"):
                decode_photo(data, 64)
        assert decode_photo(b"fine", 64).size == (1, 1)
    finally:
        photo_reader._workers.cache_clear()


def test_more_threads_than_processes_wait_for_their_turn() -> None:
    with ThreadPoolExecutor(8) as threads:
        decoded = list(threads.map(lambda side: decode_photo(PHOTO, side), [64] * 24))
    assert {image.size for image in decoded} == {Image.open(io.BytesIO(PHOTO)).size}


@pytest.mark.parametrize("query", [PHOTO, bytearray(PHOTO), memoryview(PHOTO), ADDRESS, [PHOTO, PHOTO]])
def test_bytes_and_addresses_are_decoded_elsewhere(query: object, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def decode(data: bytes, fit: int) -> Image.Image:
        asked.append(data)
        raise UnreadableImageError("refused by this test")

    fetched = SimpleNamespace(body=PHOTO, content_type="image/jpeg", url=ADDRESS)
    monkeypatch.setattr(query_inputs, "decode_photo", decode)
    monkeypatch.setattr(query_inputs, "_fetch", lambda url, allow_private: fetched)
    published = SimpleNamespace(manifest=SimpleNamespace(encoder=SimpleNamespace(size=64)))
    with pytest.raises(UnreadableImageError, match="refused by this test"):
        query_inputs.read_query(published, query)
    assert asked == [PHOTO]
