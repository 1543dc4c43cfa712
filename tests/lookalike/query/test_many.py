"""Many photos at once, and how good the answers are by labelled ones."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import lookalike
from lookalike.query import Shop
from storage.errors import InputError, LookalikeError, UnreadableImageError
from tests.lookalike.query.shops import COUNT, REPOSITORY, encoded, ids, picture


def loop(shop: Shop, photos: Any, **arguments: Any) -> list[list[str]]:
    return [ids(shop.similar(photo, **arguments)) for photo in photos]


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"k": 1},
        {"k": COUNT + 5},
        {"store": "a.example", "in_stock": True},
        {"same_category": True, "k": 3},
    ],
)
def test_many_are_answered_as_one_by_one(shop: Shop, arguments: dict[str, Any]) -> None:
    products = [f"{'ab'[at % 2]}.example:p{at}" for at in range(0, COUNT, 3)]
    photos = [*products, shop.product("a.example:p2"), products[0]]
    if not arguments.get("same_category"):  # the small shop's encoder has no heads to see it with
        turned = picture(7, (600, 800)).transpose(0)
        photos += [encoded(picture(4)), picture(5), np.asarray(picture(6)), turned, picture(901)]
    found = shop.similar_many(photos, **arguments)
    assert [ids(matches) for matches in found] == loop(shop, photos, **arguments)
    for many, photo in zip(found, photos, strict=True):
        single = shop.similar(photo, **arguments)
        assert [match.evidence for match in many] == [match.evidence for match in single]
        np.testing.assert_allclose([m.score for m in many], [m.score for m in single], atol=1e-5)
        assert (many.query, many.pictures()) == (single.query, single.pictures())


def test_more_than_are_read_at_once(shop: Shop) -> None:
    photos = [f"{'ab'[at % 2]}.example:p{at}" for at in range(COUNT)] * 5
    found = shop.similar_many(iter(photos), k=2)
    assert len(found) == 150
    assert [ids(matches) for matches in found[-COUNT:]] == loop(shop, photos[:COUNT], k=2)
    assert shop.similar_many([]) == []


def test_an_array_of_photos(shop: Shop) -> None:
    stack = np.stack([np.asarray(picture(at)) for at in (3, 4)])
    assert [matches[0].product_id for matches in shop.similar_many(stack)] == ["p3", "p4"]


@pytest.mark.parametrize(
    ("photos", "sentence"),
    [
        ("photo.jpg", "Photos cannot be a str"),
        (b"photo", "Photos cannot be a bytes"),
        (Path("photo.jpg"), "Photos cannot be a PosixPath"),
        (picture(1), "Photos cannot be a Image"),
        (np.asarray(picture(1)), "Photos cannot be a ndarray"),
        ({"photo": 1}, "Photos cannot be a dict"),
        (None, "Photos cannot be a NoneType"),
        (5, "Photos cannot be a int"),
        ([picture(1), "missing.jpg"], r"^Photo 2 of 2: There is no file missing\.jpg"),
        ([b""], r"^Photo 1 of 1: A photo: not an image"),
        ([[picture(1)]], r"^Photo 1 of 1: A query cannot be a list"),
    ],
)
def test_photos_that_cannot_be_read_are_a_sentence(shop: Shop, photos: Any, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        shop.similar_many(photos)


def test_the_error_of_a_photo_keeps_its_class(shop: Shop) -> None:
    with pytest.raises(UnreadableImageError):
        shop.similar_many([b"x"])
    with pytest.raises(InputError, match="k must be a whole number"):
        shop.similar_many([], k=0)


def test_an_evaluation_counts_what_has_the_label(shop: Shop) -> None:
    labelled = pd.DataFrame(
        {
            "photo": [picture(3), picture(20)],
            "category": ["dresses", "Shirts"],
            "store": ["b.example", "b.example"],
            "product": ["b.example:p3", "a.example:p2"],
        }
    )
    found = shop.evaluate(labelled, k=4)
    expected = {
        name: np.mean(
            [
                sum(passes(match) for match in shop.similar(photo, k=4)) / 4
                for photo, passes in zip(labelled["photo"], passing, strict=True)
            ]
        )
        for name, passing in {
            "category": [lambda m: "Dresses" in m.category, lambda m: "Shirts" in m.category],
            "store": [lambda m: m.store == "b.example"] * 2,
        }.items()
    }
    assert found.precision == pytest.approx(expected)
    assert 0 < found.precision["store"] < 1
    assert (found.k, found.photos) == (4, 2)
    assert found.table["product_share"].tolist()[0] == 1
    assert found.found == found.table["product_share"].mean()
    assert found.to_dict()["precision"] == found.precision
    assert shop.evaluate([{"photo": picture(3), "brand": "acme"}]).found is None


@pytest.mark.parametrize(
    ("labelled", "sentence"),
    [
        (5, "Labelled photos cannot be a int"),
        ("photo.jpg", "Labelled photos cannot be a str"),
        ({}, r"have the columns \(none\)"),
        ({"photo": ["a.example:p2"]}, "need photo and at least one of category"),
        ({"photo": [], "category": []}, "There are no labelled photos"),
        ({"photo": ["a.example:p2"], "category": ["Hats"]}, "No product here has the category 'Hats'"),
        ({"photo": ["a.example:p2"], "category": [None]}, "Photo 1 of 1 has no text as its category"),
        ({"photo": ["a.example:p2"], "product": ["a.example:none"]}, "There is no product"),
        ({"photo": ["missing.jpg"], "category": ["Dresses"]}, r"Photo 1 of 1: There is no file missing"),
        ({"photo": ["a"], "category": ["b", "c"]}, "are no table"),
    ],
)
def test_labelled_photos_that_make_no_sense_are_a_sentence(shop: Shop, labelled: Any, sentence: str) -> None:
    with pytest.raises(LookalikeError, match=sentence):
        shop.evaluate(labelled)


def test_matches_are_pickled_with_their_photos(shop: Shop, tmp_path: Path) -> None:
    matches = shop.similar(picture(3), k=3)
    (tmp_path / "matches.pickle").write_bytes(pickle.dumps(matches))
    for again in (pickle.loads(pickle.dumps(matches)), copy.deepcopy(matches), copy.copy(matches)):
        assert again == matches
        assert again.pictures() == matches.pictures()
        assert [match.thumbnail() for match in again] == [match.thumbnail() for match in matches]
        assert again.to_dict() == matches.to_dict()
        assert again._repr_html_() == matches._repr_html_()
    assert pickle.loads(pickle.dumps(matches[0])).thumbnail() == matches[0].thumbnail()
    elsewhere = "import pickle, sys; print(pickle.load(open(sys.argv[1], 'rb'))[0].thumbnail()[:2])"
    done = subprocess.run(
        [sys.executable, "-c", elsewhere, str(tmp_path / "matches.pickle")],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == repr(b"\xff\xd8"), "without the shop"


def test_a_shop_and_a_match_are_shown_in_a_notebook(shop: Shop) -> None:
    page = shop._repr_html_()
    assert "30 products" in page
    assert '<td dir="auto">a.example</td><td>15</td>' in page
    card = shop.product("a.example:p4")._repr_html_()
    assert card.count("<article") == 1
    assert "data:image/jpeg;base64," in card
    assert lookalike.Shop is Shop


def test_a_page_of_matches_loads_nothing(shop: Shop) -> None:
    page = shop.similar(picture(3), k=3).to_html()
    assert page.startswith("<!doctype html>")
    assert "default-src 'none'" in page
    assert page.count("<article") == 3
    assert page.count("data:image/jpeg") == 4
