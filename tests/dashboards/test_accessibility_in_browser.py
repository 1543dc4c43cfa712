"""Every page by axe-core: WCAG 2.2 A and AA and its best practices, light and dark; and by keyboard alone."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Locator, expect

from lookalike.demo.product import DemoProduct
from storage.root import Root
from tests.dashboards.conftest import STORE, served

expect.set_options(timeout=60_000)

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
OF_STREAMLIT = {"presentation-role-conflict": {"enabled": False}}
"""No rule of WCAG: the drop zone of Streamlit's own uploader has a name, but no role."""

PAGES = {
    "find": ("/", "Seen it somewhere"),
    "product": (f"/product?product={STORE}:1001", "Looks like it"),
    "browse": ("/browse", "Browse"),
    "saved": ("/saved", "Saved searches"),
    "health": ("/health", "Map of embeddings"),
    "customer": ("/customer", "For a customer"),
}


@pytest.fixture(scope="module")
def address(shop_root: Root, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("accessible")
    shutil.copytree(shop_root.path, folder / "data")
    (folder / "lookalike.toml").write_text('data = "data"\n\n[dashboard]\nhealth = true\n')
    settings = str(folder / "lookalike.toml")
    with served(folder, folder / "log.txt", "--config", settings) as address:
        yield address


@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_nothing(browser: Browser, address: str, name: str) -> None:
    path, heading = PAGES[name]
    context = browser.new_context(viewport={"width": 1360, "height": 900}, reduced_motion="reduce")
    page = context.new_page()
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        page.goto(f"{address}{path}")
        expect(page.get_by_role("heading", name=heading).first).to_be_visible()
        page.wait_for_load_state("networkidle")
        found = Axe().run(page, options={"runOnly": {"type": "tag", "values": RULES}, "rules": OF_STREAMLIT})
        assert found.violations_count == 0, found.generate_report()
    context.close()


def test_upload_crop_filter_and_a_link_by_keyboard_alone(
    browser: Browser, address: str, garments: list[DemoProduct], tmp_path: Path
) -> None:
    photo = tmp_path / "photo.jpg"
    photo.write_bytes(garments[4].photos[0]())
    page = browser.new_page()
    page.goto(address)

    def reach(target: Locator) -> None:
        expect(target).to_be_visible()
        for _ in range(300):
            page.keyboard.press("Tab")
            if target.evaluate("element => element === document.activeElement"):
                return
        pytest.fail(f"Tab does not reach {target}")

    def settle() -> None:
        expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")

    expect(page.locator(".st-key-la-uploader button")).to_be_visible()
    settle()
    page.wait_for_load_state("networkidle")  # Streamlit loads what its uploader does after it is drawn
    reach(page.locator(".st-key-la-uploader button"))
    with page.expect_file_chooser() as chooser:
        page.keyboard.press("Space")
    chooser.value.set_files(photo)
    expect(page.get_by_role("article").first).to_be_visible()
    settle()

    reach(page.get_by_role("button", name="Crop"))
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    dialog.locator("iframe, .st-key-la-garments").first.wait_for()
    if dialog.locator(".st-key-la-garments").count():  # an encoder that finds garments offers them first
        reach(dialog.get_by_text("A garment", exact=True).locator("xpath=ancestor-or-self::button"))
        page.keyboard.press("ArrowRight")
        page.keyboard.press("Enter")
    reach(dialog.get_by_text("By keyboard").locator("xpath=ancestor-or-self::summary"))
    page.keyboard.press("Enter")
    reach(dialog.get_by_role("slider").nth(2))  # the upper edge
    page.keyboard.press("ArrowRight")
    expect(dialog.get_by_role("slider").nth(2)).to_have_value("11")
    settle()
    reach(dialog.get_by_role("button", name="Search for this part"))
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Looks like this part of your photo")).to_be_visible()
    settle()

    cards = page.get_by_role("article").count()
    reach(page.get_by_role("combobox", name="Store"))
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.keyboard.press("Escape")
    expect(page).to_have_url(re.compile("store="))
    settle()
    assert 0 < page.get_by_role("article").count() <= cards

    link = page.get_by_role("article").get_by_role("link", name="View in store").first
    reach(link)
    assert (link.get_attribute("href") or "").startswith("https://")
    with page.context.expect_page():
        page.keyboard.press("Enter")
    page.close()


def test_browse_and_a_product_by_keyboard_alone(
    browser: Browser, address: str, garments: list[DemoProduct]
) -> None:
    page = browser.new_page()
    page.goto(f"{address}/browse?words={garments[4].title}")
    expect(page.get_by_role("article")).to_have_count(1)
    focused = "document.activeElement.textContent.trim()"
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate(focused) == "Details":
            break
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name=garments[4].title, level=1)).to_be_visible()
    page.close()
