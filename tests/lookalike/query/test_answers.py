"""What `Shop.similar` and `Shop.product` answer."""

from __future__ import annotations

import io
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import lookalike
from embedding.bands import Band, CutOffs
from embedding.encoder.heads import Head
from embedding.encoder.predictions import adopt_heads
from embedding.encoder.preprocess import pixels_of
from embedding.index.build import build_index
from lookalike.query import Shop
from lookalike.query_inputs import read_query
from storage.errors import InputError
from storage.root import Root
from tests import catalogues
from tests.catalogues import DIM, MODEL
from tests.lookalike.query.shops import COUNT, encoded, ids, picture


def test_a_shop_says_what_it_holds(shop: Shop) -> None:
    assert len(shop) == COUNT
    assert shop.stores == ["a.example", "b.example"]
    assert shop.currencies == ["EUR", "USD"]
    assert shop.manifest.encoder.model == MODEL
    assert shop.generation in repr(shop)
    assert "30 products from a.example, b.example" in repr(shop)


def test_a_large_jpeg_is_seen_as_the_night_saw_it(shop: Shop) -> None:
    data = encoded(picture(99, (1200, 1600)), "JPEG", quality=80)
    encoder = shop._published.encoder()
    stored = shop._published.index.projection.apply(encoder.encode(pixels_of(data, encoder.spec.size)[None]))
    asked = read_query(shop._published, data, allow_private=False)[0].vector
    np.testing.assert_allclose(asked, stored[0], atol=1e-6)


def test_matches_say_in_words_how_alike_they_are(changing: Root) -> None:
    before = lookalike.open(changing.path)
    assert {match.band for match in before.similar("b.example:p7", k=COUNT)} == {None}
    scores = [match.score for match in before.similar("b.example:p7", k=COUNT)]
    least = (scores[2], scores[9], scores[19])
    head = Head("season", ("Summer",), np.zeros((DIM, 1), np.float32), np.zeros(1, np.float32))
    adopt_heads(changing, MODEL, {"season": head}, CutOffs(encoded=least, projected=(1.0, 1.0, 1.0)))
    build_index(changing, MODEL)
    found = lookalike.open(changing.path).similar("b.example:p7", k=COUNT)
    assert [match.score for match in found] == scores
    # Stored as float32, a cut-off may move past the score that it was taken from.
    assert [match.band for match in found[:2]] == [Band.NEARLY_THE_SAME] * 2
    assert [match.band for match in found[3:9]] == [Band.VERY_ALIKE] * 6
    assert [match.band for match in found[10:19]] == [Band.ALIKE] * 9
    assert {match.band for match in found[20:]} == {None}
    own = lookalike.open(changing.path).similar(encoded(picture(7)))
    assert own[0].evidence == ("photo",)
    assert own[0].band is Band.NEARLY_THE_SAME


def test_a_photo_finds_its_own_product_first(shop: Shop, tmp_path: Path) -> None:
    file = tmp_path / "photo.png"
    file.write_bytes(encoded(picture(7)))
    matches = shop.similar(file)
    assert len(matches) == 5
    assert [match.rank for match in matches] == [1, 2, 3, 4, 5]
    first = matches[0]
    assert (first.id, first.title, first.price, first.currency) == (
        "b.example:p7",
        "Garment 7",
        Decimal(17),
        "USD",
    )
    assert first.url == "https://b.example/p/p7"
    assert first.seen == catalogues.SEEN
    assert first.score == pytest.approx(1, abs=2e-3)
    assert first.score <= 1
    assert first.score > matches[1].score
    assert len(set(ids(matches))) == 5
    assert (
        Image.open(io.BytesIO(first.thumbnail())).size == (192, 256) or first.thumbnail()[:2] == b"\xff\xd8"
    )
    assert matches.query == "photo.png"
    assert matches.generation == shop.generation


def altered(at: int) -> Image.Image:
    """A part of a product's photo, mirrored and darker."""
    part = picture(at, (600, 800)).crop((40, 30, 590, 790)).transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    return part.point(lambda level: round(0.98 * level))


@pytest.mark.parametrize("at", [3, 8, 19])
def test_the_very_picture_comes_first_whatever_its_score(shop: Shop, at: int) -> None:
    first, *others = shop.similar(altered(at), k=3)
    assert first.product_id == f"p{at}"
    assert first.rank == 1
    assert first.evidence == ("photo",)
    assert [match.rank for match in others] == [2, 3]
    assert all(match.evidence == () for match in others)
    assert others[0].score >= others[1].score
    assert ids(shop.similar(altered(at), k=1)) == [first.id]


def test_the_very_picture_has_to_pass_the_filters(shop: Shop) -> None:
    found = shop.similar(altered(8), store="b.example")
    assert [match.store for match in found] == ["b.example"] * 5
    assert all(match.evidence == () for match in found)


def test_a_product_is_not_looked_at_for_its_picture(shop: Shop) -> None:
    assert all(match.evidence == () for match in shop.similar("a.example:p8"))
    views = shop.similar(["a.example:p8", altered(19)])
    assert [match.id for match in views if match.evidence] == ["b.example:p19"]
    assert views[0].id == "b.example:p19"


def exif_turned(image: Image.Image) -> Image.Image:
    turned = image.transpose(Image.Transpose.ROTATE_90)
    turned.getexif()[0x0112] = 6  # to be turned clockwise
    return turned


@pytest.mark.parametrize(
    "query",
    [
        pytest.param(encoded(picture(4)), id="bytes"),
        pytest.param(bytearray(encoded(picture(4))), id="bytearray"),
        pytest.param(memoryview(encoded(picture(4))), id="memoryview"),
        pytest.param(picture(4), id="PIL"),
        pytest.param(picture(4).convert("RGBA"), id="PIL with alpha"),
        pytest.param(picture(4).convert("CMYK"), id="PIL CMYK"),
        pytest.param(exif_turned(picture(4)), id="PIL with an EXIF turn"),
        pytest.param(np.asarray(picture(4)), id="array"),
        pytest.param(np.asarray(picture(4))[:, ::-1][:, ::-1], id="array with odd strides"),
        pytest.param(np.asarray(picture(4).convert("RGBA")), id="array with alpha"),
        pytest.param(encoded(picture(4), "JPEG", quality=95), id="JPEG"),
        pytest.param(encoded(picture(4).resize((600, 800), Image.Resampling.NEAREST)), id="larger"),
        pytest.param([encoded(picture(4))], id="one view"),
        pytest.param((picture(4), np.asarray(picture(4)), encoded(picture(4))), id="three views"),
    ],
)
def test_every_form_of_a_photo_finds_its_product(shop: Shop, query: Any) -> None:
    matches = shop.similar(query)
    assert matches[0].id == "a.example:p4"
    assert matches[0].score > 0.97


def test_a_product_is_no_answer_to_itself(shop: Shop) -> None:
    matches = shop.similar("a.example:p4", k=COUNT)
    assert len(matches) == COUNT - 1
    assert "a.example:p4" not in ids(matches)
    assert matches.query == "Garment 4"
    assert ids(shop.similar(shop.product("a.example:p4"), k=COUNT)) == ids(matches)
    by_photo = [name for name in ids(shop.similar(picture(4), k=COUNT)) if name != "a.example:p4"]
    assert by_photo[:5] == ids(matches)[:5]


def test_a_product_is_asked_with_its_main_photo_and_found_by_any(shop: Shop) -> None:
    assert shop.similar("a.example:p10")[0].id == shop.similar(picture(10), k=2)[1].id
    found = shop.similar(picture(11), k=2)
    assert set(ids(found)) == {"a.example:p10", "b.example:p11"}
    assert all(match.score > 0.99 for match in found)
    assert len({match.image_id for match in found}) == 1, "the photo they share"


def test_views_are_averaged(shop: Shop) -> None:
    both = shop.similar([picture(2), picture(9)], k=2)
    assert set(ids(both)) == {"a.example:p2", "b.example:p9"}
    assert both[0].score < 0.95
    mixed = shop.similar([picture(2), "b.example:p9"], k=COUNT)
    assert mixed[0].id == "a.example:p2"
    assert "b.example:p9" not in ids(mixed)
    assert mixed.query == "an image, Garment 9"
    assert len(mixed.pictures()) == 2
    assert all(one[:2] == b"\xff\xd8" for one in mixed.pictures())


@pytest.mark.parametrize(
    ("arguments", "passes"),
    [
        ({"store": "a.example"}, lambda at: at % 2 == 0),
        ({"category": "dresses"}, lambda at: at < 15),
        ({"colour": "blue"}, lambda at: at < 10),
        ({"brand": "acme"}, lambda at: at < 4),
        ({"max_price": 20, "currency": "EUR"}, lambda at: at <= 10 and at % 2 == 0),
        ({"max_price": "20", "currency": "usd"}, lambda at: at <= 10 and at % 2 == 1),
        ({"in_stock": True}, lambda at: at % 3 != 0),
        (
            {"store": "b.example", "in_stock": True, "category": "Men"},
            lambda at: at >= 15 and at % 2 and at % 3,
        ),
        ({"brand": "Acme", "category": "Men"}, lambda at: False),
    ],
)
def test_filters(shop: Shop, arguments: dict[str, Any], passes: Any) -> None:
    found = ids(shop.similar(picture(0), k=COUNT, **arguments))
    assert sorted(found) == sorted(f"{'ab'[at % 2]}.example:p{at}" for at in range(COUNT) if passes(at))
    expected = [name for name in ids(shop.similar(picture(0), k=COUNT)) if name in found]
    assert found == expected, "in the same order as without a filter"


@pytest.mark.parametrize("k", [1, 29, 30, 1000])
def test_as_many_as_asked_for_or_as_there_are(shop: Shop, k: int) -> None:
    assert len(shop.similar(picture(0), k=k)) == min(k, COUNT)


def test_a_product_by_its_name(shop: Shop) -> None:
    match = shop.product("b.example:p3")
    assert (match.title, match.was_price, match.rank) == ("Garment 3", Decimal(99), 0)
    assert match.thumbnail()[:2] == b"\xff\xd8"
    for name in ("b.example:p4", "c.example:p3", "b.example", ""):
        with pytest.raises(InputError, match=f"There is no product '{name}'"):
            shop.product(name)
