"""Search by words, and by photos and products for and against."""

from __future__ import annotations

import difflib
import itertools
import shutil
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

import lookalike
from embedding.encoder.heads import CLOTHING, Head, write_heads
from embedding.encoder.preprocess import pixels_of
from embedding.index.build import build_index
from lookalike import similar
from lookalike.query import Shop
from lookalike.vocabulary import meaning, words_of
from storage import encoders, images
from storage.errors import InputError
from storage.root import Root
from tests import catalogues
from tests.lookalike.query.shops import REPOSITORY, encoded, ids

COLOURS = {"Red": (200, 20, 30), "Green": (20, 150, 40), "Navy Blue": (15, 20, 90)}
KINDS = ("Dresses", "Shirts")
TITLES = {
    "a0": ("Summer robe", None, "Women > Robes"),
    "a1": ("Kleid aus Leinen", "Größe & Söhne", "Damen > Kleider"),
    "a2": ("Evening", None, None),
    "b0": ("Linen shirt", "Acme", "Men > Shirts"),
    "b1": ("赤いシャツ", None, None),
    "b2": ("Льняная рубашка", None, None),
}


def garment(kind: int, colour: tuple[int, int, int]) -> Image.Image:
    """A photo whose shape says its kind."""
    picture = Image.new("RGB", (60, 80), "white")
    picture.paste(colour, (20, 5, 40, 75) if kind == 0 else (5, 30, 55, 50))
    return picture


def test_few_of_many_unknown_words_are_compared_with_all_others(monkeypatch: pytest.MonkeyPatch) -> None:
    looked_up: list[str] = []
    monkeypatch.setattr(difflib, "get_close_matches", lambda word, *_, **__: looked_up.append(word) or [])
    unknown = [f"x{number}" for number in range(60)]
    published = SimpleNamespace(words=SimpleNamespace(words=lambda: ["red"]))
    sentence = similar._unknown(published, unknown)
    assert all(word in sentence for word in unknown)
    assert 0 < len(looked_up) < 10


@pytest.fixture(scope="module")
def garments(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """Three dresses and three shirts, red, green and blue, which only their photos say; heads see it."""
    root = Root.open(tmp_path_factory.mktemp("words") / "data", create=True)
    encoder = catalogues.write_encoder(root)
    kinds = list(itertools.product(range(len(KINDS)), COLOURS))
    data = [encoded(garment(kind, COLOURS[colour])) for kind, colour in kinds]
    vectors = encoder.encode(np.stack([pixels_of(one, encoder.spec.size) for one in data]))
    names = [images.image_id(one) for one in data]
    products = [
        catalogues.product(
            f"{name[0]}.example", name, [image], title=title, brand=brand, category=category, price=Decimal(9)
        )
        for (name, (title, brand, category)), image in zip(TITLES.items(), names, strict=True)
    ]
    catalogues.write(
        root, products, dict(zip(names, data, strict=True)), dict(zip(names, vectors, strict=True))
    )
    heads = {
        "article_type": fitted("article_type", KINDS, vectors, [kind for kind, _ in kinds]),
        "colour": fitted("colour", tuple(COLOURS), vectors, [list(COLOURS).index(c) for _, c in kinds]),
        CLOTHING: fitted(CLOTHING, ("no", "yes"), vectors, [1] * len(kinds)),
    }
    write_heads(root.encoders / "heads.npz", heads)
    encoders.put_heads(root, catalogues.MODEL, root.encoders / "heads.npz")
    build_index(root, catalogues.MODEL)
    return lookalike.open(root.path)


def fitted(attribute: str, classes: tuple[str, ...], vectors: np.ndarray, codes: list[int]) -> Head:
    """A head that is sure of the value of each vector."""
    logits = np.full((len(codes), len(classes)), -6.0)
    logits[np.arange(len(codes)), codes] = 6.0
    kernel = np.linalg.lstsq(vectors.astype(np.float64), logits, rcond=None)[0]
    return Head(attribute, classes, kernel.astype(np.float32), np.zeros(len(classes), np.float32))


@pytest.mark.parametrize(
    ("words", "first"),
    [
        ("red dress", "a0"),  # its title says robe, its photo red
        ("GREEN dresses", "a1"),
        ("navy dress", "a2"),  # only the photo says either
        ("linen dress", "a1"),
        ("linen shirt", "b0"),
        ("grosse sohne", "a1"),
        ("grünes Kleid", "a1"),
        ("robe rouge", "a0"),
        ("camisa verde", "b1"),
        ("leinen hemd", "b0"),
        ("льняная рубашка", "b2"),
        ("赤い", "b1"),
        ("evenings", "a2"),
        ("a dress with linen, please", "a1"),
        ("t-shirt red shirt", "b0"),
    ],
)
def test_words_find_what_stores_say_and_photos_show(garments: Shop, words: str, first: str) -> None:
    found = garments.search(words, k=6)
    assert found[0].product_id == first
    assert [match.rank for match in found] == list(range(1, len(found) + 1))
    assert all(0 < match.score <= 1 for match in found)
    assert [match.score for match in found] == sorted((match.score for match in found), reverse=True)


def test_a_match_says_where_the_words_were_found(garments: Shop) -> None:
    [first] = garments.search("red linen shirt", k=1)
    assert first.product_id == "b0"
    assert first.why == "red by its colour; linen, shirt in the title"
    assert garments.search("evening dress", k=1)[0].why == "evening in the title; dress as the photo shows"


def test_words_take_filters_and_find_only_what_has_one_of_them(garments: Shop) -> None:
    assert {match.store for match in garments.search("linen", k=6, store="b.example")} == {"b.example"}
    assert len(garments.search("evening", k=6)) == 1
    with pytest.raises(InputError, match="is no price"):
        garments.search("linen", max_price="cheap")


def test_words_that_nobody_uses_are_named(garments: Shop) -> None:
    found = garments.search("linen xyzzy", k=2)
    assert found.warning == "No product here has the words: xyzzy."
    with pytest.raises(InputError, match=r"^No product here has the words: evning\. Did you mean evening\?$"):
        garments.search("evning")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("", "an empty text"),
        (" \n", "an empty text"),
        ("this but", "'this but' says nothing about a product"),
        ("?!", "'?!' says nothing"),
        (5, "Words cannot be of type int"),
        (None, "Words cannot be of type NoneType"),
        (["red"], "Words cannot be of type list"),
        (b"red", "Words cannot be of type bytes"),
        ("x" * 201, "The words have 201 characters"),
        ("dress \udcff", "are no text"),
        ("\0\x1b[31m", "No product here has the words|says nothing"),
    ],
)
def test_words_that_make_no_sense_are_a_sentence(garments: Shop, words: Any, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence) as caught:
        garments.search(words)
    assert "\n" not in str(caught.value)


def test_this_but_in_another_colour(garments: Shop) -> None:
    red = encoded(garment(0, COLOURS["Red"]))
    assert garments.similar(red)[0].product_id == "a0"
    for words, dress, shirt in (("this, but green", "a1", "b1"), ("marineblau", "a2", "b2")):
        found = garments.similar(red, k=6, words=words)
        assert [match.product_id for match in found] == [dress, shirt], "of that colour, the alike first"
        assert found[0].why == f"{words_of(words)[-1]} by its colour"
        assert garments.similar("a.example:a0", k=1, words=words)[0].product_id == dress
        assert ids(garments.similar(red, k=6, words=words, colour="puce")) == ids(found), "words replace it"


def test_other_words_weigh_as_much_as_looks(garments: Shop) -> None:
    red = encoded(garment(0, COLOURS["Red"]))
    assert garments.similar(red, k=1, words="linen")[0].product_id in ("a1", "b0")
    assert len(garments.similar(red, k=6, words="linen")) == 6


def test_more_and_less_like_photos_and_products(garments: Shop) -> None:
    plain = garments.similar("a.example:a0", k=5)
    assert garments.similar(like="a.example:a0", k=5)[0].id == plain[0].id
    away = garments.similar("a.example:a0", k=6, unlike=[encoded(garment(0, COLOURS["Green"]))])
    before, after = (
        next(match.score for match in found if match.product_id == "a1") for found in (plain, away)
    )
    assert after < before
    towards = garments.similar("a.example:a0", k=1, like=[garments.product("b.example:b1")], words="green")
    assert towards[0].product_id == "a1", "products in `like` are no results"
    assert "b.example:b1" not in ids(garments.similar("a.example:a0", k=6, unlike="b.example:b1"))
    found = garments.similar("a.example:a0", k=2)
    assert ids(garments.similar(like=found)) == ids(garments.similar(like=list(found)))
    assert not set(ids(found)) & set(ids(garments.similar(like=found)))
    with_words = garments.similar(words="dress", unlike="a.example:a0", k=6)
    assert with_words.query.endswith("dress, less like Summer robe")
    assert "a.example:a0" not in ids(with_words)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({}, "Nothing is searched for"),
        ({"unlike": "a.example:a0"}, "Nothing is searched for"),
        ({"words": "  "}, "Nothing is searched for"),
        ({"query": []}, "The query is an empty list"),
        ({"like": 5}, "A query cannot be a int"),
        ({"like": None}, "A query cannot be a NoneType"),
        ({"like": ["a.example:a0"] * 17}, "The list 'like' has 17 photos"),
        ({"query": "a.example:a0", "unlike": [""]}, "an empty text"),
        ({"words": "dress", "same_category": True}, "Words belong to no category"),
        ({"query": "a.example:a0", "words": 5}, "Words cannot be of type int"),
        ({"query": "a.example:a0", "words": "mauve"}, "No product here has the words: mauve"),
    ],
)
def test_what_cannot_be_asked_for_is_a_sentence(
    garments: Shop, arguments: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(InputError, match=sentence):
        garments.similar(**arguments)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        *(("Dresses", "dress"), ("CAPS", "cap"), ("robes", "robe"), ("Straße", "strasse")),
        *(("T-Shirts", "tshirt"), ("czarna", "black"), ("ŁÓDŹ", "lodz"), ("İpek", "silk")),
        *(("ЧЁРНЫЙ", "black"), ("빨간", "red"), ("ΜΠΛΟΎΖΑ", "μπλουζα"), ("ﬁne", "fine")),
    ],
)
def test_words_mean_the_same_in_any_form(one: str, other: str) -> None:
    assert [meaning(word) for word in words_of(one)] == [meaning(word) for word in words_of(other)]


@pytest.mark.parametrize(
    ("one", "other"), [("cape", "cap"), ("linen", "line"), ("sandal", "sand"), ("ハ", "バ"), ("bus", "bu")]
)
def test_words_that_look_alike_are_kept_apart(one: str, other: str) -> None:
    assert [meaning(word) for word in words_of(one)] != [meaning(word) for word in words_of(other)]


def test_words_need_no_heads(shop: Shop) -> None:
    assert shop.search("navy dress 7", k=1)[0].product_id == "p7"


def test_a_generation_of_an_earlier_release_is_searched_by_words(tmp_path: Path) -> None:
    golden = tmp_path / "data"  # opening a root may migrate it
    shutil.copytree(REPOSITORY / "tests" / "golden" / "generation-v1", golden)
    found = lookalike.open(golden).search("red blue dress shirt product garment coat", k=1)
    assert len(found) == 1


def test_words_need_no_tensorflow(garments: Shop) -> None:
    asked = "import sys, lookalike; lookalike.open(sys.argv[1]).search('linen'); "
    heavy = "print(*{'tensorflow', 'prefect', 'scrapy'} & set(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", asked + heavy, str(garments._root.path)],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == ""
