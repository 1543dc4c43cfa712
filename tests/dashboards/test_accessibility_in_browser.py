"""Every page by axe-core: WCAG 2.2 A and AA and its best practices, light and dark; and by keyboard alone."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, expect

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
