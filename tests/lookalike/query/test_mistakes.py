"""What cannot be asked is one sentence."""

from __future__ import annotations

import io
import json
import sys
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import lookalike
from lookalike.query import Shop
from storage.errors import InputError, LookalikeError
from tests.lookalike.query.shops import encoded, picture


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
        (None, r"Nothing is searched for"),
        ([None], r"A query cannot be a NoneType"),
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
    "arguments",
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
        {"in_stock": 0},
    ],
)
def test_a_mistake_in_a_filter_is_said_before_the_photo_is_read(
    shop: Shop, arguments: dict[str, Any]
) -> None:
    with pytest.raises(InputError) as caught:
        shop.similar("missing.jpg", **arguments)
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
