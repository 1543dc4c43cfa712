"""Decodes photos that strangers sent, in processes of their own.

A photo that crashes its decoder, or takes too much time, costs one query.
"""

from __future__ import annotations

import atexit
import functools
import os
import queue
import threading
from typing import TYPE_CHECKING

from PIL import Image

from storage import images
from storage.errors import UnreadableImageError

if TYPE_CHECKING:
    from scrapers.session.workers import Worker

PROCESSES = 2
"""Photos decoded at once; the largest has 60 million pixels of up to four bytes."""

CPU_S = 10.0
"""Processor time for one photo; the most work that `storage.images` allows takes half of it."""

_STARTING = threading.Lock()


def decode_photo(data: bytes, fit: int | None = None) -> Image.Image:
    """Decodes a photo to RGB as `storage.images.decode` does.

    :param fit: as there: px of the longer side.
    :raises UnreadableImageError: as there, or it takes too much time or crashes its process.
    """
    from scrapers.session.workers import WorkerError

    with _STARTING:  # two first photos at once would otherwise get workers of their own each
        workers = _workers(os.getpid())
    worker = workers.get()
    try:
        pixels = worker.call(images.decode_pixels, data, fit=fit)
    except WorkerError as error:
        raise UnreadableImageError(f"too much for its decoder ({error})") from None
    finally:
        workers.put(worker)
    return Image.frombytes("RGB", (pixels.width, pixels.height), pixels.rgb)


@functools.cache
def _workers(process: int) -> queue.LifoQueue[Worker]:
    """This process's workers, each started with its first photo; a forked process has its own."""
    from scrapers.session.workers import Worker

    workers: queue.LifoQueue[Worker] = queue.LifoQueue()
    for _ in range(PROCESSES):
        worker = Worker(CPU_S)
        atexit.register(worker.end)
        workers.put(worker)
    return workers
