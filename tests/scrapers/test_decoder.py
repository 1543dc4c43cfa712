"""Large photos are decoded in a process beside the crawl's, which ends with it."""

import signal
import subprocess
import sys

import pytest

from scrapers.decoder import LARGE_BYTES, Decoder
from storage import photos
from storage.errors import UnreadableImageError
from tests.scrapers.by_hand import environment
from tests.scrapers.webserver import photo

BOUNDS = {"max_pixels": 26_000_000, "min_side": 32}


@pytest.fixture(scope="module")
def large():
    data = photo(1, (2400, 2000), "PNG")
    assert photos.decoding_bytes(data, **BOUNDS) > LARGE_BYTES
    return data


@pytest.fixture
def decoder():
    decoder = Decoder()
    yield decoder
    decoder.close()


def test_a_small_photo_needs_no_process(decoder):
    small = photo(1)
    assert decoder.inspect(small, **BOUNDS) == photos.inspect(small, **BOUNDS)
    assert decoder.process is None


def test_large_photos_share_a_process_and_give_the_same_facts(decoder, large):
    assert decoder.inspect(large, **BOUNDS) == photos.inspect(large, **BOUNDS)
    process = decoder.process
    webp = photo(2, (1700, 1600), "WEBP")
    assert decoder.inspect(webp, **BOUNDS) == photos.inspect(webp, **BOUNDS)
    assert decoder.process is process
    decoder.close()
    assert process.returncode == 0


def test_what_is_wrong_with_a_large_photo_is_told(decoder, large):
    with pytest.raises(UnreadableImageError, match="a damaged PNG image"):
        decoder.inspect(large[: len(large) // 2], **BOUNDS)
    assert decoder.inspect(large, **BOUNDS).width == 2400


def test_one_that_is_too_large_is_refused_by_its_header(decoder):
    with pytest.raises(UnreadableImageError, match="too large"):
        decoder.inspect(photo(1, (6000, 5000), "PNG"), **BOUNDS)
    assert decoder.process is None


def test_a_process_that_was_ended_costs_one_photo(decoder, large):
    decoder.inspect(large, **BOUNDS)
    decoder.process.send_signal(signal.SIGKILL)
    decoder.process.wait()
    with pytest.raises(UnreadableImageError, match="not enough memory"):
        decoder.inspect(large, **BOUNDS)
    assert decoder.inspect(large, **BOUNDS).width == 2400


def test_the_process_ends_when_the_crawl_is_killed(tmp_path, large):
    (tmp_path / "large.png").write_bytes(large)
    code = (
        "import os, signal, sys\nfrom scrapers.decoder import Decoder\n"
        f"Decoder().inspect(open(sys.argv[1], 'rb').read(), **{BOUNDS})\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "large.png")]
    crawl = subprocess.Popen(command, env=environment(), stderr=subprocess.PIPE)
    # The process beside it writes to the same stderr, which ends when both are gone.
    assert crawl.communicate(timeout=60) == (None, b"")
    assert crawl.returncode == -signal.SIGKILL
