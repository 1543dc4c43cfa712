"""The demo: stores, a whole night over them by plain functions, and its verdict."""

from __future__ import annotations

import re
import shutil
import socket
from dataclasses import replace
from datetime import UTC, datetime
from urllib.parse import urlsplit

import pytest
import requests

from flows.config import load_config
from flows.night import Night
from lookalike.demo import run
from lookalike.demo.catalogue import catalogue, unsold
from lookalike.demo.run import check, run_demo
from lookalike.matches import Match, Matches
from storage import tables
from storage.errors import InputError, LookalikeError
from storage.root import Root

PRODUCTS = 78


@pytest.fixture(scope="module")
def folder(tmp_path_factory, fashion_encoder):
    """A folder for the demo that has its encoder already: converting it is tested elsewhere."""
    folder = tmp_path_factory.mktemp("demo")
    root = Root.open(folder / "data", create=True)
    shutil.copytree(fashion_encoder, root.encoders / fashion_encoder.name)
    return folder


@pytest.fixture(scope="module")
def first(folder):
    """A first run, and the status of each match's link while the stores were open."""
    statuses = []

    def follow(demo):
        statuses.extend(requests.get(match.url, timeout=10).status_code for match in demo.matches)

    demo = run_demo(folder, products=PRODUCTS, show=follow)
    return demo, statuses


@pytest.mark.slow
def test_it_finds_five_of_the_photos_kind_in_open_stores(first):
    demo, statuses = first
    assert len(demo.matches) == 5
    assert statuses == [200] * 5
    assert all(match.price and match.title and match.currency == "EUR" for match in demo.matches)
    assert {match.category for match in demo.matches} == {"Women > Dresses"}


@pytest.mark.slow
def test_it_leaves_a_sheet_a_photo_and_settings_that_work(first, folder):
    demo, _ = first
    html = demo.page.read_text(encoding="utf-8")
    assert html.count('class="la-card"') == 5
    assert "lookalike demo --serve" in html
    assert all(match.url in html for match in demo.matches)
    assert demo.query.read_bytes()[:2] == b"\xff\xd8"
    config = load_config(demo.config)
    assert config.data == (folder / "data").resolve()
    assert [store.strategy for store in config.stores] == ["shopify", "woocommerce", "sitemap"]


@pytest.mark.slow
def test_a_second_run_opens_the_stores_where_they_were_and_changes_nothing(first, folder):
    demo, _ = first
    root = Root.open(folder / "data")
    kept = ("products", "offers", "pages", "images", "embeddings")
    before, settings = [tables.version(root, name) for name in kept], demo.config.read_text()
    again = run_demo(folder, products=PRODUCTS)
    assert [match.id for match in again.matches] == [match.id for match in demo.matches]
    assert again.matches.generation == demo.matches.generation
    assert demo.config.read_text() == settings
    assert [tables.version(root, name) for name in kept] == before
    assert sum(crawl.images_new for crawl in again.night.crawls) == 0


def test_a_store_whose_port_is_taken_opens_at_another(tmp_path):
    said = []
    with run._stores(tmp_path, None, 6, said.append) as config:
        urls = [store.url for store in config.stores]
    taken = urlsplit(urls[0]).port
    with socket.create_server(("127.0.0.1", taken)), run._stores(tmp_path, None, 6, said.append) as config:
        assert urlsplit(config.stores[0].url).port != taken
        assert [store.url for store in config.stores[1:]] == urls[1:]
    assert any(re.search(f"Port {taken} is taken", sentence) for sentence in said)


def test_a_night_that_fails_fails_the_demo(tmp_path):
    now = datetime.now(UTC)
    night = Night(now, now, crawls=(), embed=None, index=None, failures=("northlight is down.",))
    with pytest.raises(LookalikeError, match=r"northlight is down\."):
        run_demo(tmp_path, products=6, run_night=lambda config: night)
    assert not (tmp_path / "demo.html").exists()


def test_two_demos_in_one_folder_refuse_each_other(tmp_path):
    with run._own(tmp_path), pytest.raises(LookalikeError, match="already runs"):
        run_demo(tmp_path)


def test_a_folder_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="Give another --folder"):
        run_demo(tmp_path / "file")


@pytest.fixture(scope="module")
def sold():
    return catalogue(300)


def matches(*products):
    urls = [f"http://127.0.0.1:1/p/{product.handle}.html" for product in products]
    unsaid = dict.fromkeys(("title", "brand", "category", "price", "was_price", "currency", "availability"))
    found = [
        Match(1, 0.9, "store", "1", url=url, image_url=None, seen=None, image_id="", photo=bytes, **unsaid)
        for url in urls
    ]
    return Matches(found, generation="g", query="q")


def some(sold, kind, colour=None):
    return [one for one in sold if one.kind == kind and colour in (None, one.colour)]


def test_five_of_the_kind_and_three_of_the_colour_will_do(sold):
    wanted = unsold("dress")
    own = some(sold, "dress", wanted.colour)
    other = [one for one in some(sold, "dress") if one.colour != wanted.colour]
    check(matches(*own[:5]), wanted, sold)
    check(matches(*own[:3], *other[:2]), wanted, sold)
    for found in (
        [*own[:2], *other[:3]],
        [*own[:4], *some(sold, "coat")[:1]],
        own[:4],
        [],
    ):
        with pytest.raises(LookalikeError, match=f"asked for a dress in {wanted.colour}"):
            check(matches(*found), wanted, sold)


def test_a_match_from_nowhere_is_no_garment(sold):
    wanted = unsold("dress")
    own = some(sold, "dress", wanted.colour)[:4]
    stranger = replace(own[0], title="Something else")
    with pytest.raises(LookalikeError, match="something unknown"):
        check(matches(*own, stranger), wanted, sold)
