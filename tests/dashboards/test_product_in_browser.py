"""The pages Product, Browse and Saved searches: a real server, a real browser."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from lookalike.demo.product import DemoProduct
from storage.root import Root
from tests.dashboards.conftest import HOSTILE_STORE, HOSTILE_TITLE, STORE, served

expect.set_options(timeout=30_000)


@pytest.fixture(scope="module")
def address(shop_root: Root, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("pages")
    data = shutil.copytree(shop_root.path, folder / "data")
    with served(folder, folder / "log.txt", "--data", str(data)) as address:
        yield address


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1360, "height": 900})
    context.set_default_timeout(30_000)
    page = context.new_page()
    wrong: list[str] = []
    page.on("dialog", lambda dialog: (wrong.append(dialog.message), dialog.dismiss()))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda m: wrong.append(m.text) if "Content Security Policy" in m.text else None)
    yield page
    context.close()
    assert not wrong


def test_browse_leads_to_a_product_and_back(page: Page, address: str, garments: list[DemoProduct]) -> None:
    garment = garments[4]
    page.goto(f"{address}/browse")
    expect(page.get_by_role("status").filter(has_text="11 products")).to_be_visible()
    page.get_by_label("Words in title, brand or category").fill(garment.title)
    page.keyboard.press("Enter")
    card = page.get_by_role("article", name=garment.title, exact=True)
    expect(card).to_be_visible()
    expect(page.get_by_role("article")).to_have_count(1)
    expect(page).to_have_url(re.compile("words="))

    page.get_by_role("link", name="Details").click()
    expect(page.get_by_role("heading", name=garment.title, level=1)).to_be_visible()
    expect(page).to_have_url(re.compile(f"product={STORE}(%3A|:){garment.product_id}"))
    visit = page.get_by_role("link", name=f"View at {STORE}")
    assert visit.get_attribute("href") == f"https://{STORE}/products/{garment.handle}"
    assert {"noopener", "noreferrer"} <= set((visit.get_attribute("rel") or "").split())
    photo = page.get_by_alt_text(f"{garment.title}, photo 1 of 1")
    page.wait_for_function("image => image.naturalWidth > 50", arg=photo.element_handle())
    expect(page.get_by_role("heading", name="Looks like it")).to_be_visible()

    enlarged = page.get_by_role("dialog", name=f"{garment.title}, photo 1 of 1")
    for close in ("Escape", "Enter"):  # the photo's own button closes it, too
        expect(enlarged).not_to_be_visible()
        page.get_by_role("button", name=f"Enlarge {garment.title}, photo 1 of 1").press("Enter")
        expect(enlarged.get_by_role("img")).to_be_in_viewport()
        if close == "Enter":
            page.keyboard.press("Tab")
            expect(enlarged.get_by_role("button", name="Close")).to_be_focused()
        page.keyboard.press(close)
    expect(enlarged).not_to_be_visible()

    page.reload()
    expect(page.get_by_role("heading", name=garment.title, level=1)).to_be_visible()
    page.go_back()
    expect(card).to_be_visible()


def test_facets_are_in_the_address(page: Page, address: str, garments: list[DemoProduct]) -> None:
    page.goto(f"{address}/browse?stores={HOSTILE_STORE}")
    expect(page.get_by_role("article")).to_have_count(1)
    expect(page.get_by_role("article").get_by_role("heading")).to_have_text(HOSTILE_TITLE)
    page.goto(f"{address}/browse")
    page.get_by_role("combobox", name="Store").click()
    page.get_by_role("option", name=f"{HOSTILE_STORE} (1)").click()
    page.keyboard.press("Escape")  # an open list hides the rest of the page from screen readers
    expect(page.get_by_role("article")).to_have_count(1)
    expect(page).to_have_url(re.compile(f"stores={HOSTILE_STORE}"))
    page.go_back()
    expect(page.get_by_role("status").filter(has_text="11 products")).to_be_visible()
    page.goto(f"{address}/browse?stores=nowhere&page=99&order=x")
    expect(page.get_by_role("alert")).to_contain_text("nowhere")


def test_what_a_store_wrote_is_never_markup(page: Page, address: str) -> None:
    page.goto(f"{address}/product?product={HOSTILE_STORE}:hostile")
    expect(page.get_by_role("heading", name=HOSTILE_TITLE, level=1)).to_be_visible()
    expect(page.get_by_text(f"{HOSTILE_STORE} gives no link")).to_be_visible()
    expect(page.locator("img[src='x']")).to_have_count(0)


@pytest.mark.parametrize("query", ["", "?product=", "?product=gone", "?product=%3Cscript%3E:1", "?product=:"])
def test_a_product_that_is_not_there_is_a_sentence(page: Page, address: str, query: str) -> None:
    page.goto(f"{address}/product{query}")
    expect(page.get_by_role("alert")).to_contain_text("product")
    expect(page.get_by_role("link", name="Browse all products")).to_be_visible()


def test_a_search_is_saved_and_forgotten(page: Page, address: str, garments: list[DemoProduct]) -> None:
    page.goto(f"{address}/product?product={STORE}:{garments[0].product_id}")
    page.get_by_role("button", name="Tell me when").click()
    page.get_by_label("My size").fill("M")
    page.get_by_role("button", name="Save the search").click()
    expect(page.get_by_text("Saved. The next night looks for news.")).to_be_visible()
    page.goto(f"{address}/saved")
    search = page.get_by_role("region", name=garments[0].title)
    expect(search).to_contain_text("size M")
    expect(search).to_contain_text("No news yet.")
    page.get_by_role("button", name="Forget").click()
    expect(page.get_by_text("No search is saved yet.")).to_be_visible()


def test_a_product_fits_a_phone(browser: Browser, address: str, garments: list[DemoProduct]) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844}, is_mobile=True, has_touch=True)
    page = context.new_page()
    page.goto(f"{address}/product?product={STORE}:{garments[0].product_id}")
    expect(page.get_by_role("heading", name="Looks like it")).to_be_visible()
    assert page.evaluate("document.scrollingElement.scrollWidth") <= 390
    context.close()


def test_pages_speak_the_browsers_language_or_the_chosen_one(browser: Browser, address: str) -> None:
    context = browser.new_context(viewport={"width": 1360, "height": 900}, locale="de-AT")
    page = context.new_page()
    page.goto(f"{address}/browse?stores={STORE}")
    expect(page.get_by_role("heading", name="Stöbern")).to_be_visible()
    expect(page.get_by_role("status").filter(has_text="10 Produkte")).to_be_visible()
    expect(page.locator("html")).to_have_attribute("lang", "de")

    page.wait_for_load_state("networkidle")
    languages = page.get_by_role("combobox", name="Sprache")
    languages.scroll_into_view_if_needed()
    page.wait_for_timeout(500)  # an open list closes where the page still scrolls
    for language in ("Français", "Español"):  # the second at once, while the page is drawn in the first
        languages.click()
        page.get_by_role("option", name=language).click()
    expect(page.get_by_role("heading", name="Explorar")).to_be_visible()
    expect(page).to_have_url(re.compile("lang=es"))
    page.get_by_role("link", name="Detalles").first.click()
    expect(page.get_by_role("heading", name="Historial de precios")).to_be_visible()
    expect(page).to_have_url(re.compile("lang=es"))
    page.reload()
    expect(page.get_by_role("heading", name="Historial de precios")).to_be_visible()
    expect(page.locator("html")).to_have_attribute("lang", "es")
    context.close()
