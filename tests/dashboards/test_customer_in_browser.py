"""The page "For a customer": a real server, a real browser."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pandas as pd
import pytest
from playwright.sync_api import Browser, Page, expect

import lookalike
from embedding.index.build import build_index
from embedding.recommend.batch import recommend_all
from lookalike.demo.product import DemoProduct
from storage import tables
from storage.root import Root
from tests.dashboards.conftest import HOSTILE_STORE, HOSTILE_TITLE, NOW, STORE, served

pytest.importorskip("implicit")
expect.set_options(timeout=30_000)

SHOWN = 6
"""Recommendations on the page."""

ANNA = "anna@mail.example"
BEN = "ben <script>alert(3)</script>"


@pytest.fixture(scope="module")
def installation(
    shop_root: Root, garments: list[DemoProduct], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A folder with a root of its own, `purchases.csv`, and settings that name both."""
    folder = tmp_path_factory.mktemp("customers")
    shutil.copytree(shop_root.path, folder / "data")
    bought = [
        (ANNA, STORE, garments[0].product_id, NOW - timedelta(days=3)),
        (ANNA, STORE, garments[4].product_id, NOW - timedelta(days=30)),
        (ANNA, STORE, "removed", NOW - timedelta(days=60)),
        (BEN, HOSTILE_STORE, "hostile", NOW - timedelta(days=9)),
    ]
    frame = pd.DataFrame(bought, columns=["customer_id", "store", "product_id", "bought_at"])
    frame.to_csv(folder / "purchases.csv", index=False)
    recommend_all(Root.open(folder / "data"), folder / "purchases.csv", k=4)
    (folder / "lookalike.toml").write_text('data = "data"\n\n[recommend]\npurchases = "purchases.csv"\n')
    return folder


@pytest.fixture(scope="module")
def address(installation: Path) -> Iterator[str]:
    settings = str(installation / "lookalike.toml")
    with served(installation, installation / "log.txt", "--config", settings) as address:
        yield address


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1440, "height": 1000})
    context.set_default_timeout(30_000)
    yield context.new_page()
    context.close()


def test_a_customer_is_chosen_and_stays_in_the_address(
    page: Page, address: str, garments: list[DemoProduct]
) -> None:
    page.goto(address)
    page.get_by_role("link", name="For a customer").click()
    expect(page.get_by_text("Choose a customer, or type an id")).to_be_visible()
    page.get_by_role("combobox", name="Customer").click()
    page.get_by_role("option", name=ANNA).click()

    cards = page.get_by_role("article")
    expect(cards).to_have_count(SHOWN)
    for garment in (garments[0], garments[4]):
        photo = page.locator(".la-interest").get_by_alt_text(garment.title)
        expect(photo).to_be_visible()
        loaded = "image => image.complete && image.naturalWidth > 50"
        page.wait_for_function(loaded, arg=photo.element_handle())
        expect(page.get_by_role("article", name=garment.title, exact=True)).to_have_count(0)
    expect(page.get_by_text(f"No longer in the shop: {STORE}:removed.")).to_be_visible()
    reasons = {f"Because of {garment.title}" for garment in (garments[0], garments[4])}
    because = page.locator(".la-because")
    expect(because).to_have_count(SHOWN)
    assert set(because.all_inner_texts()) <= reasons
    links = cards.get_by_role("link", name="View in store")
    assert links.first.get_attribute("href", timeout=30_000).startswith(f"https://{STORE}/products/")  # type: ignore[union-attr]
    assert "customer=anna" in page.url

    shown = [card.get_attribute("aria-label") for card in cards.all()]
    page.reload()
    expect(cards).to_have_count(SHOWN)
    assert [card.get_attribute("aria-label") for card in cards.all()] == shown


def test_an_id_is_typed_and_filters_hold(page: Page, address: str, garments: list[DemoProduct]) -> None:
    page.goto(f"{address}/customer")
    choice = page.get_by_role("combobox", name="Customer")
    choice.fill("nobody")
    choice.press("Enter")
    expect(page.get_by_role("alert").get_by_text("holds no purchase of this customer")).to_be_visible()
    page.goto(f"{address}/customer?customer={ANNA}&store={HOSTILE_STORE}")
    expect(page.get_by_role("article")).to_have_count(1)
    expect(page.locator(".la-store")).to_have_text(HOSTILE_STORE)


def test_what_stores_and_files_say_is_never_markup(page: Page, address: str) -> None:
    dialogs: list[str] = []
    page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    page.goto(f"{address}/customer")
    page.get_by_role("combobox", name="Customer").click()
    page.get_by_role("option", name=BEN).click()
    expect(page.get_by_role("article")).not_to_have_count(0)
    expect(page.locator(".la-because").first).to_have_text(f"Because of {HOSTILE_TITLE}")
    assert not dialogs


def test_a_file_without_stores_and_a_file_that_is_gone(
    page: Page, installation: Path, tmp_path: Path, garments: list[DemoProduct]
) -> None:
    hm = tmp_path / "transactions_train.csv"
    hm.write_text(f"t_dat,customer_id,article_id\n2026-09-01,abc,{garments[0].product_id}\n")
    settings = tmp_path / "lookalike.toml"
    settings.write_text(
        f'data = "{installation / "data"}"\n\n[recommend]\npurchases = "{hm}"\nstore = "{STORE}"\n'
    )
    with served(tmp_path, tmp_path / "log.txt", "--config", str(settings)) as other:
        page.goto(f"{other}/customer?customer=abc")
        expect(page.locator(".la-because").first).to_have_text(f"Because of {garments[0].title}")
        hm.unlink()
        page.reload()
        expect(page.get_by_role("alert").get_by_text("There is no file")).to_be_visible()


def test_without_a_file_the_table_answers_and_nothing_about_customers_is_logged(
    page: Page, address: str, installation: Path, tmp_path: Path, garments: list[DemoProduct]
) -> None:
    log = tmp_path / "table.txt"
    shutil.copytree(installation / "data", tmp_path / "data")
    root = Root.open(tmp_path / "data")
    gone = next(match for match in lookalike.open(root.path).recommend(ANNA) if match.store == STORE)
    tables.delete(root, "products", f"store = '{gone.store}' AND product_id = '{gone.product_id}'")
    build_index(root, lookalike.open(root.path).manifest.encoder.model)
    with served(tmp_path, log, "--data", str(root.path)) as other:
        page.goto(f"{other}/customer?customer={ANNA}")
        expect(page.get_by_role("article")).to_have_count(3)
        expect(page.get_by_text("No longer in the shop")).to_have_count(0)  # it was recommended, not bought
        expect(page.locator(".la-because").first).to_contain_text("Because of ")
        page.goto(f"{other}/customer?customer=nobody")
        expect(page.get_by_text("holds nothing for this customer")).to_be_visible()
    written = log.read_text() + (installation / "log.txt").read_text()
    assert "anna" not in written
    assert "nobody" not in written
    assert garments[0].product_id not in written
