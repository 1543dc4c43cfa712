"""Evaluation of whole files."""

from __future__ import annotations

import io
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from embedding.encoder.runtime import load_encoder
from embedding.training.datasets import read_labelled
from embedding.training.evaluate import embed_photos, evaluate_files
from storage import encoders
from storage.errors import InputError, UnreadableImageError
from storage.root import Root

COLOURS = {"red": (220, 20, 30), "green": (30, 160, 60), "blue": (30, 40, 200), "black": (10, 10, 10)}


def write(path: Path, count: int, *, first: int = 0) -> Path:
    rows: dict[str, list[object]] = {"id": [], "image": [], "colour": []}
    for number in range(first, first + count):
        name = list(COLOURS)[number % 4]
        buffer = io.BytesIO()
        Image.new("RGB", (40 + number % 9, 60), COLOURS[name]).save(buffer, "JPEG")
        rows["id"].append(str(number))
        rows["image"].append(buffer.getvalue())
        rows["colour"].append(name)
    pq.write_table(pa.table(rows), path)
    return path


def test_colours_find_their_own(root_with_encoder: Root, tmp_path: Path) -> None:
    queries, gallery = write(tmp_path / "q.parquet", 8), write(tmp_path / "g.parquet", 40, first=8)
    figures = evaluate_files(queries, gallery, ["colour"], root=root_with_encoder)
    assert (figures.queries, figures.gallery) == (8, 40)
    assert (figures.precision_at_5, figures.map_at_10) == ({"colour": 1.0}, {"colour": 1.0})
    assert figures.model.startswith("fashion-")
    among_themselves = evaluate_files(gallery, None, ["colour"], root=root_with_encoder)
    assert (among_themselves.queries, among_themselves.gallery) == (40, 40)
    # Nine others have a photo's colour, and the tenth found cannot.
    assert (among_themselves.precision_at_5, among_themselves.map_at_10) == ({"colour": 1.0}, {"colour": 1.0})


def test_too_few_photos_are_refused(root_with_encoder: Root, tmp_path: Path) -> None:
    few = write(tmp_path / "few.parquet", 4)
    with pytest.raises(InputError, match="too few"):
        evaluate_files(few, None, ["colour"], root=root_with_encoder)


def test_six_photos_to_search_are_enough(root_with_encoder: Root, tmp_path: Path) -> None:
    queries, gallery = write(tmp_path / "q.parquet", 2), write(tmp_path / "g.parquet", 6)
    figures = evaluate_files(queries, gallery, ["colour"], root=root_with_encoder)
    # The gallery holds each query, which finds no photo of its own id, and one other of its colour.
    assert figures.precision_at_5["colour"] == pytest.approx(1 / 5)
    assert figures.map_at_10["colour"] == 1.0


def test_a_photo_that_cannot_be_decoded_is_named(root_with_encoder: Root, tmp_path: Path) -> None:
    file = write(tmp_path / "photos.parquet", 20)
    table = pq.read_table(file)
    images = table["image"].to_pylist()
    images[17] = images[17][:100]
    pq.write_table(table.set_column(1, "image", pa.array(images)), file)
    model = encoders.available(root_with_encoder)[0]
    encoder = load_encoder(encoders.folder(root_with_encoder, model), many=True)
    with pytest.raises(UnreadableImageError, match="id '17' is a damaged JPEG"):
        embed_photos(read_labelled([file], ["colour"]), encoder)
