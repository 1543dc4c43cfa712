"""Converts folders of data sets to labelled Parquet files for training and evaluation."""

from __future__ import annotations

import hashlib
import itertools
import logging
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from embedding.training.readers import (
    deepfashion_attributes,
    deepfashion_inshop,
    fashion_product_images,
    hm,
    labelled_folders,
)
from embedding.training.readers.photo import PARTS, TRAIN, Photo, Reader, Skipped
from storage.errors import InputError, UnreadableImageError
from storage.images import decode, thumbnail

READERS: tuple[Reader, ...] = (
    deepfashion_attributes.READER,
    deepfashion_inshop.READER,
    hm.READER,
    fashion_product_images.READER,
    labelled_folders.READER,  # last, since all of them hold folders of photos
)

STORED_PX = 320
"""Longest side of a photo in the files: a random crop of it still fills an encoder's input. As published, the
photos of H&M alone are 30 GB."""

_BATCH = 256
_NAMED_IN_LOG = 3

_log = logging.getLogger(__name__)


def labelled_files(
    paths: Sequence[Path],
    out: Path,
    *,
    on_progress: Callable[[str, int], None] = lambda _name, _done: None,
) -> list[Path]:
    """Converts folders to files for `embedding.training.datasets.read_labelled`; files stay as they are.

    A folder is written once, to `out/labelled/<data set>-<fingerprint>-<part>.parquet`, one file a published
    part, and of those only the part `train` is returned: the others are for `lookalike evaluate`. What could
    not be used is listed in `<data set>-<fingerprint>-skipped.tsv`, counted and logged. A label with several
    values is a column of lists.

    :param paths: labelled Parquet files, and folders in one of the layouts of `READERS`.
    :param out: the training's folder.
    :param on_progress: called with a data set's name and the photos written.
    :raises InputError: a folder in no known layout, or without a usable photo.
    """
    return [_converted(path, out / "labelled", on_progress) if path.is_dir() else path for path in paths]


def _converted(folder: Path, out: Path, on_progress: Callable[[str, int], None]) -> Path:
    reader, sources = _reader(folder)
    stem = f"{reader.name}-{_fingerprint(folder, sources)}"
    wanted = out / f"{stem}-{TRAIN}.parquet"
    if not wanted.exists():
        out.mkdir(parents=True, exist_ok=True)
        _write(reader, folder, out, stem, on_progress)
    return wanted


def _reader(folder: Path) -> tuple[Reader, list[Path]]:
    for reader in READERS:
        if sources := reader.sources(folder):
            return reader, sources
    layouts = "; ".join(reader.layout for reader in READERS)
    raise InputError(
        f"{folder} is in no layout that is known here. Give a Parquet file, or one of: {layouts}."
    )


def _fingerprint(folder: Path, sources: Iterable[Path]) -> str:
    """Changes with the folder, and with what decides which photos and labels it holds."""
    digest = hashlib.sha256(str(folder.resolve()).encode())
    for source in sources:
        facts = source.stat()
        digest.update(f"\n{source.relative_to(folder)} {facts.st_size} {facts.st_mtime_ns}".encode())
    return digest.hexdigest()[:12]


def _write(
    reader: Reader, folder: Path, out: Path, stem: str, on_progress: Callable[[str, int], None]
) -> None:
    schema = _schema(reader)
    counts = dict.fromkeys(PARTS, 0)
    skipped: list[Skipped] = []
    with tempfile.TemporaryDirectory(prefix=".unfinished-", dir=out) as scratch:
        files = {part: Path(scratch, f"{stem}-{part}.parquet") for part in PARTS}
        with ThreadPoolExecutor(min(os.cpu_count() or 1, 16)) as pool, ExitStack() as stack:
            writers = {
                part: stack.enter_context(pq.ParquetWriter(file, schema, compression="zstd"))
                for part, file in files.items()
            }
            for batch in _batches(reader.read(folder)):
                loaded = list(pool.map(_loaded, batch))
                skipped += [found for found in loaded if isinstance(found, Skipped)]
                for part, writer in writers.items():
                    rows = [row for at, row in _good(loaded) if at == part]
                    if rows:
                        writer.write_table(pa.Table.from_pylist(rows, schema))
                    counts[part] += len(rows)
                on_progress(reader.name, sum(counts.values()))
        _report(reader, folder, out / f"{stem}-skipped.tsv", counts, skipped)
        if not counts[TRAIN]:
            raise InputError(f"{folder} holds no photo to train on. {out / f'{stem}-skipped.tsv'} says why.")
        # The training part last: where it is, all are.
        for part in reversed(PARTS):
            if counts[part]:
                files[part].replace(out / files[part].name)


def _report(
    reader: Reader, folder: Path, listing: Path, counts: dict[str, int], skipped: Sequence[Skipped]
) -> None:
    listing.write_text("".join(f"{row.where}\t{row.reason}\n" for row in skipped), "utf-8")
    counts_by_part = ", ".join(f"{count:,} {part}" for part, count in counts.items() if count) or "no"
    _log.info("%s: %s photos of %s", folder, counts_by_part, reader.layout)
    if skipped:
        some = "; ".join(f"{row.where} {row.reason}" for row in skipped[:_NAMED_IN_LOG])
        _log.warning(
            "%s: %d rows or photos skipped (%s …), listed in %s", folder, len(skipped), some, listing
        )


def _schema(reader: Reader) -> pa.Schema:
    types = {name: pa.list_(pa.string()) if name in reader.lists else pa.string() for name in reader.labels}
    return pa.schema({"id": pa.string(), "image": pa.binary()} | types)


def _batches(found: Iterable[Photo | Skipped]) -> Iterator[list[Photo | Skipped]]:
    rest = iter(found)
    while batch := list(itertools.islice(rest, _BATCH)):
        yield batch


def _good(
    loaded: Iterable[tuple[str, dict[str, object]] | Skipped],
) -> Iterator[tuple[str, dict[str, object]]]:
    return (row for row in loaded if not isinstance(row, Skipped))


def _loaded(found: Photo | Skipped) -> tuple[str, dict[str, object]] | Skipped:
    """A photo's part and row, its garment cut out and its size bounded."""
    if isinstance(found, Skipped):
        return found
    if found.part not in PARTS:
        return Skipped(found.id, f"is in an unknown part '{found.part}'")
    try:
        data = found.file.read_bytes()
        image = decode(data, fit=None if found.box else STORED_PX)
    except OSError as error:
        return Skipped(found.id, f"has no readable photo {found.file} ({error.strerror})")
    except UnreadableImageError as error:
        return Skipped(found.id, f"has a photo {found.file} that is {error}")
    if found.box:
        left, top, right, bottom = found.box
        inside = (left, top, min(right, image.width), min(bottom, image.height))
        if inside[0] >= inside[2] or inside[1] >= inside[3]:
            return Skipped(found.id, f"has a box {found.box} outside its photo")
        image = image.crop(inside)
    if found.box or max(image.size) > STORED_PX:
        data = thumbnail(image, STORED_PX)
    return found.part, {"id": found.id, "image": data, **found.labels}
