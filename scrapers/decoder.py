"""Large photos are decoded in a process of their own, so that the crawl's stays within its memory.

A WebP photo of 25 million pixels takes 380 MB while it is decoded, more than all the rest of a crawl.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from dataclasses import asdict
from typing import IO, Any

from storage import photos
from storage.errors import UnreadableImageError
from storage.photos import PhotoFacts

LARGE_BYTES = 48 * 1024 * 1024
"""A photo whose decoding takes more than this is not decoded in the crawl's own process."""


class Decoder:
    """Inspects photos one at a time; starts its process with the first large one."""

    def __init__(self) -> None:
        self.process: subprocess.Popen[bytes] | None = None

    def inspect(self, data: bytes, *, max_pixels: int, min_side: int) -> PhotoFacts:
        """Decodes a photo completely and says what it is.

        :raises UnreadableImageError: as `storage.photos.inspect`, or where there is not enough memory.
        """
        bounds = {"max_pixels": max_pixels, "min_side": min_side}
        if photos.decoding_bytes(data, **bounds) <= LARGE_BYTES:
            return photos.inspect(data, **bounds)
        answer = self._asked(data, bounds)
        if "problem" in answer:
            raise UnreadableImageError(answer["problem"])
        return PhotoFacts(**answer)

    def close(self) -> None:
        """Ends the process, if there is one."""
        process, self.process = self.process, None
        if process is not None:
            with contextlib.suppress(OSError):
                process.communicate()

    def _asked(self, data: bytes, bounds: dict[str, int]) -> dict[str, Any]:
        if self.process is None:
            self.process = _started()
        question = json.dumps({"size": len(data), **bounds}).encode() + b"\n" + data
        line = b""
        if self.process.stdin and self.process.stdout:
            with contextlib.suppress(OSError):
                self.process.stdin.write(question)
                self.process.stdin.flush()
                line = self.process.stdout.readline()
        if not line:
            self.close()
            return {"problem": "too large to be decoded here: there is not enough memory"}
        answer: dict[str, Any] = json.loads(line)
        return answer


def _started() -> subprocess.Popen[bytes]:
    command = [sys.executable, "-P", "-m", "scrapers.decoder"]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    return subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # noqa: S603


def answer_all(asked: IO[bytes], answers: IO[bytes]) -> None:
    """Inspects the photos that come in until there are no more, as when the crawl was killed."""
    while line := asked.readline():
        bounds = json.loads(line)
        data = asked.read(bounds.pop("size"))
        try:
            answer = asdict(photos.inspect(data, **bounds))
        except UnreadableImageError as error:
            answer = {"problem": str(error)}
        answers.write(json.dumps(answer).encode() + b"\n")
        answers.flush()


if __name__ == "__main__":
    # Ctrl-C is for the crawl, which ends this when its last photo is decoded.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    answer_all(sys.stdin.buffer, sys.stdout.buffer)
