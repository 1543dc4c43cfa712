"""The page Health: what it shows, what it decides, and that it is there only where the settings say so."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect

import lookalike
from embedding.index.build import build_index
from lookalike import health
from storage import encoders, generations, tables
from storage.root import Root
from storage.staging import Finding, Staging, State
from tests.dashboards.conftest import HOSTILE_STORE, HOSTILE_TITLE, NOW, STORE, served

expect.set_options(timeout=30_000)

CRAWL = {
    "crawl_id": "2",
    "store": STORE,
    "started_at": NOW,
    "ended_at": NOW,
    "status": "complete",
    "products": 1,
    "coverage": {"price": 0.5},
}
FINDING = Finding("price", "1 of 1 prices is a hundredfold.", (HOSTILE_TITLE,))


@pytest.fixture(scope="module")
def root(shop_root: Root, tmp_path_factory: pytest.TempPathFactory) -> Root:
    """Two generations, a quarantined crawl of each store, and rejects."""
    root = Root.open(shutil.copytree(shop_root.path, tmp_path_factory.mktemp("health") / "data"))
    tables.delete(root, "products", f"store = '{STORE}' and product_id = '1000'")
    build_index(root, encoders.available(root)[0])
    for store in (STORE, HOSTILE_STORE):
        staging = Staging(root, store)
        row = {"store": store, "product_id": "new", "title": "New", "content_hash": "1", "first_seen": NOW}
        staging.add("2", "products", [row | {"crawl_id": "2"}])
        staging.decide(State.QUARANTINED, CRAWL | {"store": store}, [FINDING])
    rejected = [
        {"url": f"https://{STORE}/{number}", "store": STORE, "stage": "photo", "reason": "it is no image"}
        for number in range(5)
    ]
    hostile = {"url": HOSTILE_TITLE, "store": STORE, "stage": "extract", "reason": HOSTILE_TITLE}
    tables.merge(root, "rejects", [*rejected, hostile])
    return root


@pytest.fixture(scope="module")
def address(root: Root) -> Iterator[str]:
    folder = root.path.parent
    (folder / "lookalike.toml").write_text('data = "data"\n\n[dashboard]\nhealth = true\n')
    settings = str(folder / "lookalike.toml")
    with served(folder, folder / "log.txt", "--config", settings) as address:
        yield address


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1360, "height": 1000})
    context.set_default_timeout(30_000)
    page = context.new_page()
    wrong: list[str] = []
    page.on("dialog", lambda dialog: (wrong.append(dialog.message), dialog.dismiss()))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda m: wrong.append(m.text) if "Content Security Policy" in m.text else None)
    page.goto(f"{address}/health")
    expect(page.get_by_role("heading", name="Map of embeddings")).to_be_visible()
    yield page
    context.close()
    assert not wrong


def decide(page: Page, decision: str) -> None:
    page.get_by_role("button", name=decision, exact=True).click()
    page.get_by_role("button", name=f"{decision}: yes").click()


def test_it_shows_stores_rejects_and_sizes_as_text(page: Page) -> None:
    def table(name: str) -> str:
        return page.get_by_role("region", name=name).inner_text()

    assert "quarantined" in page.get_by_text("Quarantined crawls").inner_text().casefold()
    expect(page.get_by_text(HOSTILE_TITLE).first).to_be_visible()
    expect(page.locator("img[src='x']")).to_have_count(0)
    rejects = table("Rejects")
    assert "it is no image\t5" in rejects
    assert rejects.count(f"https://{STORE}/") == health.EXAMPLES
    assert STORE in table("Stores")
    assert "tables/products" in table("Data")


def test_crawls_are_accepted_and_rejected(page: Page, root: Root) -> None:
    decide(page, f"Accept {HOSTILE_STORE}")
    expect(page.get_by_role("alert").filter(has_text=f"'{HOSTILE_STORE}' is in the tables")).to_be_visible()
    decide(page, f"Reject {STORE}")
    expect(page.get_by_role("alert").filter(has_text=f"'{STORE}' is dropped")).to_be_visible()
    expect(page.get_by_role("heading", name="Quarantined crawls")).to_have_count(0)
    new = [row["store"] for row in tables.read(root, "products").to_pylist() if row["product_id"] == "new"]
    assert new == [HOSTILE_STORE]


def test_an_earlier_generation_is_published_again(page: Page, root: Root) -> None:
    earlier, now = generations.names(root)
    assert generations.current_name(root) == now
    decide(page, "Publish it again")
    expect(page.get_by_role("alert").filter(has_text=f"Generation {earlier} is published")).to_be_visible()
    assert generations.current_name(root) == earlier


def test_the_map_shows_photos_and_what_a_frame_holds(page: Page) -> None:
    page.goto(f"{page.url}?lang=de")
    expect(page.get_by_role("heading", name="Karte der Embeddings")).to_be_visible()
    expect(page.get_by_role("region", name="Generationen des Index")).to_contain_text("veröffentlicht")
    chart = page.get_by_test_id("stVegaLiteChart").locator("canvas")
    chart.scroll_into_view_if_needed()
    box = chart.bounding_box()
    assert box
    page.mouse.move(box["x"] + 5, box["y"] + 5)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.8, box["y"] + box["height"] - 40, steps=5)
    page.mouse.up()
    expect(page.get_by_role("heading", name="Im Rahmen")).to_be_visible()
    expect(page.get_by_role("article")).not_to_have_count(0)


def test_it_is_off_where_the_settings_do_not_ask_for_it(browser: Browser, dashboard: str) -> None:
    page = browser.new_page()
    page.goto(f"{dashboard}/health")
    expect(page.get_by_role("link", name="Browse")).to_be_visible()
    expect(page.get_by_role("link", name="Health")).to_have_count(0)
    expect(page.get_by_role("heading", name="Generations of the index")).to_have_count(0)
    page.close()


def test_the_map_keeps_what_is_alike_together(root: Root) -> None:
    shop = lookalike.open(root.path)
    places = health.embedding_map(shop)
    assert len(places) == len(shop)
    assert np.allclose(places[["x", "y"]].mean(), 0, atol=1e-4)
    assert places["x"].var() >= places["y"].var() > 0
    assert places.equals(health.embedding_map(shop))
    some = health.embedding_map(shop, most=4)
    assert len(set(some["product"])) == 4
    assert set(some["product"]) <= set(places["product"])


def test_sizes_are_those_of_the_files(root: Root) -> None:
    sizes = health.sizes(root)
    parquet = (root.table_path("images")).rglob("*.parquet")
    assert 0 < sizes["tables/images"] <= sum(file.stat().st_size for file in parquet)
    assert sizes["index"] == sum(f.stat().st_size for f in (root.path / "index").rglob("*") if f.is_file())
    assert "tables/offers" not in sizes  # never written


def test_nights_count_how_crawls_ended() -> None:
    day = NOW.date()
    crawls = [{"started_at": NOW, "status": status} for status in ("complete", "failed", "complete")]
    assert health.nights(crawls) == {f"{day}": {"complete": 2, "failed": 1}}
