"""What a photo shows, and the warning where it shows no clothing."""

from __future__ import annotations

import io
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import lookalike
from embedding.encoder.heads import CLOTHING, Head, write_heads
from embedding.encoder.preprocess import pixels_of
from embedding.encoder.runtime import load_encoder
from embedding.index.build import build_index
from lookalike.cli import main
from lookalike.description import percent
from lookalike.query import Shop
from storage import encoders, images
from storage.errors import InputError, LookalikeError
from storage.export import export
from storage.root import Root
from tests import catalogues

RED, BLUE, BLACK = (220, 20, 30), (20, 30, 220), (0, 0, 0)


def photo(colour: tuple[int, int, int]) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (60, 80), colour).save(buffer, "PNG")
    return buffer.getvalue()


def put_heads(root: Root) -> None:
    """Heads that know a red and a blue photo, and black ones as no clothing."""
    encoder = load_encoder(encoders.folder(root, catalogues.MODEL), threads=1)
    pixels = np.stack([pixels_of(photo(colour), encoder.spec.size) for colour in (RED, BLUE, BLACK)])
    red, blue, black = encoder.encode(pixels)
    mean = (red + blue + black) / 3
    heads = {
        CLOTHING: _head(CLOTHING, {"no": black - mean, "yes": (red + blue) / 2 - mean}, mean),
        "colour": _head("colour", {"red": red - mean, "blue": blue - mean, "puce": -mean}, mean),
        "article_type": _head("article_type", {"<b>Shirts</b>": mean * 0, "Skirts": mean * 0}, mean),
    }
    file = root.encoders / "heads.npz"
    write_heads(file, heads)
    encoders.put_heads(root, catalogues.MODEL, file)


def _head(attribute: str, directions: dict[str, np.ndarray], mean: np.ndarray) -> Head:
    kernel = np.stack([8 * direction for direction in directions.values()], axis=1).astype(np.float32)
    return Head(attribute, tuple(directions), kernel, -(mean @ kernel))


@pytest.fixture(scope="module")
def without_heads(tmp_path_factory: pytest.TempPathFactory) -> Root:
    root = Root.open(tmp_path_factory.mktemp("describe") / "data", create=True)
    encoder = catalogues.write_encoder(root)
    data = [photo((10 * at, 200 - 9 * at, 40 + 5 * at)) for at in range(20)]
    ids = [images.image_id(one) for one in data]
    vectors = encoder.encode(np.stack([pixels_of(one, encoder.spec.size) for one in data]))
    products = [catalogues.product("a.example", f"p{at}", [image]) for at, image in enumerate(ids)]
    catalogues.write(root, products, dict(zip(ids, data, strict=True)), dict(zip(ids, vectors, strict=True)))
    build_index(root, catalogues.MODEL)
    return root


@pytest.fixture(scope="module")
def root(without_heads: Root, tmp_path_factory: pytest.TempPathFactory) -> Root:
    folder = tmp_path_factory.mktemp("described") / "data"
    shutil.copytree(without_heads.path, folder)
    root = Root.open(folder)
    put_heads(root)
    return root


@pytest.fixture(scope="module")
def shop(root: Root) -> Shop:
    return lookalike.open(root.path)


def test_a_photo_is_described_with_probabilities(shop: Shop) -> None:
    red = shop.describe(photo(RED))
    assert red.is_clothing
    assert red.clothing is not None
    assert 0.5 < red.clothing <= 1
    assert red.model == catalogues.MODEL
    first, *rest = red.attributes["colour"]
    assert first.value == "red"
    assert first.probability > 0.5
    assert [guess.probability for guess in rest] == sorted([g.probability for g in rest], reverse=True)
    assert shop.describe(photo(BLUE)).attributes["colour"][0].value == "blue"
    assert [guess.value for guess in red.attributes["article_type"]] == ["<b>Shirts</b>", "Skirts"]
    assert CLOTHING not in red.attributes
    black = shop.describe(photo(BLACK))
    assert black.is_clothing is False
    assert black.rows()[0][:2] == (CLOTHING, "no")


def test_matches_say_what_the_photos_searched_for_show(shop: Shop) -> None:
    found = shop.similar([photo(RED), photo(BLUE), "a.example:p19"])
    assert found.descriptions() == [shop.describe(photo(RED)), shop.describe(photo(BLUE))]
    assert found[:2].descriptions() == found.descriptions()
    assert shop.similar("a.example:p19").descriptions() == []


def test_a_summary_names_what_is_sure(shop: Shop) -> None:
    red = shop.describe(photo(RED))
    assert red.attributes["article_type"][0].probability <= 0.5
    assert red.summary() == f"red ({percent(red.attributes['colour'][0].probability)})"
    assert shop.describe(photo(BLACK)).summary() == ""


def test_what_is_unlikely_is_not_named(shop: Shop) -> None:
    values = shop.describe(photo(RED)).attributes["colour"]
    assert len(values) < 3
    assert all(guess.probability >= 0.05 for guess in values)


def test_a_product_is_described_by_its_photo(shop: Shop) -> None:
    by_name, by_match = shop.describe("a.example:p19"), shop.describe(shop.product("a.example:p19"))
    assert by_name == by_match
    assert by_name.query == "Product p19"
    direct = shop.describe(photo((190, 29, 135)))
    assert by_name.attributes["colour"][0].value == direct.attributes["colour"][0].value


def test_one_photo_at_a_time_is_described(shop: Shop) -> None:
    with pytest.raises(InputError, match="Give one"):
        shop.describe([photo(RED), photo(BLUE)])  # type: ignore[arg-type]
    with pytest.raises(InputError, match=r"no file nowhere\.jpg"):
        shop.describe("nowhere.jpg")


def test_a_description_can_be_read(shop: Shop) -> None:
    described = shop.describe(photo(RED))
    text = str(described)
    assert text.splitlines()[0] == f"a photo, as {catalogues.MODEL} sees it"
    assert "article type" in text
    html = described._repr_html_()
    assert "<b>" not in html
    assert "&lt;b&gt;Shirts" in html
    assert "data:image/jpeg;base64," in html


@pytest.mark.parametrize(
    ("probability", "words"), [(0.0, "under 1 %"), (0.034, "3 %"), (0.5, "50 %"), (0.9999, "over 99 %")]
)
def test_nothing_is_certain(probability: float, words: str) -> None:
    assert percent(probability) == words


def test_a_photo_of_no_garment_is_answered_with_a_warning(shop: Shop, tmp_path: Path) -> None:
    file = tmp_path / "<i>mug</i>.png".replace("/", "")
    file.write_bytes(photo(BLACK))
    matches = shop.similar(file)
    assert len(matches) == 5
    assert matches.warning is not None
    assert matches.warning.startswith("<i>mug<i>.png does not look like clothing (")
    assert matches.warning.endswith("%); these are the nearest products all the same.")
    assert matches[:2].warning == matches.warning
    assert matches.warning in repr(matches)
    assert matches.to_dict()["warning"] == matches.warning
    html = matches._repr_html_()
    assert "&lt;i&gt;mug&lt;i&gt;.png does not look like clothing" in html
    assert "<i>" not in html


def test_every_view_that_is_no_garment_is_named(shop: Shop) -> None:
    both = shop.similar([photo(BLACK), np.zeros((40, 40, 3), np.uint8), photo(RED)]).warning
    assert both is not None
    assert both.startswith("A photo (")
    assert ") and an array (" in both
    assert both.endswith("do not look like clothing; these are the nearest products all the same.")


def test_garments_and_products_come_without_a_warning(shop: Shop) -> None:
    assert shop.similar(photo(RED)).warning is None
    assert shop.similar("a.example:p1").warning is None
    assert "warn" not in shop.similar(photo(RED))._repr_html_().partition("</style>")[2]


def test_without_heads_nothing_is_warned_of_or_described(without_heads: Root) -> None:
    shop = lookalike.open(without_heads.path)
    assert shop.similar(photo(BLACK)).warning is None
    with pytest.raises(LookalikeError, match=r"The encoder test-32 has no heads .* Run `lookalike embed`"):
        shop.describe(photo(RED))


def test_damaged_heads_are_a_sentence(root: Root, tmp_path: Path) -> None:
    shutil.copytree(root.path, tmp_path / "data")
    damaged = Root.open(tmp_path / "data")
    [file] = damaged.encoders.glob("*.npz")
    file.write_bytes(file.read_bytes()[:-9])
    with pytest.raises(LookalikeError, match=r"is damaged\. Run `lookalike repair`"):
        lookalike.open(damaged.path).similar(photo(RED))


def test_an_export_describes_too(root: Root, tmp_path: Path) -> None:
    export(root, tmp_path / "copy")
    asked = photo(BLACK)
    assert lookalike.open(tmp_path / "copy").describe(asked) == lookalike.open(root.path).describe(asked)


def test_the_command_prints_a_table_or_json(
    root: Root, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "red.png"
    file.write_bytes(photo(RED))
    assert main(["describe", str(file), "--data", str(root.path)]) == 0
    rows = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert rows[0][:2] == [CLOTHING, "yes"]
    assert ["colour", "red"] in [row[:2] for row in rows]
    assert all(row[2].endswith("%") for row in rows)
    assert main(["describe", str(file), "--json", "--data", str(root.path)]) == 0
    document = json.loads(capsys.readouterr().out)
    assert list(document) == ["model", "is_clothing", "clothing", "attributes"]
    assert document["is_clothing"] is True
    assert set(document["attributes"]["colour"][0]) == {"value", "probability"}


def test_the_command_says_that_there_are_no_heads(
    without_heads: Root, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "red.png").write_bytes(photo(RED))
    assert main(["describe", str(tmp_path / "red.png"), "--data", str(without_heads.path)]) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("lookalike: The encoder test-32 has no heads")


def test_search_warns_on_stderr_and_in_json(
    root: Root, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mug.png").write_bytes(photo(BLACK))
    arguments = ["search", str(tmp_path / "mug.png"), "--data", str(root.path)]
    assert main(arguments) == 0
    printed = capsys.readouterr()
    assert "mug.png does not look like clothing" in printed.err
    assert "look like clothing" not in printed.out
    assert len(printed.out.splitlines()) == 5
    assert main([*arguments, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["warning"].startswith("mug.png does not look like clothing")
