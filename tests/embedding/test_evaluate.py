"""Evaluation: exact neighbours, shares of labels, whole files."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from embedding.training.evaluate import evaluate_files, nearest_five, precision
from storage.errors import InputError
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


def test_the_five_nearest_are_exact_and_in_order() -> None:
    rng = np.random.default_rng(0)
    gallery = rng.normal(size=(300, 16)).astype(np.float32)
    gallery /= np.linalg.norm(gallery, axis=1, keepdims=True)
    nearest = nearest_five(gallery, gallery, own=np.arange(300))
    for row in (0, 17, 299):
        scores = gallery @ gallery[row]
        scores[row] = -np.inf
        assert nearest[row].tolist() == np.argsort(-scores)[:5].tolist()
    assert (nearest_five(gallery[:3], gallery)[:, 0] == [0, 1, 2]).all()


def test_precision_counts_only_queries_that_have_the_label() -> None:
    asked = np.array([1, -1, 2])
    found = np.array([[1, 1, 2, -1, 1], [1, 1, 1, 1, 1], [0, 0, 0, 0, 2]])
    assert precision(asked, found) == pytest.approx((3 / 5 + 1 / 5) / 2)


def test_colours_find_their_own(root_with_encoder: Root, tmp_path: Path) -> None:
    queries, gallery = write(tmp_path / "q.parquet", 8), write(tmp_path / "g.parquet", 40, first=8)
    figures = evaluate_files(queries, gallery, ["colour"], root=root_with_encoder)
    assert (figures.queries, figures.gallery) == (8, 40)
    assert figures.precision_at_5["colour"] == 1.0
    assert figures.model.startswith("fashion-")
    among_themselves = evaluate_files(gallery, None, ["colour"], root=root_with_encoder)
    assert (among_themselves.queries, among_themselves.gallery) == (40, 40)
    assert among_themselves.precision_at_5["colour"] == 1.0


def test_too_few_photos_are_refused(root_with_encoder: Root, tmp_path: Path) -> None:
    few = write(tmp_path / "few.parquet", 4)
    with pytest.raises(InputError, match="too few"):
        evaluate_files(few, None, ["colour"], root=root_with_encoder)
