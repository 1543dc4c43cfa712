"""DeepFashion, In-shop Clothes Retrieval: `Anno/list_item_inshop.txt`, `Eval/`, `Img/img/` or `img/`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from embedding.training.readers.photo import Photo, Reader, Skipped
from embedding.training.readers.tables import deepfashion_rows

_ITEMS = Path("Anno", "list_item_inshop.txt")
_PARTS = Path("Eval", "list_eval_partition.txt")
_COLOURS = (Path("Anno", "list_color_cloth.txt"), Path("Anno", "attributes", "list_color_cloth.txt"))


def _read(folder: Path) -> Iterator[Photo | Skipped]:
    # A line with their number, then the items; this list has no line of column names.
    items = set((folder / _ITEMS).read_text("utf-8-sig", errors="replace").split()[1:])
    colours = _colours(folder)
    images = folder / "Img" if (folder / "Img" / "img").is_dir() else folder
    for found in deepfashion_rows(folder / _PARTS, 2):
        if isinstance(found, Skipped):
            yield found
            continue
        line, (name, item, part) = found
        kind = PurePosixPath(name).parts  # img, MEN or WOMEN, category, item, photo
        if item not in items or len(kind) != 5:
            yield Skipped(f"{_PARTS.name} line {line}", f"names {name} of {item}, which is not in {_ITEMS}")
            continue
        labels = {
            "article_type": kind[2].replace("_", " "),
            "gender": kind[1].capitalize(),
            "product": item,
            "colour": colours.get(name),
        }
        yield Photo(f"inshop:{name}", images / name, labels, part=part)


def _colours(folder: Path) -> dict[str, str]:
    """Colour by photo; names hold no spaces, colours may."""
    for file in _COLOURS:
        if (folder / file).is_file():
            lines = (folder / file).read_text("utf-8-sig", errors="replace").splitlines()[2:]
            cells = [line.split(maxsplit=1) for line in lines]
            return {row[0]: row[1].strip() for row in cells if len(row) == 2}
    return {}


def _sources(folder: Path) -> list[Path]:
    needed = [folder / _ITEMS, folder / _PARTS]
    optional = [folder / file for file in _COLOURS if (folder / file).is_file()]
    return needed + optional if all(file.is_file() for file in needed) else []


READER = Reader(
    name="deepfashion-inshop",
    layout="DeepFashion In-shop (Anno/list_item_inshop.txt, Eval/, Img/img/)",
    labels=("article_type", "gender", "product", "colour"),
    lists=(),
    sources=_sources,
    read=_read,
)
