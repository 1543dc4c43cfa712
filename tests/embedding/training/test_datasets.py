"""Labelled photos from Parquet."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from embedding.training.datasets import ABSENT, is_validation, read_labelled, split
from storage.errors import InputError


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    shop = {
        "id": ["a", "b", "c"],
        "image": [b"1", b"2", b"3"],
        "kind": ["Dress", "Shirt", None],
        "colour": ["Red", "Red", "Blue"],
    }
    street = {"id": pa.array([7]), "image": [b"4"], "kind": ["Shirt"]}
    paths = [tmp_path / "shop.parquet", tmp_path / "street.parquet"]
    for path, columns in zip(paths, (shop, street), strict=True):
        pq.write_table(pa.table(columns), path)
    return paths


def test_files_share_one_set_of_classes(files: list[Path]) -> None:
    photos = read_labelled(files, ["kind", "colour", "kind+colour"])
    assert photos.ids == ["a", "b", "c", "7"]
    assert [photos.image(row) for row in range(4)] == [b"1", b"2", b"3", b"4"]
    kinds = [None if code == ABSENT else photos.classes["kind"][code] for code in photos.codes["kind"]]
    assert kinds == ["Dress", "Shirt", None, "Shirt"]
    assert photos.codes["colour"].tolist() == [0, 0, 1, ABSENT]
    assert photos.classes["kind+colour"] == ["Dress / Red", "Shirt / Red"]
    assert photos.codes["kind+colour"].dtype == np.int32


def test_only_kept_ids_are_read(files: list[Path]) -> None:
    assert read_labelled(files, ["kind"], keep=lambda photo_id: photo_id in "b7").ids == ["b", "7"]


def test_what_can_t_be_read_is_named(files: list[Path], tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No column 'size'"):
        read_labelled(files, ["size"])
    with pytest.raises(InputError, match=r"none\.parquet does not exist"):
        read_labelled([tmp_path / "none.parquet"], ["kind"])
    (tmp_path / "text.parquet").write_text("id,image")
    with pytest.raises(InputError, match="not a Parquet file"):
        read_labelled([tmp_path / "text.parquet"], ["kind"])
    pq.write_table(pa.table({"id": ["a"]}), tmp_path / "bare.parquet")
    with pytest.raises(InputError, match="has no column image"):
        read_labelled([tmp_path / "bare.parquet"], ["kind"])


def test_the_validation_split_is_the_published_one(shared: Path) -> None:
    ids = pq.read_table(shared / "data" / "catalogue.parquet", columns=["id"])["id"].to_pylist()
    held_out = [photo_id for photo_id in ids if is_validation(photo_id)]
    expected = [
        photo_id for photo_id in ids if int(hashlib.sha1(("v" + photo_id).encode()).hexdigest(), 16) % 12 == 0
    ]
    assert held_out == expected
    assert len(held_out) == 590


def test_a_photo_given_twice_teaches_twice_and_validates_once() -> None:
    once = [str(number) for number in range(100)]
    held_out = np.array([is_validation(photo_id) for photo_id in once])
    assert held_out.any()
    learnt, validation = split([*once, *once])
    assert learnt.tolist() == [*~held_out, *~held_out]
    assert validation.tolist() == [*held_out, *np.zeros(100, bool)]


def test_a_column_of_lists_has_several_values_a_photo(files: list[Path], tmp_path: Path) -> None:
    worn = pa.table(
        {"id": ["x", "y", "z"], "image": [b"5", b"6", b"7"], "print": [["Dots", "Stripes"], [], None]}
    )
    pq.write_table(worn, tmp_path / "worn.parquet")
    photos = read_labelled([files[1], tmp_path / "worn.parquet"], ["kind", "print"])
    assert photos.classes["print"] == ["Dots", "Stripes"]
    assert photos.codes["print"].tolist() == [[ABSENT] * 2, [1, 1], [0, 0], [ABSENT] * 2]
    assert photos.codes["kind"].tolist() == [0, ABSENT, ABSENT, ABSENT]


def test_some_of_the_photos_keep_the_classes_of_all(files: list[Path]) -> None:
    photos = read_labelled(files, ["kind", "colour"])
    some = photos.take(np.array([3, 1]))
    assert (some.ids, some.image(0), some.classes) == (["7", "b"], b"4", photos.classes)
    assert some.codes["kind"].tolist() == [1, 1]


def test_hugging_faces_structs_hold_the_photos(tmp_path: Path) -> None:
    file = tmp_path / "hub.parquet"
    images = [{"bytes": b"1", "path": None}, {"bytes": b"2", "path": "b.jpg"}]
    pq.write_table(pa.table({"id": ["a", "b"], "image": images, "kind": ["Dress", "Shirt"]}), file)
    photos = read_labelled([file], ["kind"])
    assert [photos.image(row) for row in range(2)] == [b"1", b"2"]


@pytest.mark.parametrize(
    ("images", "says"),
    [
        ([{"bytes": b"1", "path": None}, {"bytes": None, "path": "b.jpg"}], "1 photos of .* have no bytes"),
        ([{"path": "a.jpg"}, {"path": "b.jpg"}], "holds struct"),
        (["a.jpg", "b.jpg"], "holds string"),
        ([b"1", None], "1 photos of .* have no bytes"),
    ],
)
def test_photos_without_bytes_are_a_sentence(tmp_path: Path, images: list[object], says: str) -> None:
    file = tmp_path / "hub.parquet"
    pq.write_table(pa.table({"id": ["a", "b"], "image": images, "kind": ["Dress", "Shirt"]}), file)
    with pytest.raises(InputError, match=says):
        read_labelled([file], ["kind"])
