"""Thumbnails in immutable Arrow IPC files ("shards") that generations share and readers memory-map.

A shard is named after its content and never changes. A nightly build adds one for the photos that are new;
a shard goes when the last generation that refers to it does (`storage.generations.prune`).
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterable, Mapping
from pathlib import Path

import pyarrow as pa

from storage.manifest import WAY_OUT, GenerationError
from storage.root import Root

SIDE = 256
"""Pixels of a thumbnail's longer side."""

SHARD_ROWS = 4096
"""Most thumbnails in a shard: about 40 MB."""

_SCHEMA = pa.schema([pa.field("image_id", pa.string()), pa.field("jpeg", pa.binary())])
_LOCATIONS = pa.schema(
    [
        pa.field("image_id", pa.string()),
        pa.field("thumbnail_shard", pa.string()),
        pa.field("thumbnail_row", pa.int32()),
    ]
)


def add(
    root: Root, photos: Mapping[str, bytes] | Iterable[tuple[str, bytes]], rows: int = SHARD_ROWS
) -> list[str]:
    """Stores thumbnails; those of images that have one already should be left out, see `locate`.

    One process adds at a time: the caller holds the root's `index` lock.

    :param photos: JPEG bytes by image_id; pairs may be made one by one, only a shard of them is held at a
        time.
    :param rows: most thumbnails in a shard.
    :return: names of the shards written.
    """
    pairs = iter(photos.items() if isinstance(photos, Mapping) else photos)
    written = []
    while batch := list(itertools.islice(pairs, rows)):
        table = pa.table({"image_id": [i for i, _ in batch], "jpeg": [jpeg for _, jpeg in batch]}, _SCHEMA)
        unfinished = root.thumbnails / ".unfinished"
        with pa.OSFile(str(unfinished), "wb") as sink, pa.ipc.new_file(sink, _SCHEMA) as writer:
            writer.write_table(table)
        with unfinished.open("rb") as stream:
            name = hashlib.file_digest(stream, "sha256").hexdigest()[:20]
        unfinished.replace(root.thumbnails / f"{name}.arrow")
        written.append(name)
    return written


def locate(root: Root) -> pa.Table:
    """Where each image's thumbnail is: one row an image, with `image_id`, `thumbnail_shard`, `thumbnail_row`.

    An image in several shards is found in the first by name, so that the answer depends on the shards alone.
    A shard that cannot be read counts as not there.
    """
    parts = []
    for shard in sorted(root.thumbnails.glob("*.arrow")):
        try:
            ids = _read(shard).column("image_id")
        except (OSError, pa.ArrowInvalid):
            continue
        place = {"thumbnail_shard": pa.repeat(shard.stem, len(ids)), "thumbnail_row": range(len(ids))}
        parts.append(pa.table({"image_id": ids, **place}, _LOCATIONS))
    if not parts:
        return _LOCATIONS.empty_table()
    everything = pa.concat_tables(parts).combine_chunks()
    first = (
        everything.append_column("position", pa.array(range(len(everything)), pa.int64()))
        .group_by("image_id", use_threads=False)
        .aggregate([("position", "min")])
    )
    return everything.take(first["position_min"])


class Thumbnails:
    """The thumbnails of one generation, memory-mapped. They stay readable when their files are removed.

    :param root: the data root.
    :param shards: names of the shards and their sizes in bytes, from the manifest.
    :raises GenerationError: a shard is missing or damaged.
    """

    def __init__(self, root: Root, shards: Mapping[str, int]) -> None:
        self._photos = {
            name: self._open(root.thumbnails / f"{name}.arrow", size) for name, size in shards.items()
        }

    def read(self, shard: str, row: int) -> bytes:
        """A thumbnail's JPEG bytes."""
        jpeg: bytes = self._photos[shard][row].as_py()
        return jpeg

    @staticmethod
    def _open(path: Path, size_bytes: int) -> pa.ChunkedArray:
        try:
            found = path.stat().st_size
            if found != size_bytes:
                raise GenerationError(
                    f"The thumbnails {path} are damaged ({found} bytes, not {size_bytes}). {WAY_OUT}"
                )
            return _read(path).column("jpeg")
        except (OSError, pa.ArrowInvalid) as error:
            raise GenerationError(f"The thumbnails {path} cannot be read ({error}). {WAY_OUT}") from None


def sizes(root: Root, shards: Iterable[str]) -> dict[str, int]:
    """Sizes of shards in bytes, sorted by name."""
    return {name: (root.thumbnails / f"{name}.arrow").stat().st_size for name in sorted(shards)}


def _read(shard: Path) -> pa.Table:
    with pa.memory_map(str(shard)) as source:
        return pa.ipc.open_file(source).read_all()
