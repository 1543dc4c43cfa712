"""A folder of folders, each named after the article type of the photos in it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from embedding.training.readers.photo import Photo, Reader, Skipped

_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".avif", ".gif", ".bmp", ".tif", ".tiff")


def _read(folder: Path) -> Iterator[Photo | Skipped]:
    for label in _labels(folder):
        for file in sorted(label.rglob("*")):
            name = file.relative_to(folder).as_posix()
            if file.is_dir() or file.name.startswith("."):
                continue
            if file.suffix.lower() in _SUFFIXES:
                yield Photo(f"{folder.name}:{name}", file, {"article_type": label.name})
            else:
                yield Skipped(name, f"is no photo by its ending, which is none of {', '.join(_SUFFIXES)}")


def _labels(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))


def _sources(folder: Path) -> list[Path]:
    labels = _labels(folder)
    photos = (file for label in labels for file in label.rglob("*") if file.suffix.lower() in _SUFFIXES)
    return [folder, *labels] if next(photos, None) else []


READER = Reader(
    name="folders",
    layout="a folder of folders of photos, one an article type",
    labels=("article_type",),
    lists=(),
    sources=_sources,
    read=_read,
)
