from __future__ import annotations

import io
import json
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from decimal import Decimal
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import lookalike
from embedding.encoder.preprocess import pixels_of
from embedding.index.build import build_index
from lookalike.query import Shop
from lookalike.query_inputs import read_query
from storage import generations, images, tables
from storage.errors import InputError, LookalikeError, NotPublishedError
from storage.export import export
from storage.manifest import GenerationError
from storage.root import Root
from tests import catalogues
from tests.catalogues import MODEL, product

REPOSITORY = Path(__file__).parent.parent.parent
COUNT = 30


def picture(at: int, size: tuple[int, int] = (60, 80)) -> Image.Image:
    """A pattern of its own for each number."""
    blocks = np.random.default_rng(at).integers(0, 256, (4, 3, 3), dtype=np.uint8)
    return Image.fromarray(blocks).resize(size, Image.Resampling.NEAREST)


def encoded(image: Image.Image, form: str = "PNG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def fill(root: Root) -> None:
    """Products of two stores, with photos and the vectors that a small real encoder gives them."""
    encoder = catalogues.write_encoder(root)
    data = [encoded(picture(at)) for at in range(COUNT)]
    ids = [images.image_id(one) for one in data]
    pixels = np.stack([pixels_of(one, encoder.spec.size) for one in data])
    products = [
        product(
            ("a.example", "b.example")[at % 2],
            f"p{at}",
            # Every fifth shows its neighbour's photo as well.
            [ids[at], ids[at + 1]] if at % 5 == 0 else [ids[at]],
            title=f"Garment {at}",
            price=Decimal(10 + at),
            was_price=Decimal(99) if at == 3 else None,
            currency=("EUR", "USD")[at % 2],
            availability="in_stock" if at % 3 else "out_of_stock",
            category="Women > Dresses" if at < 15 else "Men > Shirts",
            brand="Acme" if at < 4 else None,
            colours=["Navy blue"] if at < 10 else [],
        )
        for at in range(COUNT)
    ]
    catalogues.write(
        root, products, dict(zip(ids, data, strict=True)), dict(zip(ids, encoder.encode(pixels), strict=True))
    )


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Root:
    root = Root.open(tmp_path_factory.mktemp("query") / "data", create=True)
    fill(root)
    build_index(root, MODEL)
    return root


@pytest.fixture(scope="module")
def shop(filled: Root) -> Shop:
    return lookalike.open(filled.path)


@pytest.fixture
def changing(filled: Root, tmp_path: Path) -> Root:
    """A copy that a test may change."""
    shutil.copytree(filled.path, tmp_path / "data")
    return Root.open(tmp_path / "data")


def new_title(root: Root, title: str) -> str:
    """Publishes a generation in which the first product has another title."""
    row = tables.read(root, "products").sort_by("product_id").slice(0, 1).to_pylist()[0]
    tables.merge(root, "products", [row | {"title": title, "content_hash": title}])
    name = build_index(root, MODEL).generation
    assert name is not None
    return name


def ids(matches: Any) -> list[str]:
    return [match.id for match in matches]


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
    ("wishes", "passes"),
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
def test_filters(shop: Shop, wishes: dict[str, Any], passes: Any) -> None:
    found = ids(shop.similar(picture(0), k=COUNT, **wishes))
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


@pytest.mark.parametrize("product", [12, None, 1.5, b"a.example:p1", ["a.example:p1"]])
def test_what_names_no_product_is_a_sentence(shop: Shop, product: Any) -> None:
    for ask in (shop.product, shop.elsewhere):
        with pytest.raises(InputError, match=r"A product cannot be a \w+\. Give store:product_id"):
            ask(product)


def test_a_switch_that_is_a_text_is_a_sentence(shop: Shop) -> None:
    with pytest.raises(InputError, match="in_stock='no' is neither yes nor no"):
        shop.elsewhere("a.example:p1", in_stock="no")  # type: ignore[arg-type]
    for ask in (shop.similar, shop.complete):
        with pytest.raises(InputError, match="allow_private='no' is neither yes nor no"):
            ask("http://127.0.0.1:9/x.jpg", allow_private="no")  # type: ignore[operator]
    assert shop.similar(picture(1), in_stock=np.True_) == shop.similar(picture(1), in_stock=True)


def test_arguments_of_another_type_are_sentences(shop: Shop) -> None:
    with pytest.raises(InputError, match="A data root cannot be of type int"):
        lookalike.open(5)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="diversity='much' is no number"):
        shop.recommend(["a.example:p1"], diversity="much")  # type: ignore[arg-type]
    with pytest.raises(InputError, match=r"There is no filter 'color'\. Did you mean colour\?"):
        shop.similar(picture(1), color="red")  # type: ignore[call-arg]


def test_it_says_what_a_price_limit_leaves_out(shop: Shop) -> None:
    limited = shop.similar(picture(1), max_price=100, currency="EUR")
    assert "left out (15 in USD): only prices in EUR are compared" in str(limited.warning)
    assert limited.to_dict()["warning"] == limited.warning
    only = shop.similar(picture(1), store="b.example", max_price=100, currency="EUR")  # all in USD
    assert not only
    assert "left out (15 in USD)" in str(only.warning)
    for compared in ({"rates": {"USD": 0.9}}, {"store": "a.example"}):
        assert shop.similar(picture(1), max_price=100, currency="EUR", **compared).warning is None
    assert shop.similar(picture(1)).warning is None


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("missing.jpg", r"There is no file missing\.jpg\. Give an image file"),
        (Path("/missing.jpg"), r"There is no file /missing\.jpg"),
        ("a.example:p999", r"Store 'a\.example' has no product 'p999' in generation"),
        (
            "c.example:p1",
            r"There is no store 'c\.example' for the query c\.example:p1\. Known are: a\.example, b",
        ),
        ("", r"The query is an empty text\. Give an image file"),
        (" \n", r"The query is an empty text"),
        ([""], r"The query is an empty text"),
        (".", r"is a folder"),
        ([picture(at) for at in range(17)], r"The query has 17 photos, and at most 16 are averaged"),
        ([np.zeros((8, 8, 3), np.uint8)] * 200, r"The query has 200 photos"),
        (b"", r"A photo: not an image \(it is empty\)"),
        (b"<!DOCTYPE html>", r"A photo: not an image \(it starts with '<!DOCTYPE"),
        (encoded(picture(1))[:200], r"A photo: a damaged PNG image"),
        (np.zeros((4, 4, 3)), r"An array of float64 is no photo\. Give uint8"),
        (np.zeros((4, 4, 5), np.uint8), r"An array of shape \(4, 4, 5\) is no photo"),
        (np.zeros((0, 4, 3), np.uint8), r"An array of shape \(0, 4, 3\) is no photo"),
        ([], r"The query is an empty list"),
        (None, r"A query cannot be a NoneType"),
        ([[picture(1)]], r"A query cannot be a list"),
        ("ftp://a.example/x.jpg", r"ftp://a\.example/x\.jpg"),
        ("file:///etc/passwd", r"file:///etc/passwd"),
        ("http://127.0.0.1:9/x.jpg", r"private address 127\.0\.0\.1"),
        ("nul\x00byte.jpg", r"cannot be read"),
        ("x" * 5000, r"^x{200}… cannot be read \(File name too long\)"),
        ("shop:" + "x" * 5000, r"There is no store 'shop' for the query shop:x{195}…\. Known"),
        ("~nobody-here/photo.jpg", r"There is no file ~nobody-here/photo\.jpg"),
        (Path("/dev/zero"), r"^/dev/zero has more than 50,000,000 bytes"),
        (Path("/dev/null"), r"^/dev/null: not an image \(it is empty\)"),
        ("data:image/png;base64,iVBORw0KGgo=", r"There is no store 'data'"),
        ("http://[::1", r"http://\[::1"),
        ("http://[::1]/x.jpg", r"private address"),
        ("http://169.254.169.254/latest/meta-data", r"private address"),
        ("http://0x7f000001/x.jpg", r"private address|0x7f000001"),
        (
            Image.open(io.BytesIO(encoded(picture(1, (600, 800)), "JPEG")[:3000])),
            r"The PIL image of mode RGB cannot be read",
        ),
        (Image.new("RGB", (0, 9)), r"The PIL image of 0×9 px cannot be searched for"),
        (Image.new("1", (70_000, 1000)), r"The PIL image of 70000×1000 px cannot be searched for"),
        (np.zeros((4, 4), object), r"An array of object is no photo"),
        (np.array(5), r"An array of shape \(\) is no photo"),
        ({"photo": 1}, r"A query cannot be a dict"),
    ],
)
def test_what_cannot_be_asked_with_is_a_sentence(shop: Shop, query: Any, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence) as caught:
        shop.similar(query)
    assert "\n" not in str(caught.value)


def test_a_text_file_named_jpg_is_a_sentence(shop: Shop, tmp_path: Path) -> None:
    (tmp_path / "photo.jpg").write_text("not a photo")
    with pytest.raises(InputError, match=r"photo\.jpg: not an image \(it starts with 'not a photo'\)"):
        shop.similar(tmp_path / "photo.jpg")


@pytest.mark.parametrize(
    "wishes",
    [
        {"k": 0},
        {"k": -1},
        {"k": 2.5},
        {"k": True},
        {"store": "nowhere"},
        {"store": ""},
        {"max_price": 5},
        {"max_price": -5, "currency": "EUR"},
        {"currency": "GBP"},
        {"in_stock": "no"},
        {"in_stock": "False"},
        {"in_stock": None},
        {"in_stock": 0},
    ],
)
def test_a_mistake_in_a_filter_is_said_before_the_photo_is_read(shop: Shop, wishes: dict[str, Any]) -> None:
    with pytest.raises(InputError) as caught:
        shop.similar("missing.jpg", **wishes)
    assert "missing.jpg" not in str(caught.value)


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Nothing on stderr."""


@pytest.fixture
def site(tmp_path: Path) -> Iterator[str]:
    """A web server on localhost."""
    folder = tmp_path / "site"
    folder.mkdir()
    (folder / "photo.png").write_bytes(encoded(picture(8)))
    (folder / "photo").write_bytes(encoded(picture(8)))
    (folder / "text.html").write_text("<!DOCTYPE html><title>Imprint</title><p>No product here.</p>")
    markup = {
        "@context": "https://schema.org",
        "@type": "Product",
        "name": "Garment 8",
        "image": ["/photo.png", "/other.png"],
        "offers": {"@type": "Offer", "price": "18.00", "priceCurrency": "EUR"},
    }
    (folder / "product.html").write_text(
        "<!DOCTYPE html><html><head><title>Garment 8</title>"
        f'<script type="application/ld+json">{json.dumps(markup)}</script></head><body>Hello</body></html>'
    )
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize("path", ["photo.png", "photo", "photo.png?v=2", "product.html"])
def test_a_url_of_a_photo_or_a_product_page(shop: Shop, site: str, path: str) -> None:
    assert shop.similar(f"{site}/{path}", allow_private=True)[0].id == "a.example:p8"


def test_urls_that_lead_nowhere_are_sentences(shop: Shop, site: str) -> None:
    with pytest.raises(LookalikeError, match="answers with status 404"):
        shop.similar(f"{site}/missing.png", allow_private=True)
    with pytest.raises(InputError, match="shows no product with a photo"):
        shop.similar(f"{site}/text.html", allow_private=True)
    with pytest.raises(InputError, match="private address"):
        shop.similar(f"{site}/photo.png")


def test_a_page_without_the_crawl_extra_is_a_sentence(
    shop: Shop, site: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "scrapers.extract.reading", None)
    with pytest.raises(
        InputError, match=r"pip install 'lookalike\[crawl\]'`, or give the address of the photo"
    ):
        shop.similar(f"{site}/product.html", allow_private=True)
    assert shop.similar(f"{site}/photo.png", allow_private=True)[0].id == "a.example:p8"


def test_an_empty_or_missing_root_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist"):
        lookalike.open(tmp_path / "missing")
    Root.open(tmp_path / "empty", create=True)
    with pytest.raises(NotPublishedError, match="holds no published index yet"):
        lookalike.open(str(tmp_path / "empty"))


@pytest.mark.parametrize(
    "file", ["vectors.ann", "vectors.npy", "items.arrow", "projection.npz", "manifest.json"]
)
def test_damage_is_a_sentence_and_never_a_wrong_answer(changing: Root, file: str) -> None:
    path = generations.require_current(changing) / file
    whole = path.read_bytes()
    for damaged in (whole[: len(whole) // 2], whole[:-1] + bytes([whole[-1] ^ 1]), b""):
        path.write_bytes(damaged)
        with pytest.raises(GenerationError, match="is damaged"):
            lookalike.open(changing.path)
    path.unlink()
    with pytest.raises(GenerationError, match="No such file"):
        lookalike.open(changing.path)


def test_a_manifest_from_the_future_is_a_sentence(changing: Root) -> None:
    file = generations.require_current(changing) / "manifest.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"schema_version": 99}))
    with pytest.raises(GenerationError, match="written by a newer release"):
        lookalike.open(changing.path)


def test_a_missing_or_changed_encoder_is_a_sentence(changing: Root) -> None:
    folder = changing.encoders / MODEL
    spec = (folder / "encoder.json").read_text()
    (folder / "encoder.json").write_text(spec.replace("000", "111"))
    shop = lookalike.open(changing.path)
    with pytest.raises(GenerationError, match="is not the one that generation"):
        shop.similar(picture(0))
    assert len(shop.similar("a.example:p0")) == 5, "products need no encoder"
    (folder / "encoder.json").write_text(spec)
    (folder / "encoder.xml").write_text("<net")
    with pytest.raises(LookalikeError, match=r"encoder\.xml is damaged"):
        shop.similar(picture(0))
    shutil.rmtree(folder)
    with pytest.raises(LookalikeError, match="There is no encoder"):
        shop.similar(picture(0))


def test_refresh_takes_up_a_newer_generation(changing: Root) -> None:
    shop = lookalike.open(changing.path)
    before = shop.similar(picture(0))
    assert not shop.refresh()
    name = new_title(changing, "Renamed")
    assert shop.generation != name, "a reader keeps its generation"
    assert shop.similar(picture(0)) == before
    assert shop.refresh()
    assert shop.generation == name
    assert shop.similar(picture(0))[0].title == "Renamed"
    generations.rollback(changing)
    assert shop.refresh()
    assert shop.similar(picture(0)) == before


def test_a_damaged_newer_generation_leaves_the_one_in_use(changing: Root) -> None:
    shop = lookalike.open(changing.path)
    name = new_title(changing, "Renamed")
    (changing.index / name / "vectors.ann").write_bytes(b"")
    with pytest.raises(GenerationError, match="is damaged"):
        shop.refresh()
    assert shop.generation != name
    assert len(shop.similar(picture(0))) == 5


def test_a_generation_deleted_while_open_answers_on(changing: Root) -> None:
    shop = lookalike.open(changing.path)
    before = shop.similar("a.example:p0")
    shutil.rmtree(generations.require_current(changing))
    shutil.rmtree(changing.thumbnails)
    again = shop.similar("a.example:p0")
    assert again == before
    assert again[0].thumbnail()[:2] == b"\xff\xd8"


def test_threads_query_while_generations_are_published(changing: Root) -> None:
    """No error, and no answer that mixes two generations: the title names the generation's own."""
    shop = lookalike.open(changing.path)
    titles = {shop.generation: "Garment 0"}
    stop = threading.Event()
    wrong: list[object] = []
    answers = 0

    def ask(at: int) -> None:
        nonlocal answers
        query = [picture(0), "b.example:p1"][at % 2]
        while not stop.is_set():
            try:
                matches = shop.similar(query, k=COUNT)
                title = next(match.title for match in matches if match.id == "a.example:p0")
                if titles.get(matches.generation, title) != title:
                    wrong.append((matches.generation, title))
                matches[0].thumbnail()
                answers += 1
            except Exception as error:
                wrong.append(error)

    threads = [threading.Thread(target=ask, args=(at,)) for at in range(4)]
    for thread in threads:
        thread.start()
    for number in range(6):
        titles[new_title(changing, f"Title {number}")] = f"Title {number}"
        assert shop.refresh()
    stop.set()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert answers > 20
    assert len(generations.names(changing)) == 3


def test_an_export_answers_the_same(filled: Root, shop: Shop, tmp_path: Path) -> None:
    export(filled, tmp_path / "exported")
    moved = (tmp_path / "exported").rename(tmp_path / "moved")
    assert lookalike.open(moved).similar(picture(3)) == shop.similar(picture(3))


FRESH = """
import json, sys
import lookalike
light = sorted(name for name in ("numpy", "pyarrow", "PIL", "annoy") if name in sys.modules)
shop = lookalike.open(sys.argv[1])
matches = shop.similar(sys.argv[2])
heavy = ("tensorflow", "keras", "prefect", "scrapy", "twisted", "deltalake", "pandas", "streamlit", "torch")
loaded = [name for name in heavy if name in sys.modules]
print(json.dumps({"found": len(matches), "light": light, "heavy": loaded}))
"""


def test_the_query_path_is_light(filled: Root, tmp_path: Path) -> None:
    (tmp_path / "photo.png").write_bytes(encoded(picture(0)))
    ran = subprocess.run(
        [sys.executable, "-c", FRESH, filled.path, tmp_path / "photo.png"],
        check=True,
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
    )
    facts = json.loads(ran.stdout)
    # How soon it answers is measured by benchmarks/query.py.
    assert facts["found"] == 5
    assert facts["light"] == [], "importing lookalike loads nothing else"
    assert facts["heavy"] == []


def test_the_version_is_known() -> None:
    assert lookalike.__version__[0].isdigit()
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        lookalike.nothing  # noqa: B018
