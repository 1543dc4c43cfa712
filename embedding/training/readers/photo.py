"""The results of a data set reader: labelled photos, and rows that cannot be used."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

Label = str | list[str] | None
"""One value, several (a label with many), or unknown."""

TRAIN = "train"
"""The part of a data set that training may see."""

PARTS = (TRAIN, "val", "test", "query", "gallery")
"""The parts that data sets are published in."""


@dataclass(frozen=True)
class Photo:
    """A labelled photo.

    :param id: stable, and unique across data sets.
    :param file: where it is.
    :param labels: by column name.
    :param box: left, top, right, bottom of the garment in px; None is the whole photo.
    :param part: the published part it belongs to, one of `PARTS`.
    """

    id: str
    file: Path
    labels: Mapping[str, Label] = field(default_factory=dict)
    box: tuple[int, int, int, int] | None = None
    part: str = TRAIN


@dataclass(frozen=True)
class Skipped:
    """A row or photo that cannot be used.

    :param where: the file and line, or the photo.
    :param reason: follows "it".
    """

    where: str
    reason: str


@dataclass(frozen=True)
class Reader:
    """How one data set is read.

    :param name: names the files made of it.
    :param layout: what its folder holds, for the sentence that says what is understood.
    :param labels: its label columns.
    :param lists: those of them with several values a photo.
    :param sources: the files and folders that decide what `read` gives; empty where the folder is no such
        data set.
    :param read: its photos and unusable rows, in a fixed order. Whether a photo is there is not checked yet.
    """

    name: str
    layout: str
    labels: tuple[str, ...]
    lists: tuple[str, ...]
    sources: Callable[[Path], list[Path]]
    read: Callable[[Path], Iterator[Photo | Skipped]]
