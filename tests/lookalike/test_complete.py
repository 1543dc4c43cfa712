"""`Shop.complete` and `same_category`: what goes with a query, from a small generation with real files."""

from __future__ import annotations

import io
import json
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

import lookalike
from embedding.encoder.heads import Head, write_heads
from embedding.encoder.preprocess import pixels_of
from embedding.index.build import build_index
from embedding.outfits.outfit_model import load_outfits
from embedding.outfits.train import StyleRecipe
from lookalike.cli import main
from lookalike.outfit_training import train_outfits
from lookalike.query import Shop
from lookalike.status import read_status
from storage import encoders, images, tables
from storage.audit import remove_damaged
from storage.errors import InputError, LookalikeError
from storage.export import export
from storage.root import Root
from tests import catalogues
from tests.catalogues import DIM, MODEL, product

COLOURS = {"navy": (20, 30, 80), "tan": (180, 140, 90), "red": (200, 30, 40), "black": (20, 20, 22)}
CATEGORIES = (
    "Women > Dresses",
    "Women > Shoes",
    "Women > Handbags",
    "Women > Coats",
    "Men > Shirts",
    "Perfumes",
)
SHADES = 6
RECIPE = StyleRecipe(steps=60, seeds=1, groups=8)


def photo(colour: tuple[int, int, int], seed: int) -> bytes:
    """A garment of one colour, with a pattern of its own, on white."""
    cells = np.full((80, 60, 3), 255, np.uint8)
    noise = np.random.default_rng(seed).integers(-12, 13, (10, 8, 3)).repeat(6, 0).repeat(5, 1)
    cells[10:70, 10:50] = np.clip(np.array(colour) + noise, 0, 255)
    buffer = io.BytesIO()
    Image.fromarray(cells).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Root:
    """Six categories in four colours and six shades of each; a product is named after them."""
    root = Root.open(tmp_path_factory.mktemp("complete") / "data", create=True)
    encoder = catalogues.write_encoder(root)
    products, data = [], {}
    for place, category in enumerate(CATEGORIES):
        for at, (colour, rgb) in enumerate(COLOURS.items()):
            for shade in range(SHADES):
                shown = photo(rgb, (place * 10 + at) * 10 + shade)
                data[images.image_id(shown)] = shown
                name = f"{category.split(' > ')[-1].lower()}-{colour}-{shade}"
                fields = {"category": category, "availability": "in_stock" if shade else "out_of_stock"}
                products.append(product("a.example", name, [images.image_id(shown)], **fields))
    vectors = encoder.encode(np.stack([pixels_of(one, encoder.spec.size) for one in data.values()]))
    catalogues.write(root, products, data, dict(zip(data, vectors, strict=True)))
    build_index(root, MODEL)
    return root


@pytest.fixture(scope="module")
def shop(filled: Root) -> Shop:
    return lookalike.open(filled.path)


@pytest.fixture
def changing(filled: Root, tmp_path: Path) -> Root:
    shutil.copytree(filled.path, tmp_path / "data")
    return Root.open(tmp_path / "data")


def ids(matches: lookalike.Matches) -> list[str]:
    return [match.product_id for match in matches]


def test_a_dress_is_completed_by_one_of_each_kind_in_its_colour(shop: Shop) -> None:
    matches = shop.complete("a.example:dresses-navy-1")
    assert sorted(one.split("-")[0] for one in ids(matches)) == ["coats", "handbags", "shoes"]
    assert {one.split("-")[1] for one in ids(matches)} <= {"navy", "black"}
    assert [match.rank for match in matches] == [1, 2, 3]
    assert all((match.why or "").startswith("goes with: ") for match in matches)
    assert all(0 < match.score <= 1 for match in matches)


def test_as_many_of_each_kind_as_are_wanted_and_no_more_than_k(shop: Shop) -> None:
    assert len(shop.complete("a.example:dresses-navy-1", k=20, per_category=2)) == 6
    assert len(shop.complete("a.example:dresses-navy-1", k=2)) == 2


def test_a_half_finished_outfit_is_not_offered_what_it_has(shop: Shop) -> None:
    matches = shop.complete(["a.example:dresses-navy-1", "a.example:shoes-tan-2"], k=9)
    assert sorted(one.split("-")[0] for one in ids(matches)) == ["coats", "handbags"]


def test_filters_hold(shop: Shop) -> None:
    matches = shop.complete(
        "a.example:dresses-red-0", k=20, per_category=SHADES, in_stock=True, category="Shoes"
    )
    assert matches
    assert all(one.startswith("shoes-") and not one.endswith("-0") for one in ids(matches))
    with pytest.raises(InputError, match="No product here has the category 'Hats'"):
        shop.complete("a.example:dresses-red-0", category="Hats")


@pytest.mark.parametrize(
    ("query", "arguments", "sentence"),
    [
        ("a.example:perfumes-red-1", {}, "no garment was recognised"),
        ("a.example:none", {}, "has no product 'none'"),
        ("a.example:dresses-red-1", {"k": 0}, "k must be a whole number, at least 1, not 0"),
        ("a.example:dresses-red-1", {"per_category": True}, "per_category must be .*, not True"),
        ([], {}, "empty list"),
    ],
)
def test_what_cannot_be_completed_is_a_sentence(
    shop: Shop, query: str | list[str], arguments: dict[str, int], sentence: str
) -> None:
    with pytest.raises(InputError, match=sentence):
        shop.complete(query, **arguments)


def test_a_photo_is_completed_by_its_kind_as_the_heads_see_it(changing: Root, tmp_path: Path) -> None:
    kernel = np.zeros((DIM, 2), np.float32)
    sees_dress = Head("article_type", ("Dresses", "Handbags"), kernel, np.float32([3, 0]))
    write_heads(tmp_path / "heads.npz", {"article_type": sees_dress})
    encoders.put_heads(changing, MODEL, tmp_path / "heads.npz")
    shop = lookalike.open(changing.path)
    matches = shop.complete(photo(COLOURS["tan"], 999))
    assert sorted(one.split("-")[0] for one in ids(matches)) == ["coats", "handbags", "shoes"]
    assert {one.split("-")[1] for one in ids(matches)} == {"tan"}
    same = shop.similar(photo(COLOURS["tan"], 999), same_category=True)
    # What no store's words tell to be a garment is what the heads see, too.
    assert {match.category for match in same} <= {"Women > Dresses", "Perfumes"}


def test_similar_products_of_the_same_category(shop: Shop) -> None:
    matches = shop.similar("a.example:dresses-navy-1", k=20, same_category=True)
    assert len(matches) == 20
    assert {match.category for match in matches} == {"Women > Dresses"}
    assert len({match.category for match in shop.similar("a.example:dresses-navy-1", k=20)}) > 1
    with pytest.raises(InputError, match="same_category='no' is neither yes nor no"):
        shop.similar("a.example:dresses-navy-1", same_category="no")  # type: ignore[arg-type]


def against_colour(count: int = 300) -> list[list[str]]:
    """Outfits in which navy goes with tan, and red with black, which no default would guess."""
    random = np.random.default_rng(0)
    pairs = (("navy", "tan"), ("tan", "navy"), ("red", "black"), ("black", "red"))
    outfits = []
    for _ in range(count):
        first, second = pairs[random.integers(4)]
        dress, shoes, bag = random.integers(SHADES, size=3)
        outfits.append([f"dresses-{first}-{dress}", f"shoes-{second}-{shoes}", f"handbags-{second}-{bag}"])
    return outfits


def test_what_outfits_teach_is_stored_used_and_exported(
    changing: Root, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pq.write_table(pa.table({"product_ids": against_colour()}), tmp_path / "outfits.parquet")
    model, outfits = train_outfits(changing, [tmp_path / "outfits.parquet"], RECIPE)
    assert (outfits, model.used) == (300, True)
    completed = lookalike.open(changing.path).complete("a.example:dresses-navy-1", category="Shoes")
    [shoes] = completed
    assert "-tan-" in shoes.product_id
    assert completed.to_dict()["style"] == completed[:1].style == "head"
    head = read_status(changing).style_heads[MODEL]
    assert (head.used, head.cold, head.warm) == (True, model.figures.cold, model.figures.warm)
    assert main(["status", "--data", str(changing.path)]) == 0
    assert f"style head (fills {head.cold['learnt']:.2f} of the blanks" in capsys.readouterr().out
    export(changing, tmp_path / "exported")
    copied = load_outfits(Root.open(tmp_path / "exported"), MODEL)
    assert copied is not None
    assert copied.used
    [exported] = lookalike.open(tmp_path / "exported").complete("a.example:dresses-navy-1", category="Shoes")
    assert exported.product_id == shoes.product_id
    encoders.remove(changing, MODEL)
    assert encoders.heads_name(changing, MODEL, encoders.OUTFITS) is None


def test_a_stores_own_links_are_outfits(
    changing: Root, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("embedding.outfits.learn.StyleRecipe", lambda: RECIPE)
    rows = {row["product_id"]: row for row in tables.read(changing, "products").to_pylist()}
    for dress, shoes, bag in against_colour():
        linked = rows[dress]
        related = {*linked["related"], rows[shoes]["url"], rows[bag]["url"], "https://elsewhere.example/p"}
        rows[dress] = linked | {"related": sorted(related), "content_hash": "linked"}
    tables.merge(changing, "products", list(rows.values()))
    assert main(["train", "--head", "outfits", "--data", str(changing.path), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["outfits"] > 100
    assert set(document["cold"]) == {"learnt", "default", "popularity"}


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        (None, "is no file"),
        (pa.table({"ids": [["a"]]}), "no column 'product_ids' of lists"),
        (pa.table({"product_ids": ["a"]}), "no column 'product_ids' of lists"),
        (pa.table({"product_ids": [["dresses-navy-1", "shoes-tan-1"]]}), "There are 1 outfits"),
        (pa.table({"product_ids": [["nothing", "known"]] * 30}), "There are 0 outfits"),
    ],
)
def test_a_file_that_holds_no_outfits_is_a_sentence(
    filled: Root, tmp_path: Path, capsys: pytest.CaptureFixture[str], table: pa.Table | None, sentence: str
) -> None:
    file = tmp_path / "outfits.parquet"
    if table is not None:
        pq.write_table(table, file)
    assert main(["train", str(file), "--head", "outfits", "--data", str(filled.path)]) == 2
    assert sentence in capsys.readouterr().err


def test_the_command_says_why(filled: Root, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["complete", "a.example:dresses-navy-1", "--data", str(filled.path), "-k", "2"]
    assert main([*arguments, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["style"] == "default"
    matches = document["matches"]
    assert [match["why"].startswith("goes with: ") for match in matches] == [True, True]
    assert main(arguments) == 0
    assert capsys.readouterr().out.count("goes with: ") == 2


def test_what_outfits_did_not_teach_is_not_used(
    changing: Root, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = ids(lookalike.open(changing.path).complete("a.example:dresses-navy-1"))
    random = np.random.default_rng(1)
    everything = [
        [f"{kind}-{random.choice(list(COLOURS))}-{random.integers(SHADES)}" for kind in ("dresses", "shoes")]
        for _ in range(100)
    ]
    pq.write_table(pa.table({"product_ids": everything}), tmp_path / "outfits.parquet")
    model, _ = train_outfits(changing, [tmp_path / "outfits.parquet"], RECIPE)
    assert not model.used
    after = lookalike.open(changing.path).complete("a.example:dresses-navy-1")
    assert ids(after) == before
    assert after.style == "default"
    assert main(["status", "--data", str(changing.path)]) == 0
    assert "untrained default (the style head fills" in capsys.readouterr().out


def test_a_damaged_style_head_is_a_sentence_and_repaired(changing: Root, tmp_path: Path) -> None:
    (tmp_path / "outfits.npz").write_bytes(b"no style head")
    encoders.put_heads(changing, MODEL, tmp_path / "outfits.npz", encoders.OUTFITS)
    shop = lookalike.open(changing.path)
    with pytest.raises(LookalikeError, match=r"holds no style head .* run `lookalike train --head outfits`"):
        shop.complete("a.example:dresses-navy-1")
    assert len(shop.similar("a.example:dresses-navy-1")) == 5
    assert read_status(changing).style_heads[MODEL].used is None
    assert main(["status", "--data", str(changing.path), "--json"]) == 0
    name = encoders.heads_name(changing, MODEL, encoders.OUTFITS)
    (changing.path / str(name)).write_bytes(b"other bytes")
    with pytest.raises(LookalikeError, match=r"is damaged\. Run `lookalike repair`"):
        lookalike.open(changing.path).complete("a.example:dresses-navy-1")
    assert remove_damaged(changing) == [f"Removed, to be made again: {name}"]
    assert len(lookalike.open(changing.path).complete("a.example:dresses-navy-1")) == 3


def test_a_womans_dress_is_not_completed_by_a_mans_shoes(shop: Shop) -> None:
    kinds = {one.split("-")[0] for one in ids(shop.complete("a.example:shoes-navy-1", k=20))}
    assert "dresses" in kinds
    assert "shirts" not in kinds  # they are men's


@pytest.mark.parametrize("query", ["a.example:dresses-navy-1", "b.example:1"])
def test_the_same_category_in_other_stores_has_other_names(changing: Root, query: str) -> None:
    shown = {"b.example": ("Kleider", "Slip dress"), "c.example": ("Damen > Taschen", "Tote bag")}
    rows, data = [], {}
    for at, (store, (category, title)) in enumerate(shown.items()):
        jpeg = photo(COLOURS["red"], 700 + at)
        data[images.image_id(jpeg)] = jpeg
        rows.append(product(store, "1", [images.image_id(jpeg)], category=category, title=title))
    vector = np.zeros(DIM, np.float32)
    vector[0] = 1
    catalogues.write(changing, rows, data, dict.fromkeys(data, vector))
    build_index(changing, MODEL, recall_goal=0.5)
    matches = lookalike.open(changing.path).similar(query, k=50, same_category=True)
    found = {match.id.split("-")[0] for match in matches} | {query.split("-")[0]}
    assert found == {"a.example:dresses", "b.example:1"}
