"""Makes the thumbnails that a generation's photos still lack."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import IO

import pyarrow as pa
import pyarrow.compute as pc

from storage import images, row_groups, thumbnails
from storage.errors import UnreadableImageError
from storage.root import Root

_log = logging.getLogger(__name__)

_THREADS = 4  # Pillow lets other threads run while it decodes
_BATCH = 64


def make_missing(root: Root, image_ids: pa.Array, on_progress: Callable[[int], None]) -> pa.Table:
    """Makes the thumbnails that are missing.

    :param image_ids: the photos that need one, each once.
    :param on_progress: called with the number of photos that have one, then with every portion's.
    :return: the places of all thumbnails there are, see `storage.thumbnails.locate`.
    """
    places = thumbnails.locate(root)
    missing = image_ids.filter(pc.invert(pc.is_in(image_ids, value_set=places["image_id"].combine_chunks())))
    on_progress(len(image_ids) - len(missing))
    if not len(missing):
        return places
    with tempfile.TemporaryFile(dir=root.thumbnails) as spool:
        thumbnails.add(root, _in_order(root, missing, spool, on_progress))
    return thumbnails.locate(root)


def _in_order(
    root: Root, image_ids: pa.Array, spool: IO[bytes], on_progress: Callable[[int], None]
) -> Iterator[tuple[str, bytes]]:
    """Yields thumbnails in the order of their ids, so that equal catalogues give equal shards.

    The table is read in its own order, and its photos may be larger than memory: so the thumbnails wait in a
    file.
    """
    waiting: dict[str, tuple[int, int]] = {}
    rows = row_groups.scan(
        root, "images", image_ids, key="image_id", columns=("image_id", "bytes"), batch_size=_BATCH
    )
    with ThreadPoolExecutor(max_workers=_THREADS) as pool:
        for batch in rows:
            made = pool.map(_thumbnail, batch.column("bytes").to_pylist())
            for image_id, jpeg in zip(batch.column("image_id").to_pylist(), made, strict=True):
                if isinstance(jpeg, bytes):
                    waiting[image_id] = (spool.tell(), len(jpeg))
                    spool.write(jpeg)
                else:
                    _log.warning("Image %s is left out of the index: it is %s.", image_id, jpeg)
            on_progress(len(batch))
    for image_id in sorted(waiting):
        start, length = waiting[image_id]
        spool.seek(start)
        yield image_id, spool.read(length)


def _thumbnail(data: bytes) -> bytes | UnreadableImageError:
    try:
        return images.thumbnail(images.decode(data, fit=thumbnails.SIDE), thumbnails.SIDE)
    except UnreadableImageError as reason:
        return reason
