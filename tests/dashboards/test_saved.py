"""Saved searches: nights that find news, and nights that find none."""

from __future__ import annotations

import http.server
import json
import shutil
import threading
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

import lookalike
from embedding.index.build import build_index
from flows.alert_settings import AlertSettings
from flows.config import Config
from flows.saved_searches import FOLDER, MOST, SavedSearch, Watched, check_saved_searches, is_cheaper
from lookalike import Shop
from lookalike.demo.product import DemoProduct
from lookalike.saved_searches import forget, read_all, save
from storage import encoders, tables
from storage.errors import InputError
from storage.root import Root
from storage.terms import Event
from tests.dashboards.conftest import STORE


@pytest.fixture
def root(shop_root: Root, tmp_path: Path) -> Root:
    return Root.open(shutil.copytree(shop_root.path, tmp_path / "data"))


@pytest.fixture
def shop(root: Root) -> Shop:
    return lookalike.open(root.path)


@pytest.fixture
def receiver() -> Iterator[tuple[str, list[dict]]]:
    """A webhook's address, and what it was sent."""
    got: list[dict] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/", got
    server.shutdown()


def change(root: Root, garment: DemoProduct, **columns: object) -> None:
    """Writes a product as a crawl would that reads it anew, and publishes."""
    key = f"store = '{STORE}' and product_id = '{garment.product_id}'"
    [row] = [
        row
        for row in tables.read(root, "products").to_pylist()
        if (row["store"], row["product_id"]) == (STORE, garment.product_id)
    ]
    tables.delete(root, "products", key)
    tables.merge(root, "products", [{**row, "content_hash": str(columns), **columns}])
    build_index(root, encoders.available(root)[0])


def only(root: Root) -> SavedSearch:
    [search], damaged = read_all(lookalike.open(root.path))
    assert not damaged
    return search


def test_a_night_tells_of_a_lower_price_and_of_the_size_once(
    root: Root, shop: Shop, garments: list[DemoProduct], receiver: tuple[str, list[dict]]
) -> None:
    address, got = receiver
    config = Config(file=None, data=root.path, alerts=AlertSettings(webhook=address))
    product = shop.product(f"{STORE}:{garments[0].product_id}")
    save(shop, product, "Mine", size="M")
    assert check_saved_searches(root, config) == []
    assert only(root).news == ()
    assert got == []

    change(root, garments[0], price=product.price + 5, sizes=["S"])  # type: ignore[operator]
    assert check_saved_searches(root, config) == []
    assert only(root).news == ()

    change(root, garments[0], price=Decimal("1.50"), sizes=["s", "m "])
    assert check_saved_searches(root, config) == []
    news = only(root).news
    assert {one.event for one in news} == {Event.PRICE, Event.SIZE}
    assert {one.product for one in news} == {product.id}
    assert any("€1.50" in one.sentence for one in news)
    [sent] = got
    assert sorted(sent["reasons"]) == sorted(f"Mine: {one.sentence}" for one in news)

    assert check_saved_searches(root, config) == []
    assert only(root).news == news
    assert len(got) == 1


def test_what_left_and_came_back_is_no_lookalike_and_what_is_new_is(
    root: Root, shop: Shop, garments: list[DemoProduct]
) -> None:
    config = Config(file=None, data=root.path)
    twin, plain = garments[3], garments[5]
    rows = {row["product_id"]: row for row in tables.read(root, "products").to_pylist()}
    tables.delete(root, "products", f"product_id = '{twin.product_id}'")
    build_index(root, encoders.available(root)[0])
    save(lookalike.open(root.path), twin.photos[0](), "Photo")

    tables.delete(root, "products", f"product_id = '{plain.product_id}'")
    build_index(root, encoders.available(root)[0])
    check_saved_searches(root, config)
    tables.merge(root, "products", [rows[plain.product_id]])
    build_index(root, encoders.available(root)[0])
    check_saved_searches(root, config)
    assert only(root).news == ()

    tables.merge(root, "products", [rows[twin.product_id]])
    build_index(root, encoders.available(root)[0])
    check_saved_searches(root, config)
    [news] = only(root).news
    assert (news.event, news.product) == (Event.LOOKALIKE, f"{STORE}:{twin.product_id}")


def test_a_search_is_forgotten_and_a_damaged_one_is_named(
    root: Root, shop: Shop, garments: list[DemoProduct]
) -> None:
    kept = save(shop, garments[0].photos[0](), "Kept")
    gone = save(shop, garments[1].photos[0](), "Gone")
    forget(shop, gone.id)
    (root.path / FOLDER / "broken.json").write_text("{")
    shutil.copy(root.path / FOLDER / f"{kept.id}.json", root.path / FOLDER / "copy.json")
    searches, damaged = read_all(shop)
    assert [search.id for search in searches] == [kept.id]
    assert ["broken.json is damaged" in damaged[0], "copy.json is a copy" in damaged[1]] == [True, True]
    assert len(damaged) == 2
    assert check_saved_searches(root, Config(file=None, data=root.path)) == damaged
    assert only_names(shop) == ["Kept"]


def rewrite(root: Root, search: SavedSearch, **fields: object) -> None:
    """Changes the file of a saved search."""
    file = root.path / FOLDER / f"{search.id}.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | fields))


def test_a_search_that_cannot_be_checked_does_not_stop_the_others(
    root: Root, shop: Shop, garments: list[DemoProduct]
) -> None:
    first, last = (save(shop, garments[n].photos[0](), name) for n, name in ((0, "First"), (2, "Last")))
    broken = save(shop, garments[1].photos[0](), "Broken")
    rewrite(root, broken, photo="bm90IGEgcGhvdG8=")
    for search in (first, last):
        rewrite(root, search, known=[])
    [problem] = check_saved_searches(root, Config(file=None, data=root.path))
    assert "'Broken'" in problem
    assert "not an image" in problem
    searches = {search.name: search for search in read_all(shop)[0]}
    assert searches["First"].news
    assert searches["Last"].news
    assert searches["Broken"].checked_at == broken.checked_at


def test_the_scores_of_another_encoder_are_not_compared(
    root: Root, shop: Shop, garments: list[DemoProduct]
) -> None:
    config = Config(file=None, data=root.path)
    search = save(shop, garments[0].photos[0](), "Photo")
    rewrite(root, search, known=[], model="another", least_score=-1)
    assert check_saved_searches(root, config) == []
    assert only(root).news == ()
    assert only(root).least_score == search.least_score
    assert only(root).model == search.model
    rewrite(root, search, known=[])
    check_saved_searches(root, config)
    assert {one.event for one in only(root).news} == {Event.LOOKALIKE}


def only_names(shop: Shop) -> list[str]:
    return [search.name for search in read_all(shop)[0]]


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ({"name": ""}, "name"),
        ({"name": " "}, "name"),
        ({"name": "n" * 81}, "name"),
        ({"size": "x" * 21}, "size"),
        ({"max_price": Decimal(-1), "currency": "EUR"}, "price"),
        ({"events": []}, "nothing"),
        ({"events": [Event.SIZE]}, "size"),
    ],
)
def test_a_search_that_makes_no_sense_is_a_sentence(
    root: Root, shop: Shop, garments: list[DemoProduct], arguments: dict, word: str
) -> None:
    with pytest.raises(InputError, match=word):
        save(shop, shop.product(f"{STORE}:{garments[0].product_id}"), **{"name": "Search", **arguments})
    assert read_all(shop) == ([], [])


def test_no_more_searches_are_saved_than_a_night_can_check(
    root: Root, shop: Shop, garments: list[DemoProduct]
) -> None:
    (root.path / FOLDER).mkdir()
    for number in range(MOST):
        (root.path / FOLDER / f"{number}.json").touch()
    with pytest.raises(InputError, match="Forget one first"):
        save(shop, garments[0].photos[0](), "One more")


@pytest.mark.parametrize(
    ("now", "before", "cheaper"),
    [
        (("1", "EUR"), ("2", "EUR"), True),
        (("2", "EUR"), ("2.00", "EUR"), False),
        (("3", "EUR"), ("2", "EUR"), False),
        (("1", "USD"), ("2", "EUR"), False),
        ((None, None), ("2", "EUR"), False),
        (("1", "EUR"), (None, None), False),
    ],
)
def test_a_price_is_lower_only_in_its_own_currency(now: tuple, before: tuple, cheaper: bool) -> None:
    def watched(price: str | None, currency: str | None) -> Watched:
        return Watched(price=Decimal(price) if price else None, currency=currency)

    assert is_cheaper(watched(*now), watched(*before)) is cheaper
