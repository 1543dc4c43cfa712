"""The ways to ask and to narrow down that need a browser: clipboard, camera, handles, history, downloads."""

from __future__ import annotations

import base64
import csv
import io
import re
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, expect

from lookalike.demo.product import DemoProduct
from tests.dashboards.visit import Visit, visiting

FIRST, SECOND = 0, 2  # garments that only one store sells

PASTE = """photo => {
  const bytes = Uint8Array.from(atob(photo), character => character.charCodeAt(0));
  const files = new DataTransfer();
  files.items.add(new File([bytes], 'image.png', {type: 'image/png'}));
  document.body.dispatchEvent(new ClipboardEvent('paste', {clipboardData: files, bubbles: true}));
}"""

FIRST_PICTURE = """video => new Promise(done => {
  if (video.readyState >= HTMLMediaElement.HAVE_CURRENT_DATA) done();
  else video.addEventListener('loadeddata', () => done(), {once: true});
})"""


def test_a_pasted_photo_is_searched_for(visit: Visit, garments: list[DemoProduct]) -> None:
    for place in (FIRST, SECOND):  # on the first page, and beside an answer
        photo = base64.b64encode(garments[place].photos[0]()).decode()
        visit.page.evaluate(PASTE, photo)
        expect(visit.cards.first).to_have_attribute("aria-label", garments[place].title)
    assert not visit.errors


def test_handles_choose_a_part_of_the_photo(visit: Visit, garments: list[DemoProduct]) -> None:
    picture = Image.open(io.BytesIO(garments[SECOND].photos[0]())).convert("RGB")
    wall = Image.new("RGB", (picture.width * 3, picture.height * 3), (90, 140, 60))
    wall.paste(picture, (picture.width, picture.height))
    stored = io.BytesIO()
    wall.save(stored, "PNG")
    visit.upload(stored.getvalue(), "wall.png")
    expect(visit.headline).to_have_text("Looks like your photo")
    visit.page.get_by_role("button", name="Crop").click()
    dialog = visit.page.get_by_role("dialog")
    dialog.locator("iframe, .st-key-la-garments").first.wait_for()
    if dialog.locator(".st-key-la-garments").count():  # an encoder that finds garments offers them first
        dialog.get_by_text("Any part").click()
    canvas = visit.page.frame_locator("iframe").locator("canvas.upper-canvas")
    canvas.wait_for()
    box = canvas.bounding_box()
    assert box
    visit.page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)  # shows the handles
    # They begin at a fifth of each side: the corners are drawn to the garment's, a third in.
    for start, end in ((0.2, 1 / 3), (0.8, 2 / 3)):
        visit.page.mouse.move(box["x"] + box["width"] * start, box["y"] + box["height"] * start)
        visit.page.mouse.down()
        visit.page.mouse.move(box["x"] + box["width"] * end, box["y"] + box["height"] * end, steps=8)
        visit.page.mouse.up()
    visit.page.wait_for_timeout(1000)  # the handles tell of themselves some time after
    visit.page.get_by_role("button", name="Search for this part").click()
    expect(visit.headline).to_have_text("Looks like this part of your photo")
    expect(visit.cards.first).to_have_attribute("aria-label", garments[SECOND].title)
    visit.page.get_by_role("button", name="Whole photo").click()
    expect(visit.headline).to_have_text("Looks like your photo")
    assert not visit.errors


def test_the_camera_takes_a_photo(visit: Visit) -> None:
    visit.page.get_by_role("button", name="Take a photo").click()
    # Without a picture from the camera, the button does nothing.
    visit.page.locator("video").evaluate(FIRST_PICTURE)
    visit.page.get_by_test_id("stCameraInputButton").click()
    expect(visit.headline).to_have_text("Looks like your photo")
    expect(visit.page.get_by_alt_text("Your photo")).to_be_visible()
    assert not visit.errors


def test_back_undoes_each_choice_and_reloading_keeps_them(visit: Visit, garments: list[DemoProduct]) -> None:
    page, wanted = visit.page, garments[SECOND]
    visit.describe(wanted.title)
    expect(visit.cards.first).to_have_attribute("aria-label", wanted.title)
    everything = int(page.locator(".la-count").inner_text().split()[0])
    expect(visit.cards).to_have_count(everything)
    visit.choose("Colour", wanted.colour)
    expect(page).to_have_url(re.compile("colour="))
    expect(page.locator(".la-count")).not_to_have_text(re.compile(f"^{everything} "))
    narrowed = int(page.locator(".la-count").inner_text().split()[0])
    page.get_by_text("In stock only").click()
    expect(page).to_have_url(re.compile("in_stock=yes"))

    page.reload()
    expect(page.get_by_role("switch", name="In stock only")).to_be_checked()
    expect(page.locator(".la-in_stock").first).to_be_visible()
    page.go_back()
    expect(page.get_by_role("switch", name="In stock only")).not_to_be_checked()
    expect(visit.cards).to_have_count(narrowed)
    page.go_back()
    expect(visit.cards).to_have_count(everything)
    page.go_back()
    expect(page.get_by_role("heading", name="Seen it somewhere?")).to_be_visible()
    assert not visit.errors


def test_a_card_steers_the_search(visit: Visit, garments: list[DemoProduct]) -> None:
    visit.upload(garments[FIRST].photos[0]())
    expect(visit.cards).to_have_count(len(garments))
    visit.settle()
    title = visit.cards.nth(1).get_attribute("aria-label") or ""
    visit.page.get_by_role("button", name="Change the search").nth(1).click()
    visit.page.get_by_text("Less of this").click()
    taken_back = visit.page.get_by_role("button", name=f"Less of: {title}")
    expect(taken_back).to_be_visible()
    expect(visit.page.get_by_role("article", name=title, exact=True)).to_have_count(0)
    taken_back.click()
    expect(visit.page.get_by_role("article", name=title, exact=True)).to_have_count(1)


def test_answers_are_saved(visit: Visit, garments: list[DemoProduct], tmp_path: Path) -> None:
    visit.upload(garments[FIRST].photos[0]())
    expect(visit.cards).to_have_count(len(garments))
    titles = [card.get_attribute("aria-label") for card in visit.cards.all()]
    for button, name in (("Save as CSV", "lookalike.csv"), ("Save as picture", "lookalike.png")):
        with visit.page.expect_download() as download:
            visit.page.get_by_role("button", name=button).click()
        download.value.save_as(tmp_path / name)
    with (tmp_path / "lookalike.csv").open(encoding="utf-8-sig", newline="") as stream:
        assert [row["title"] for row in csv.DictReader(stream)] == titles
    with Image.open(tmp_path / "lookalike.png") as sheet:
        assert sheet.format == "PNG"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_finds_by_words(
    browser: Browser, dashboard: str, garments: list[DemoProduct], scheme: str
) -> None:
    options = {"is_mobile": True, "has_touch": True, "color_scheme": scheme}
    with visiting(browser, dashboard, **options) as visit:
        visit.page.set_viewport_size({"width": 390, "height": 844})
        visit.describe(garments[FIRST].title)
        expect(visit.cards.first).to_have_attribute("aria-label", garments[FIRST].title)
        assert visit.page.evaluate("document.scrollingElement.scrollWidth") <= 390
        assert visit.cards.first.is_visible()
