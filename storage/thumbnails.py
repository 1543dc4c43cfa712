"""Thumbnails in immutable Arrow IPC files ("shards") that generations share and readers memory-map.

A shard is named after its content and never changes. A nightly build adds one for the photos that are new;
a shard goes when the last generation that refers to it does (`storage.generations.prune`).
"""

from __future__ import annotations

import functools
import hashlib
import itertools
import mmap
import os
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath

import pyarrow as pa

from storage.manifest import WAY_OUT, GenerationError
from storage.root import Root
from storage.verified import Unremembered, Verified, sha256_of

SIDE = 256
"""Pixels of a thumbnail's longer side."""

SHARD_ROWS = 4096
"""Most thumbnails in a shard: about 40 MB."""

_NAME_LENGTH = 20
_AT_ONCE = 8

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
    unfinished = root.thumbnails / ".unfinished"
    while batch := list(itertools.islice(pairs, rows)):
        table = pa.table({"image_id": [i for i, _ in batch], "jpeg": [jpeg for _, jpeg in batch]}, _SCHEMA)
        with pa.OSFile(str(unfinished), "wb") as sink, pa.ipc.new_file(sink, _SCHEMA) as writer:
            writer.write_table(table)
        name = sha256_of(unfinished)[:_NAME_LENGTH]
        root.files.add(file_name(name), unfinished)
        written.append(name)
    return written


def locate(root: Root) -> pa.Table:
    """Where each image's thumbnail is: one row an image, with `image_id`, `thumbnail_shard`, `thumbnail_row`.

    An image in several shards is found in the first by name, so that the answer depends on the shards alone.
    A shard that is damaged counts as not there.
    """
    shards = [PurePosixPath(file).stem for file in root.files.below("thumbnails")]
    parts = []
    for shard, file in zip(shards, _fetched(root, shards), strict=True):
        try:
            if not root.verified.holds(file, shard):
                continue
            ids = _read(pa.memory_map(str(file))).column("image_id")
        except (OSError, pa.ArrowInvalid):
            continue
        place = {"thumbnail_shard": pa.repeat(shard, len(ids)), "thumbnail_row": range(len(ids))}
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
    :raises GenerationError: a shard is missing, or of another size.
    """

    def __init__(self, root: Root, shards: Mapping[str, int]) -> None:
        files = _fetched(root, shards)
        self._shards = {
            name: _Shard(file, size, root.verified)
            for (name, size), file in zip(shards.items(), files, strict=True)
        }

    def read(self, shard: str, row: int) -> bytes:
        """A thumbnail's JPEG bytes.

        :raises GenerationError: the shard is damaged.
        """
        jpeg: bytes = self._shards[shard].jpegs[row].as_py()
        return jpeg


class _Shard:
    """A mapped shard. Its bytes are verified when the first is needed: there may be gigabytes of thumbnails,
    of which a search shows five."""

    def __init__(self, path: Path, size_bytes: int, verified: Verified) -> None:
        self._path, self._verified = path, verified
        try:
            with path.open("rb") as stream:
                self._status = os.fstat(stream.fileno())
                if self._status.st_size != size_bytes:
                    raise GenerationError(
                        f"The thumbnails {path} are damaged ({self._status.st_size} bytes, not "
                        f"{size_bytes}). {WAY_OUT}"
                    )
                self._bytes = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
        except (OSError, ValueError) as error:
            raise GenerationError(f"The thumbnails {path} cannot be read ({error}). {WAY_OUT}") from None

    @functools.cached_property
    def jpegs(self) -> pa.ChunkedArray:
        """The photos, binary [rows]."""
        if not self._verified.confirm(
            self._status, self._path.stem, lambda: hashlib.sha256(self._bytes).hexdigest()
        ):
            raise GenerationError(f"The thumbnails {self._path} are damaged. {WAY_OUT}")
        return _read(pa.BufferReader(pa.py_buffer(self._bytes))).column("jpeg")


def verify(root: Root, shards: Iterable[str], verified: Verified | None = None) -> None:
    """Checks every byte of shards.

    :param verified: what was verified before; where None, every byte is read.
    :raises GenerationError: one is missing or damaged.
    """
    verified = verified or Unremembered()
    names = list(shards)
    for name, file in zip(names, _fetched(root, names), strict=True):
        try:
            sound = verified.holds(file, name)
        except OSError as error:
            raise GenerationError(f"The thumbnails {file} cannot be read ({error}). {WAY_OUT}") from None
        if not sound:
            raise GenerationError(f"The thumbnails {file} are damaged. {WAY_OUT}")


def sizes(root: Root, shards: Iterable[str]) -> dict[str, int]:
    """Sizes of shards in bytes, sorted by name."""
    return {name: (root.path / file_name(name)).stat().st_size for name in sorted(shards)}


def file_name(shard: str) -> str:
    """Name of a shard's file among the root's files."""
    return f"thumbnails/{shard}.arrow"


def _fetched(root: Root, shards: Iterable[str]) -> list[Path]:
    """The shards' files on this machine, in their order."""
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return list(pool.map(lambda shard: root.files.fetch(file_name(shard)), shards))


def _read(source: pa.NativeFile) -> pa.Table:
    return pa.ipc.open_file(source).read_all()
