"""DeepFashion, Category and Attribute Prediction: `Anno_coarse/`, `Eval/`, `img/` or `Img/img/`."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from pathlib import Path

from embedding.training.readers.photo import Photo, Reader, Skipped
from embedding.training.readers.tables import deepfashion_rows

_ANNOTATIONS = ("Anno_coarse", "Anno")
_LISTS = ("list_category_cloth.txt", "list_category_img.txt", "list_attr_cloth.txt", "list_attr_img.txt")
_BOXES = "list_bbox.txt"
_PARTS = Path("Eval", "list_eval_partition.txt")


def _read(folder: Path) -> Iterator[Photo | Skipped]:
    notes = _annotations(folder)
    category_rows = yield from _rows(notes / "list_category_cloth.txt", 1)
    attribute_rows = yield from _rows(notes / "list_attr_cloth.txt", 1)
    coded_rows = yield from _rows(notes / "list_category_img.txt", 1)
    part_rows = yield from _rows(folder / _PARTS, 1)
    box_rows = (yield from _rows(notes / _BOXES, 4)) if (notes / _BOXES).is_file() else []
    categories, attributes = [row[0] for row in category_rows], [row[0] for row in attribute_rows]
    codes, parts = ({row[0]: row[1] for row in rows} for rows in (coded_rows, part_rows))
    boxes = {name: box for name, *box in box_rows}
    images = folder if (folder / "img").is_dir() else folder / "Img"
    for found in deepfashion_rows(notes / "list_attr_img.txt", len(attributes)):
        if isinstance(found, Skipped):
            yield found
            continue
        line, (name, *signs) = found
        code = int(codes[name]) if codes.get(name, "").isdigit() else 0
        if not 1 <= code <= len(categories) or name not in parts:
            yield Skipped(f"list_attr_img.txt line {line}", f"names {name}, which has no category or no part")
            continue
        yield Photo(
            f"deepfashion:{name}",
            images / name,
            {
                "article_type": categories[code - 1],
                "attributes": [attributes[at] for at, sign in enumerate(signs) if sign == "1"],
                "attributes_unknown": [attributes[at] for at, sign in enumerate(signs) if sign == "0"],
                # Photos of one product are in one folder, named after it.
                "product": name.split("/")[-2] if "/" in name else None,
            },
            _box(boxes.get(name)),
            parts[name],
        )


def _rows(file: Path, last_columns: int) -> Generator[Skipped, None, list[list[str]]]:
    """The cells of a list's good rows, as the generator's value; what cannot be used is passed on."""
    good: list[list[str]] = []
    for found in deepfashion_rows(file, last_columns):
        if isinstance(found, Skipped):
            yield found
        else:
            good.append(found[1])
    return good


def _box(cells: list[str] | None) -> tuple[int, int, int, int] | None:
    if cells is None or not all(cell.isdigit() for cell in cells):
        return None
    left, top, right, bottom = map(int, cells)
    return (left, top, right, bottom) if left < right and top < bottom else None


def _annotations(folder: Path) -> Path:
    return next((folder / name for name in _ANNOTATIONS if (folder / name / _LISTS[3]).is_file()), folder)


def _sources(folder: Path) -> list[Path]:
    notes = _annotations(folder)
    needed = [notes / name for name in _LISTS] + [folder / _PARTS]
    optional = [notes / _BOXES] if (notes / _BOXES).is_file() else []
    return needed + optional if all(file.is_file() for file in needed) else []


READER = Reader(
    name="deepfashion-attributes",
    layout="DeepFashion Category and Attribute Prediction (Anno_coarse/, Eval/, img/)",
    labels=("article_type", "attributes", "attributes_unknown", "product"),
    lists=("attributes", "attributes_unknown"),
    sources=_sources,
    read=_read,
)
