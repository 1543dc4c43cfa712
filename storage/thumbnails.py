"""Thumbnails in immutable Arrow IPC files ("shards") that generations share and readers memory-map.

A shard is named after its content. A nightly build adds one for new photos; `storage.generations.prune`
removes a shard with the last generation that refers to it.
"""

from __future__ import annotations

import functools
import hashlib
import io
import itertools
import mmap
import os
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath

import numpy as np
import pyarrow as pa
from PIL import Image

from storage import arrow_files
from storage.manifest import WAY_OUT, GenerationError
from storage.regular import open_regular
from storage.root import Root
from storage.verification_cache import Unremembered, Verified, sha256_of

SIDE = 256
"""Pixels of a thumbnail's longer side."""

SHARD_ROWS = 4096
"""Most thumbnails in a shard: about 40 MB."""

_NAME_LENGTH = 20
_MAX_BYTES = 2**20
"""Largest size of a thumbnail; ours take a hundredth of it."""

_AT_ONCE = 8

GRID_SIDE = 40
"""Cells along the longer side of a thumbnail's colour grid, by which images are compared: about 4 KB."""

_SCHEMA = pa.schema(
    [pa.field("image_id", pa.string()), pa.field("jpeg", pa.binary()), pa.field("grid", pa.binary())]
)
_SCHEMA_BEFORE = _SCHEMA.remove(2)
"""The schema of earlier releases, without `grid`."""

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
    """Stores thumbnails of images that have none yet, see `locate`.

    The caller holds the root's `index` lock, so that one process adds at a time.

    :param photos: JPEG bytes by image_id; as an iterable of pairs, only one shard is held in memory.
    :param rows: most thumbnails in a shard.
    :return: names of the shards written.
    """
    pairs = iter(photos.items() if isinstance(photos, Mapping) else photos)
    written = []
    unfinished = root.thumbnails / ".unfinished"
    while batch := list(itertools.islice(pairs, rows)):
        columns = {
            "image_id": [image_id for image_id, _ in batch],
            "jpeg": [jpeg for _, jpeg in batch],
            "grid": [_stored_grid(jpeg) for _, jpeg in batch],
        }
        table = pa.table(columns, _SCHEMA)
        with pa.OSFile(str(unfinished), "wb") as sink, pa.ipc.new_file(sink, _SCHEMA) as writer:
            writer.write_table(table)
        name = sha256_of(unfinished)[:_NAME_LENGTH]
        root.files.add(file_name(name), unfinished)
        written.append(name)
    return written


def locate(root: Root) -> pa.Table:
    """The location of each image's thumbnail: `image_id`, `thumbnail_shard`, `thumbnail_row`.

    For an image in several shards, the first one by name counts, so that the result depends on the shards
    alone. Damaged shards are ignored.
    """
    shards = [PurePosixPath(file).stem for file in root.files.below("thumbnails")]
    _fetch(root, shards)
    parts = []
    for shard in shards:
        try:
            file = _verified_file(root, shard, root.verified)
            ids = _read(pa.memory_map(str(file)).read_buffer()).column("image_id")
        except (GenerationError, OSError, ValueError):
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
    """The thumbnails of one generation, memory-mapped, which stay readable if their files are removed.

    :param root: the data root.
    :param shards: names of the shards and their sizes in bytes, from the manifest.
    :raises GenerationError: a shard is missing, or of another size.
    """

    def __init__(self, root: Root, shards: Mapping[str, int]) -> None:
        _fetch(root, shards)
        self._shards = {name: _Shard(root, name, size) for name, size in shards.items()}

    def read(self, shard: str, row: int) -> bytes:
        """A thumbnail's JPEG bytes.

        :raises GenerationError: the shard is damaged.
        """
        if shard not in self._shards or not 0 <= row < len(jpegs := self._shards[shard].jpegs):
            raise GenerationError(f"There is no thumbnail {row} in {shard!r}. {WAY_OUT}")
        jpeg: bytes | None = jpegs[row].as_py()
        if jpeg is None or len(jpeg) > _MAX_BYTES:
            raise GenerationError(f"The thumbnail {row} in {shard} is none. {WAY_OUT}")
        return jpeg

    def grid(self, shard: str, row: int) -> np.ndarray:
        """A thumbnail's colour grid, see `grid`; computed if its shard was written without.

        :raises GenerationError: the shard is damaged.
        """
        grids = self._shards[shard].grids
        stored = grids[row].as_buffer() if grids is not None else None
        if stored is None:
            return grid(self.read(shard, row))
        height, width = memoryview(stored)[:2] if stored.size > 2 else (0, 0)
        if not 0 < max(height, width) <= GRID_SIDE or stored.size != 2 + 3 * height * width:
            raise GenerationError(f"The colours of thumbnail {row} in {shard} are none. {WAY_OUT}")
        return np.frombuffer(stored, np.uint8, offset=2).reshape(height, width, 3)


def grid(jpeg: bytes) -> np.ndarray:
    """The mean colours of an image's cells, `GRID_SIDE` along its longer side: uint8 [height, width, 3].

    :raises GenerationError: it is no thumbnail.
    """
    try:
        image = Image.open(io.BytesIO(jpeg), formats=["JPEG"])
        if max(image.size) > SIDE:
            raise ValueError(f"it has {image.width}×{image.height} px")
        scale = GRID_SIDE / max(image.size)
        size = (max(2, round(scale * image.width)), max(2, round(scale * image.height)))
        image.draft("RGB", size)
        return np.asarray(image.convert("RGB").resize(size, Image.Resampling.BOX))
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise GenerationError(f"A thumbnail cannot be shown ({error}). {WAY_OUT}") from None


def _stored_grid(jpeg: bytes) -> bytes | None:
    """A grid as bytes, after its height and width of one byte each; None if the image cannot be decoded."""
    try:
        cells = grid(jpeg)
    except GenerationError:
        return None
    return bytes(cells.shape[:2]) + cells.tobytes()


class _Shard:
    """A mapped shard, verified when it is first read: a search shows five of very many thumbnails."""

    def __init__(self, root: Root, name: str, size_bytes: int) -> None:
        self._root, self._name = root, name
        self._status, self._bytes = _mapped(root.files.fetch(file_name(name)), size_bytes)

    @property
    def jpegs(self) -> pa.ChunkedArray:
        """The photos, binary [rows]."""
        return self._table.column("jpeg")

    @property
    def grids(self) -> pa.ChunkedArray | None:
        """The colour grids, binary [rows]; None in a shard of an earlier release."""
        table = self._table
        return table.column("grid") if "grid" in table.column_names else None

    @functools.cached_property
    def _table(self) -> pa.Table:
        if not self._holds():
            # A damaged copy is fetched again; a damaged original raises.
            file = _verified_file(self._root, self._name, self._root.verified)
            self._status, self._bytes = _mapped(file, self._status.st_size)
        try:
            return _read(pa.py_buffer(self._bytes))
        except ValueError as error:
            raise GenerationError(f"The thumbnails {self._name} are damaged ({error}). {WAY_OUT}") from None

    def _holds(self) -> bool:
        return self._root.verified.confirm(
            self._status, self._name, lambda: hashlib.sha256(self._bytes).hexdigest()
        )


def _mapped(file: Path, size_bytes: int) -> tuple[os.stat_result, mmap.mmap]:
    try:
        with open_regular(file) as stream:
            status = os.fstat(stream.fileno())
            if status.st_size != size_bytes:
                raise GenerationError(
                    f"The thumbnails {file} are damaged ({status.st_size} bytes, not {size_bytes}). {WAY_OUT}"
                )
            return status, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
    except (OSError, ValueError) as error:
        raise GenerationError(f"The thumbnails {file} cannot be read ({error}). {WAY_OUT}") from None


def verify(root: Root, shards: Iterable[str], verified: Verified | None = None) -> None:
    """Checks every byte of shards.

    :param verified: the cache of verified files; every byte is read if None.
    :raises GenerationError: one is missing or damaged.
    """
    names = list(shards)
    _fetch(root, names)
    for name in names:
        _verified_file(root, name, verified or Unremembered())


def sizes(root: Root, shards: Iterable[str]) -> dict[str, int]:
    """Sizes of shards in bytes, sorted by name."""
    return {name: (root.path / file_name(name)).stat().st_size for name in sorted(shards)}


def file_name(shard: str) -> str:
    """Name of a shard's file among the root's files."""
    return f"thumbnails/{shard}.arrow"


def _fetch(root: Root, shards: Iterable[str]) -> None:
    """Fetches the shards' files to this machine, several at once."""
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        list(pool.map(root.files.fetch, map(file_name, shards)))


def _verified_file(root: Root, shard: str, verified: Verified) -> Path:
    """The verified file of a shard; a damaged copy is fetched again."""

    def check(file: Path) -> Path:
        try:
            sound = verified.holds(file, shard)
        except OSError as error:
            raise GenerationError(f"The thumbnails {file} cannot be read ({error}). {WAY_OUT}") from None
        if not sound:
            raise GenerationError(f"The thumbnails {file} are damaged. {WAY_OUT}")
        return file

    return root.check_or_refetch(file_name(shard), check)


def _read(data: pa.Buffer) -> pa.Table:
    """Reads the thumbnails of a shard, which may be hostile.

    :raises ValueError: it holds something else.
    """
    table = arrow_files.read(data)
    if table.schema not in (_SCHEMA, _SCHEMA_BEFORE):
        raise ValueError("it has other columns")
    arrow_files.check(table)
    return table
