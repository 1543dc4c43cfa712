"""The states of the page that need no browser."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from html import unescape
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from dashboards import address
from embedding.bands import CutOffs
from embedding.encoder.heads import CLOTHING, Head, load_heads, write_heads
from embedding.encoder.predictions import adopt_heads
from embedding.index.build import build_index
from lookalike.demo.product import DemoProduct
from lookalike.facets import Order, category_step
from storage import encoders, tables
from storage.root import Root
from tests.dashboards.conftest import HOSTILE_TITLE, STORE

APP = Path(__file__).parents[2] / "dashboards" / "app.py"


@pytest.fixture
def start(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("LOOKALIKE_DATA", raising=False)

    def run(*arguments: object) -> AppTest:
        monkeypatch.setattr(sys, "argv", [str(APP), *map(str, arguments)])
        app = AppTest.from_file(str(APP), default_timeout=60).run()
        assert not app.exception
        return app

    return run


def html(app: AppTest) -> str:
    """All that the page shows through `st.html`, but for its stylesheet."""
    return "\n".join(element.value for element in app.html if not element.value.startswith("<style>"))


def cards(app: AppTest) -> int:
    return html(app).count('<article class="la-card"')


def chips(app: AppTest) -> list[str]:
    """What the photo was seen as."""
    labels = [popover.proto.popover.label for popover in app.get("popover")]
    return [label for label in labels if label != "Tell me when…"]  # which saves the search


def titles(app: AppTest) -> list[str]:
    return [
        unescape(title) for title in re.findall(r'<article class="la-card" aria-label="([^"]*)"', html(app))
    ]


def test_before_the_first_night_it_says_what_to_run(start, root: Root) -> None:
    app = start("--data", root.path)
    assert "The shop is not open yet" in html(app)
    assert "<code>lookalike nightly</code>" in html(app)
    assert not app.file_uploader


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--data", "nowhere"), "does not exist"),
        (("--config", "nowhere.toml"), "nowhere.toml"),
        (("--dta", "x"), "--dta"),
    ],
)
def test_a_wrong_start_is_a_sentence(start, arguments: tuple[str, ...], sentence: str) -> None:
    assert sentence in html(start(*arguments))


def test_a_settings_file_names_the_data(start, shop_root: Root, tmp_path: Path) -> None:
    file = tmp_path / "lookalike.toml"
    file.write_text(f'data = "{shop_root.path}"\n')
    assert "11 products from 2 stores," in html(start("--config", file))


def test_a_visitor_is_told_what_to_do(start, shop_root: Root) -> None:
    app = start("--data", shop_root.path)
    assert "Upload a photo" in html(app)
    assert len(app.file_uploader) == 1
    assert cards(app) == 0


def test_filters_narrow_the_matches(
    start, shop_root: Root, garments: list[DemoProduct], hostile_title: str
) -> None:
    app = start("--data", shop_root.path)
    app.file_uploader[0].set_value(("photo.jpg", garments[0].photos[0](), "image/jpeg")).run()
    assert cards(app) == len(garments)

    app.toggle(key="in_stock").set_value(True).run()
    assert cards(app) == html(app).count("la-in_stock") > 0
    app.toggle(key="in_stock").set_value(False).run()

    third = sorted(garment.price for garment in garments)[2]
    app.number_input(key="max_price").set_value(float(third)).run()
    affordable = {garment.title for garment in garments if garment.price <= third}
    assert 3 <= cards(app) < len(garments)
    assert all(title in affordable | {hostile_title} for title in titles(app))

    app.number_input(key="max_price").set_value(0.01).run()
    assert cards(app) == 0
    assert "Nothing in the shop fits these filters" in html(app)


@pytest.mark.parametrize("data", [b"", b"<!DOCTYPE html>", b"\xff\xd8\xff\xe0" + b"\0" * 64])
def test_a_broken_photo_is_a_sentence(start, shop_root: Root, data: bytes) -> None:
    app = start("--data", shop_root.path)
    app.file_uploader[0].set_value(("<b>.jpg", data, "image/jpeg")).run()
    assert 'role="alert"' in html(app)
    assert "&lt;b&gt;.jpg" in html(app)
    assert not app.exception


def test_a_photo_of_no_garment_is_answered_with_a_warning(
    start, shop_root: Root, tmp_path: Path, garments: list[DemoProduct]
) -> None:
    root = Root.open(shutil.copytree(shop_root.path, tmp_path / "data"))
    # Whatever the photo, it is no clothing: how well that is told is no matter here.
    bias = np.array([9, 0], np.float32)
    write_heads(
        root.encoders / "h.npz", {CLOTHING: Head(CLOTHING, ("no", "yes"), np.zeros((2048, 2), "f4"), bias)}
    )
    encoders.put_heads(root, encoders.available(root)[0], root.encoders / "h.npz")
    app = start("--data", root.path)
    app.file_uploader[0].set_value(("mug.jpg", garments[0].photos[0](), "image/jpeg")).run()
    assert "A photo does not look like clothing (under 1 %)" in html(app)
    assert cards(app) == len(garments)


def test_it_says_what_the_photo_shows(
    start, shop_root: Root, tmp_path: Path, garments: list[DemoProduct]
) -> None:
    root = Root.open(shutil.copytree(shop_root.path, tmp_path / "data"))
    kernel = np.zeros((2048, 2), np.float32)
    sure, torn = np.array([3, 0], np.float32), np.zeros(2, np.float32)
    write_heads(
        root.encoders / "h.npz",
        {
            "article_type": Head("article_type", ("<b>Shirts</b>", "Skirts"), kernel, sure),
            "colour": Head("colour", ("Red", "Blue"), kernel, torn),
        },
    )
    encoders.put_heads(root, encoders.available(root)[0], root.encoders / "h.npz")
    app = start("--data", root.path)
    app.file_uploader[0].set_value(("shirt.jpg", garments[0].photos[0](), "image/jpeg")).run()
    # Labels are Markdown, so its signs are escaped; what the heads are torn about is a question.
    assert chips(app) == [r"\<b\>Shirts\</b\> 95 %", "Red ?"]
    app.button(key="more-1").click().run()
    assert chips(app) == []


def test_what_the_photo_was_seen_as_can_be_corrected(
    start, shop_root: Root, tmp_path: Path, garments: list[DemoProduct]
) -> None:
    root = Root.open(shutil.copytree(shop_root.path, tmp_path / "data"))
    shirts = Head("article_type", ("Shirts", "Skirts"), np.zeros((2048, 2), "f4"), np.array([3, 0], "f4"))
    write_heads(root.encoders / "h.npz", {"article_type": shirts})
    encoders.put_heads(root, encoders.available(root)[0], root.encoders / "h.npz")
    app = start("--data", root.path)
    app.file_uploader[0].set_value(("shirt.jpg", garments[0].photos[0](), "image/jpeg")).run()
    category = category_step(garments[1].category)
    app.selectbox(key="correct-category").set_value(category).run()
    assert app.multiselect(key="category").value == [category]
    assert set(titles(app)) <= {one.title for one in garments if category_step(one.category) == category} | {
        HOSTILE_TITLE
    }
    assert cards(app) > 0


def test_more_are_shown_a_page_at_a_time(
    start, shop_root: Root, garments: list[DemoProduct], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(address, "ANSWERS", 4)
    app = start("--data", shop_root.path)
    app.file_uploader[0].set_value(("photo.jpg", garments[0].photos[0](), "image/jpeg")).run()
    assert cards(app) == 4
    first = titles(app)
    app.button(key="show-more").click().run()
    assert cards(app) == 8
    assert titles(app)[:4] == first
    app.button(key="show-more").click().run()
    assert cards(app) == len(garments)
    assert "show-more" not in {button.key for button in app.button}


def test_nothing_similar_enough_is_said_plainly(
    start, shop_root: Root, tmp_path: Path, garments: list[DemoProduct]
) -> None:
    root = Root.open(shutil.copytree(shop_root.path, tmp_path / "data"))
    model = encoders.available(root)[0]
    adopt_heads(root, model, load_heads(root, model), CutOffs((1, 1, 1), (1, 1, 1)))
    build_index(root, model)
    app = start("--data", root.path)
    app.query_params["like"] = f"{STORE}:{garments[4].product_id}"
    app.run()
    assert cards(app) == 0
    assert "Nothing here is similar enough." in html(app)
    app.button(key="show-all").click().run()
    assert cards(app) == len(garments) - 1
    assert '<h3 class="la-band">Less alike</h3>' in html(app)


@pytest.mark.parametrize("order", [Order.CHEAPEST, Order.DEAREST])
def test_answers_are_sorted_by_price(
    start, shop_root: Root, garments: list[DemoProduct], order: Order
) -> None:
    app = start("--data", shop_root.path)
    app.file_uploader[0].set_value(("photo.jpg", garments[0].photos[0](), "image/jpeg")).run()
    app.selectbox(key="sort").set_value(order).run()
    prices = {one.title: one.price for one in garments} | {HOSTILE_TITLE: garments[1].price}
    gone = {one.title for one in garments if one.availability == "out_of_stock"}
    shown = [title for title in titles(app) if title not in gone]
    assert [prices[title] for title in shown] == sorted(
        (prices[title] for title in shown), reverse=order is Order.DEAREST
    )


def test_words_find_products_and_steer_a_photo(start, shop_root: Root, garments: list[DemoProduct]) -> None:
    app = start("--data", shop_root.path)
    wanted = garments[2]
    app.text_input(key="q").set_value(wanted.title).run()
    assert titles(app)[0] == wanted.title
    assert f"Found for “{wanted.title}”" in unescape(html(app))
    assert app.query_params["q"] == wanted.title

    app.button(key="restart").click().run()
    assert app.text_input(key="q").value == ""
    app.file_uploader[0].set_value(("photo.jpg", garments[0].photos[0](), "image/jpeg")).run()
    app.text_input(key="q").set_value(wanted.colour).run()
    assert f"Looks like your photo, but “{wanted.colour}”" in unescape(html(app))
    assert garments[0].colour == wanted.colour or garments[0].title not in titles(app)


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ("http://127.0.0.1:1/photo.jpg", "private address"),
        ("http://[::1]/", "private address"),
        ("http://shop]/a.jpg", "shop]"),
        ("ftp://shop.example/a.jpg", "http"),
        ("file:///etc/passwd", "http"),
        ("xyzzyx", "No product here has the words: xyzzyx"),
    ],
)
def test_what_cannot_be_asked_for_is_a_sentence(start, shop_root: Root, typed: str, sentence: str) -> None:
    app = start("--data", shop_root.path)
    app.text_input(key="q").set_value(typed).run()
    assert cards(app) == 0
    assert 'role="alert"' in html(app)
    assert sentence in unescape(html(app))
    assert not app.exception


@pytest.mark.parametrize("path", ["/etc/passwd", "photo.jpg", "~/x.png"])
def test_words_that_are_a_path_open_no_file(
    start, shop_root: Root, garments: list[DemoProduct], tmp_path: Path, path: str
) -> None:
    (tmp_path / "photo.jpg").write_bytes(garments[0].photos[0]())  # the server's working directory
    app = start("--data", shop_root.path)
    for parameter in ("q", "like", "more"):
        app.query_params.clear()
        app.query_params[parameter] = path
        app.run()
        assert ">The same photo<" not in html(app)
        assert not app.exception


def test_a_search_is_steered_by_products_and_back(
    start, shop_root: Root, garments: list[DemoProduct]
) -> None:
    app = start("--data", shop_root.path)
    app.file_uploader[0].set_value(("photo.jpg", garments[0].photos[0](), "image/jpeg")).run()
    before = titles(app)
    other = garments[4]
    app.query_params["more"] = [f"{STORE}:{other.product_id}"]
    app.run()
    assert other.title not in titles(app)  # it is a part of what was asked
    assert titles(app) != before
    app.button(key=f"drop-{STORE}:{other.product_id}").click().run()
    assert titles(app) == before


def test_a_card_leads_to_what_goes_with_it(start, shop_root: Root, garments: list[DemoProduct]) -> None:
    app = start("--data", shop_root.path)
    app.file_uploader[0].set_value(("photo.jpg", garments[0].photos[0](), "image/jpeg")).run()
    first = titles(app)[0]
    app.button(key="goes-1").click().run()
    assert f"Goes with {first}" in unescape(html(app))
    assert first not in titles(app)
    assert "% alike" not in html(app)
    app.button(key="back").click().run()
    assert "Looks like your photo" in html(app)


def test_a_newer_generation_is_picked_up(start, shop_root: Root, tmp_path: Path) -> None:
    root = Root.open(shutil.copytree(shop_root.path, tmp_path / "data"))
    app = start("--data", root.path)
    assert "11 products" in html(app)

    tables.delete(root, "products", "store = 'shop.example' and product_id = '1000'")
    build_index(root, encoders.available(root)[0])
    app.run()
    assert "10 products" in html(app)


def test_the_page_needs_no_crawler_trainer_or_scheduler() -> None:
    heavy = "{'tensorflow', 'keras', 'scrapy', 'prefect'}"
    check = f"import sys, dashboards.find, flows.config; print(*sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", check], cwd=APP.parents[1], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == ""


@pytest.mark.parametrize(
    ("currencies", "filters", "words"),
    [
        (["EUR"], {"max_price": 5, "currency": "EUR"}, "Nothing in the shop fits"),
        (["EUR", "USD"], {"in_stock": True}, "Nothing in the shop fits"),
        (["EUR", "USD"], {"max_price": 5, "currency": "EUR"}, "Choose another currency"),
    ],
)
def test_nothing_found_names_the_currency_where_it_may_be_the_reason(
    currencies: list[str], filters: dict, words: str
) -> None:
    from dashboards.find import nothing_found

    assert words in nothing_found(currencies, filters)


def test_currencies_of_a_folder_from_elsewhere_are_no_markdown() -> None:
    def script() -> None:
        from decimal import Decimal

        from dashboards.facets import draw_facets
        from lookalike.facets import Choices

        currencies = ["EUR", "![x](https://evil.example/x.png)"]
        draw_facets([], currencies, Choices(max_price=Decimal(5), currency="EUR"))

    app = AppTest.from_function(script).run()
    [shown] = [one.proto for one in app.get("button_group")]
    assert [option.content for option in shown.options] == [
        "EUR",
        r"\!\[x\]\(https\://evil\.example/x\.png\)",
    ]
