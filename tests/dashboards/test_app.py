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

from embedding.encoder.heads import CLOTHING, Head, write_heads
from embedding.index.build import build_index
from lookalike.demo.product import DemoProduct
from storage import encoders, tables
from storage.root import Root

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
    assert cards(app) == 5

    app.toggle(key="in_stock").set_value(True).run()
    assert cards(app) == html(app).count("la-in_stock") > 0
    app.toggle(key="in_stock").set_value(False).run()

    third = sorted(garment.price for garment in garments)[2]
    app.number_input(key="max_price").set_value(float(third)).run()
    affordable = {garment.title for garment in garments if garment.price <= third}
    assert 3 <= cards(app) < 5
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
    assert cards(app) == 5


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
    assert "Seen as &lt;b&gt;Shirts&lt;/b&gt; (95\N{NO-BREAK SPACE}%)</p>" in html(app)
    app.button(key="more-1").click().run()
    assert "Seen as" not in html(app)


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
