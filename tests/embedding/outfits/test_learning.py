"""What outfits teach, on planted ones: a hidden style decides what goes together."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from embedding.encoder.heads import Head
from embedding.index import projection
from embedding.outfits import colours
from embedding.outfits.compatibility import compatibility, reason
from embedding.outfits.kinds import (
    KINDS,
    NO_GARMENT,
    UNKNOWN,
    complementary,
    for_the_same,
    gender_of,
    kind_of,
)
from embedding.outfits.learn import learn
from embedding.outfits.looks import Looks, Unprojector
from embedding.outfits.outfit_model import OutfitModel
from embedding.outfits.questions import OutfitData, ask
from embedding.outfits.style_head import StyleInputs
from embedding.outfits.train import StyleRecipe
from storage.errors import InputError, LookalikeError
from tests import catalogues

RECIPE = StyleRecipe(steps=60, seeds=1, groups=8)
COUNT, STYLES = 300, 8


def planted(outfits: int, *, styled: bool = True) -> OutfitData:
    """Tops, bottoms and shoes of eight styles; outfits are of one style each, unless they are of any."""
    random = np.random.default_rng(0)
    kinds = np.arange(COUNT) % 3
    kind_codes = np.array([KINDS.index(name) for name in ("top", "bottom", "footwear")])[kinds]
    styles = random.integers(STYLES, size=COUNT)
    directions = random.standard_normal((3, STYLES, 24))  # each kind shows a style its own way
    embeddings = directions[kinds, styles] + 0.3 * random.standard_normal((COUNT, 24))
    embeddings = (embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)).astype(np.float32)
    chosen = []
    for _ in range(outfits):
        style = random.integers(STYLES)
        fits = styles == style if styled else np.ones(COUNT, bool)
        chosen.append(tuple(int(random.choice(np.flatnonzero(fits & (kinds == kind)))) for kind in range(3)))
    labs = np.tile(np.float32([50, 0, 0]), (COUNT, 1))
    histograms = np.full((COUNT, 8), 8**-0.5, np.float32) + 0.01 * random.standard_normal((COUNT, 8))
    names = tuple(f"a.example:p{at}" for at in range(COUNT))
    looks = Looks(kind_codes, embeddings, {}, labs, {})
    return OutfitData(looks, embeddings, histograms.astype(np.float32), kinds, names, names, tuple(chosen))


@pytest.fixture(scope="module")
def model() -> OutfitModel:
    return learn(planted(400), RECIPE)


def test_a_style_is_learnt_and_told_of_products_that_no_outfit_held(model: OutfitModel) -> None:
    assert model.figures.cold["learnt"] > 0.6 > 0.45 > model.figures.cold["default"]
    assert model.figures.cold["popularity"] == 0.25  # blind there: all four tie
    assert model.used


def test_what_cannot_be_learnt_is_not_used() -> None:
    assert not learn(planted(200, styled=False), RECIPE).used


def test_the_same_outfits_teach_the_same(model: OutfitModel, tmp_path: Path) -> None:
    model.save(tmp_path / "one.npz")
    learn(planted(400), RECIPE).save(tmp_path / "other.npz")
    one, other = (np.load(tmp_path / name) for name in ("one.npz", "other.npz"))
    assert all(np.array_equal(one[name], other[name]) for name in one.files)


def test_a_model_is_read_as_it_was_written(model: OutfitModel, tmp_path: Path) -> None:
    model.save(tmp_path / "model.npz")
    read = OutfitModel.load(tmp_path / "model.npz")
    data = planted(1)
    features = model.inputs(data.embeddings, data.histograms)
    np.testing.assert_array_equal(read.head.offers(features), model.head.offers(features))
    assert (read.figures, read.blend, read.used) == (model.figures, model.blend, model.used)


@pytest.mark.parametrize("content", [b"", b"no npz", b"PK\x03\x04"])
def test_a_damaged_model_is_a_sentence(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "model.npz").write_bytes(content)
    with pytest.raises(LookalikeError, match="holds no style head"):
        OutfitModel.load(tmp_path / "model.npz")


def test_too_few_outfits_are_a_sentence() -> None:
    with pytest.raises(InputError, match="There are 3 outfits"):
        learn(planted(3))


def test_negatives_are_of_the_answers_family_and_not_of_its_outfit() -> None:
    data = planted(60)
    cold = np.arange(COUNT) % 5 == 0
    asked = ask(data, data.outfits, cold)
    assert len(asked)
    assert (data.families[asked.candidates] == data.families[asked.candidates[:, :1]]).all()
    assert cold[asked.candidates].all()
    assert not cold[asked.present].any()
    assert all(len(set(candidates.tolist())) == 4 for candidates in asked.candidates)
    outfits = [set(outfit) for outfit in data.outfits]
    for at, (answer, *others) in enumerate(asked.candidates.tolist()):
        here = {answer, *asked.of(at).tolist()}
        assert any(here <= outfit and outfit.isdisjoint(others) for outfit in outfits)


@pytest.mark.parametrize("count", [100, 600])
def test_embeddings_are_told_from_projected_vectors(count: int) -> None:
    vectors = catalogues.clustered(count)
    random = np.random.default_rng(0)
    kernel = random.standard_normal((vectors.shape[1], 6)).astype(np.float32)
    heads = {"colour": Head("colour", tuple("abcdef"), kernel, np.zeros(6, np.float32))}
    learnt = projection.fit(lambda: [vectors], vectors.shape[1], heads=heads)
    unprojector = Unprojector(learnt, vectors.shape[1])
    coordinates = unprojector.coordinates(learnt.apply(vectors))
    found = unprojector.vectors(coordinates)
    assert (found * vectors).sum(axis=1).min() > 0.9
    assert np.linalg.norm(found, axis=1) == pytest.approx(1, abs=1e-3)
    same = unprojector.of_coordinates(heads)["colour"].logits(coordinates)
    assert np.allclose(same, heads["colour"].logits(found), atol=0.01)
    inputs = StyleInputs.fit(vectors, np.eye(count, 8, dtype=np.float32), of_colour=4)
    histograms = np.eye(count, 8, dtype=np.float32)
    of_coordinates = inputs.of_coordinates(unprojector.basis)(coordinates, histograms)
    assert np.allclose(of_coordinates, inputs(found, histograms), atol=0.02)


@pytest.mark.parametrize(
    ("texts", "kind"),
    [
        (("Women > Dresses",), "dress"),
        (("Hats, scarves and gloves",), "accessory"),
        (("Flip Flops",), "footwear"),
        (("T-shirts",), "top"),
        (("New in", "Denim jacket in blue"), "outerwear"),
        (("Leggings and joggers",), "bottom"),
        (("Fragrances", "Eau de parfum"), NO_GARMENT),
        (("Personal care", "Men fragrance gift set"), NO_GARMENT),
        ((None, None), None),
        (("Sale", "Dress with belt"), "dress"),
        (("Clutches",), "bag"),
    ],
)
def test_a_stores_words_name_the_kind(texts: tuple[str | None, ...], kind: str | int | None) -> None:
    code = KINDS.index(kind) if isinstance(kind, str) else kind
    assert kind_of(*texts) == (UNKNOWN if code is None else code)


def test_what_is_there_is_not_offered_again() -> None:
    offered = {KINDS[kind] for kind in complementary([KINDS.index("dress")])}
    assert "footwear" in offered
    assert offered.isdisjoint({"dress", "top", "bottom"})


def test_a_garments_colour_is_told_from_its_pale_background() -> None:
    cells = np.full((40, 30, 3), 255, np.uint8)
    cells[10:30, 8:22] = (20, 30, 80)
    white = np.full((40, 30, 3), 250, np.uint8)
    histograms, mains = colours.histograms([cells, white])
    assert [colours.name(lab) for lab in mains] == ["navy", "white"]
    np.testing.assert_allclose(np.linalg.norm(histograms, axis=1), 1, rtol=1e-5)


@pytest.mark.parametrize(
    ("texts", "gender"),
    [
        (("Women > Dresses",), 0),
        (("Women's shoes",), 0),
        (("Men > Apparel > Topwear", "Women shirt"), 1),
        (("New in", "Boys' shirt"), 3),
        (("Girls",), 2),
        (("Women > Skirts", "Kids Girls solid skirt"), 2),
        (("Kids > Shoes",), 4),
        (("Women and men > Scarves",), UNKNOWN),
        (("Shirts", None), UNKNOWN),
    ],
)
def test_a_stores_words_say_whom_a_garment_is_for(texts: tuple[str | None, ...], gender: int) -> None:
    assert gender_of(*texts) == gender


def test_children_wear_what_is_for_children() -> None:
    genders = np.arange(-1, 5)
    assert for_the_same(0, genders).tolist() == [True, True, False, False, False, False]
    assert for_the_same(3, genders).tolist() == [True, False, False, False, True, True]
    assert for_the_same(4, genders).tolist() == [True, False, False, True, True, True]
    assert for_the_same(UNKNOWN, genders).all()


def test_why_is_told_in_words() -> None:
    classes = {"usage": ("Casual", "Formal"), "season": ("Fall", "Summer")}
    labs = np.float32([[20, 3, -20], [65, 12, 28], [20, 3, -20], [44, 60, 38], [46, -26, -8]])
    sure, other, torn = np.float32([1, 0]), np.float32([0, 1]), np.sqrt(np.float32([0.5, 0.5]))
    attributes = {
        "usage": np.stack([sure, sure, other, sure, torn]),
        "season": np.stack([sure, other, sure, torn, torn]),
    }
    garments = Looks(np.zeros(5, int), np.eye(5, dtype=np.float32), attributes, labs, classes)
    present = garments.take(np.array([0]))
    assert reason(present, garments, 1) == "goes with: navy and tan, both casual"
    assert reason(present, garments, 2) == "goes with: both navy, both for autumn"
    assert reason(garments.take(np.array([3])), garments, 4) == "goes with: red and teal, in contrast"
    assert compatibility(present, garments).argmax() == 0
