"""The notebook's widget: cropping searches, in Python and in a browser."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Page, expect, sync_playwright

import lookalike
from lookalike.query import Shop
from storage.errors import InputError

pytest.importorskip("anywidget")
opened = pytest.importorskip("ipywidgets.widgets.widget")._instances

CODE = Path(lookalike.__file__).with_name("widget.js").read_text("utf-8")
STYLE = Path(lookalike.__file__).with_name("widget.css").read_text("utf-8")
SIZE = 80, 100

PAGE = """async ([code, state]) => {
    const script = new Blob([code], {type: "text/javascript"});
    const { default: widget } = await import(URL.createObjectURL(script));
    const heard = {};
    window.state = state;
    window.saved = 0;
    window.hear = (name, value) => { state[name] = value; heard[name](); };
    const model = {
        get: name => state[name],
        set: (name, value) => { state[name] = value; },
        save_changes: () => { window.saved += 1; },
        on: (event, listener) => { heard[event.replace("change:", "")] = listener; },
    };
    widget.render({ model, el: document.querySelector("main") });
}"""


@pytest.fixture
def photo() -> Image.Image:
    """Red on the left, blue on the right."""
    drawn = Image.new("RGB", SIZE, (200, 30, 30))
    drawn.paste((30, 30, 200), (SIZE[0] // 2, 0, *SIZE))
    return drawn


def test_another_frame_is_another_search(shop: Shop, photo: Image.Image) -> None:
    widget = shop.widget(photo, k=3)
    assert widget.picture.startswith("data:image/jpeg;base64,")
    assert [one.id for one in widget.matches] == [one.id for one in shop.similar(photo, k=3)]

    widget.box = [0.5, 0, 1, 0.5]
    part = photo.crop((40, 0, 80, 50))
    assert widget.part.tobytes() == part.tobytes()
    assert [one.id for one in widget.matches] == [one.id for one in shop.similar(part, k=3)]
    assert all(one.store in widget.answer for one in widget.matches)


@pytest.mark.parametrize(
    "box", [[0.5, 0, 0.5, 1], [0, 0.9, 1, 0.1], [-0.1, 0, 1, 1], [0, 0, 1, 1.5], [float("nan"), 0, 1, 1]]
)
def test_a_frame_that_encloses_nothing_is_refused(shop: Shop, photo: Image.Image, box: list[float]) -> None:
    widget = shop.widget(photo, k=1)
    with pytest.raises(InputError, match="The box encloses nothing"):
        widget.box = box
    assert widget.box == [0, 0, 1, 1]


def test_what_is_wrong_is_said_at_once(shop: Shop, photo: Image.Image) -> None:
    with pytest.raises(InputError, match="k"):
        shop.widget(photo, k=0)
    with pytest.raises(InputError, match="There is no file"):
        shop.widget("missing.jpg")
    known = set(opened)
    with pytest.raises(InputError, match="nowhere"):
        shop.widget(photo, store="nowhere")
    assert set(opened) == known  # none that nobody can close


def test_a_frame_is_drawn_by_pointer_and_by_keyboard(shop: Shop, photo: Image.Image) -> None:
    widget = shop.widget(photo, k=2)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        page = browser.new_page()
        page.set_content(f"<style>{STYLE}</style><main></main>")
        state = {"picture": widget.picture, "box": widget.box, "answer": widget.answer}
        page.evaluate(PAGE, [CODE, state])
        expect(page.get_by_role("article")).to_have_count(2)

        drag(page, (0.5, 0.0), (0.9, 0.5))
        assert page.evaluate("state.box") == pytest.approx([0.5, 0, 0.9, 0.5], abs=0.02)
        page.get_by_text("By keyboard").click()
        page.get_by_role("slider", name="Right").press("Home")  # encloses nothing: the whole photo
        assert page.evaluate("state.box") == [0, 0, 1, 1]
        page.get_by_role("slider", name="Left").press("ArrowRight")
        assert page.evaluate("state.box") == pytest.approx([0.01, 0, 1, 1])
        drag(page, (0.5, 0.5), (0.5, 0.5))
        assert page.evaluate("state.box") == [0, 0, 1, 1]
        assert page.evaluate("saved") == 4

        page.evaluate("hear('answer', '<p>Nothing fits.</p>')")
        expect(page.get_by_text("Nothing fits.")).to_be_visible()
        browser.close()


def drag(page: Page, start: tuple[float, float], end: tuple[float, float]) -> None:
    box = page.get_by_alt_text("The photo to crop").bounding_box()
    assert box
    for move, (across, down) in (("down", start), ("up", end)):
        page.mouse.move(box["x"] + across * box["width"], box["y"] + down * box["height"])
        getattr(page.mouse, move)()
