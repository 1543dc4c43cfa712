"""A teacher's vectors: how they are read; `test_train.py` has what is learnt from them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from embedding.index.projection import MAX_DIMENSIONS
from embedding.training.teacher import read_teacher, whitening_of
from storage.errors import InputError


def write_vectors(file: Path, ids: list[str], vectors: np.ndarray) -> Path:
    lists = pa.FixedSizeListArray.from_arrays(pa.array(vectors.reshape(-1)), vectors.shape[1])
    pq.write_table(pa.table({"id": ids, "vector": lists}), file)
    return file


def test_vectors_come_by_id_and_keep_who_is_alike(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    kinds = rng.normal(0, 1, (3, 600))
    vectors = (kinds[np.arange(60) % 3] + rng.normal(0, 0.3, (60, 600)) + 5).astype(np.float16)
    file = write_vectors(tmp_path / "teacher.parquet", [f"photo-{row}" for row in range(60)], vectors)
    told = read_teacher(file, ["photo-7", "unknown", *(f"photo-{row}" for row in range(60)), "photo-7"])
    assert (told.dtype, told.shape[0]) == (np.float32, 63)
    assert told.shape[1] <= MAX_DIMENSIONS
    assert not told[1].any()
    np.testing.assert_allclose(np.linalg.norm(np.delete(told, 1, axis=0), axis=1), 1, rtol=1e-5)
    # A matrix product may round a row by its place, depending on the processor.
    np.testing.assert_allclose(told[0], told[2 + 7], atol=1e-6)
    np.testing.assert_allclose(told[0], told[-1], atol=1e-6)
    cosines = told[2:-1] @ told[2:-1].T - 2 * np.eye(60)
    assert (cosines.argmax(axis=1) % 3 == np.arange(60) % 3).all()


def cloud(count: int) -> np.ndarray:
    """Unit vectors away from the origin whose directions vary very unequally."""
    scales = np.linspace(1, 0.02, 64) ** 2
    vectors = np.random.default_rng(0).standard_normal((count, 64)) * scales + 0.5
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def spread_ratio(vectors: np.ndarray) -> float:
    """Largest to smallest deviation of the whitened directions."""
    projection = whitening_of(vectors, 1, 16)
    spread = np.std((vectors - projection.mean) @ projection.matrix, axis=0)
    return float(spread.max() / spread.min())


def test_whitening_makes_all_directions_vary_alike() -> None:
    vectors = cloud(40_000)
    before = np.sqrt(np.linalg.eigvalsh(np.cov(vectors.T))[::-1][:16])
    assert before.max() / before.min() > 1.3
    assert spread_ratio(vectors) < 1.05


def test_the_fewer_photos_the_less_is_whitened() -> None:
    few, some, many = (spread_ratio(cloud(count)) for count in (100, 1000, 20_000))
    assert few > some > many


@pytest.mark.parametrize(
    ("columns", "says"),
    [
        (None, "does not exist"),
        ({"id": ["photo-1"]}, "no table of vectors"),
        ({"id": ["photo-1", "photo-2"], "vector": [[1.0, 2.0], [1.0]]}, "have lengths"),
        ({"id": ["another"], "vector": [[1.0, 2.0]]}, "a vector of none of the photos"),
    ],
)
def test_what_is_no_teacher_of_these_photos_is_refused(
    tmp_path: Path, columns: dict[str, list] | None, says: str
) -> None:
    file = tmp_path / "teacher.parquet"
    if columns is not None:
        pq.write_table(pa.table(columns), file)
    with pytest.raises(InputError, match=says):
        read_teacher(file, ["photo-1", "photo-2"])


def test_a_text_file_is_no_teacher(tmp_path: Path) -> None:
    file = tmp_path / "teacher.parquet"
    file.write_text("id,vector")
    with pytest.raises(InputError, match="no table of vectors"):
        read_teacher(file, ["photo-1"])
