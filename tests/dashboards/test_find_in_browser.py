"""The first page as a shopper meets it: a real server, a real browser."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from embedding.bands import Band
from lookalike.demo.product import DemoProduct
from storage.money import display_price
from tests.dashboards.visit import Visit

GARMENTS = 10
"""Answers to every photo: all are alike, and a photo that two stores show is one."""

PHOTO_WIDTH = 480
"""Pixels that the demo's photos have across."""

BANDS = re.compile("|".join(band.capitalize() for band in Band))


def in_order(cards: Locator) -> list[str]:
    return [card.get_attribute("aria-label") or "" for card in cards.all()]


def loads(card: Locator) -> bool:
    """Whether the card's photo is there and really a picture."""
    image = card.locator(".la-photo img").first
    return image.evaluate("i => i.complete && i.naturalWidth > 50") and image.is_visible()


def test_a_photo_gives_all_that_are_alike(visit: Visit, garments: list[DemoProduct]) -> None:
    wanted = garments[4]
    visit.upload(wanted.photos[0]())
    expect(visit.cards).to_have_count(GARMENTS)
    visit.choose("Store", "shop.example")
    expect(visit.page.locator(".la-store", has_text="shop.example")).to_have_count(GARMENTS)

    by_title = {garment.title: garment for garment in garments}
    assert in_order(visit.cards)[0] == wanted.title
    for card in visit.cards.all():
        title = card.get_by_role("heading").inner_text()
        garment = by_title[title]
        assert loads(card)
        expect(card.locator(".la-now")).to_have_text(display_price(garment.price, garment.currency))
        expect(card.locator(".la-was")).to_have_count(0 if garment.was_price is None else 1)
        expect(card.locator(".la-store")).to_have_text("shop.example")
        alike = "The same photo" if title == wanted.title else BANDS
        expect(card.locator(".la-alike")).to_have_text(alike)
        link = card.get_by_role("link", name="View in store")
        assert link.get_attribute("href") == f"https://shop.example/products/{garment.handle}"
        assert link.get_attribute("target") == "_blank"
        assert {"noopener", "noreferrer"} <= set((link.get_attribute("rel") or "").split())
    expect(visit.page.get_by_alt_text("Your photo")).to_be_visible()
    assert not visit.errors


def test_a_product_leads_to_more_like_it_and_back(
    visit: Visit, garments: list[DemoProduct], hostile_title: str
) -> None:
    visit.upload(garments[4].photos[0]())
    expect(visit.cards).to_have_count(GARMENTS)
    of_photo = in_order(visit.cards)

    visit.page.get_by_role("button", name="More like this").nth(2).click()
    expect(visit.page.get_by_role("heading", name=f"More like {of_photo[2]}")).to_be_visible()
    expect(visit.page.get_by_role("article", name=of_photo[2], exact=True)).to_have_count(0)
    another_store_has_it = of_photo[2] in (hostile_title, garments[1].title)
    expect(visit.cards).to_have_count(GARMENTS if another_store_has_it else GARMENTS - 1)

    visit.page.get_by_role("button", name="Back to your photo").click()
    expect(visit.page.get_by_role("heading", name="Looks like your photo")).to_be_visible()
    for place, title in enumerate(of_photo):
        expect(visit.cards.nth(place)).to_have_attribute("aria-label", title)


def test_the_address_holds_all_but_the_photo(
    visit: Visit, garments: list[DemoProduct], dashboard: str
) -> None:
    page = visit.page
    visit.upload(garments[4].photos[0]())
    expect(visit.cards).to_have_count(GARMENTS)
    page.get_by_role("button", name="More like this").first.click()
    expect(page.get_by_role("heading", name=f"More like {garments[4].title}")).to_be_visible()
    visit.choose("Store", "shop.example")
    expect(page.locator(".la-store", has_text="shop.example")).to_have_count(GARMENTS - 1)
    page.get_by_role("combobox", name="Sort").click()
    page.get_by_role("option", name="Cheapest first").click()
    expect(page).to_have_url(re.compile("sort=cheapest"))
    cheapest = min(garments[:4] + garments[5:], key=lambda garment: garment.price)
    expect(visit.cards.first).to_have_attribute("aria-label", cheapest.title)
    visit.settle()
    found = in_order(visit.cards)

    page.reload()
    expect(visit.cards).to_have_count(GARMENTS - 1)
    visit.settle()
    assert in_order(visit.cards) == found
    link = page.url

    page.goto("about:blank")
    page.go_back()
    expect(visit.cards).to_have_count(GARMENTS - 1)

    somebody = page.context.browser.new_page()  # type: ignore[union-attr]
    somebody.goto(link)
    expect(somebody.get_by_role("article")).to_have_count(GARMENTS - 1)
    assert in_order(somebody.get_by_role("article")) == found
    somebody.close()
    assert not visit.errors


def test_back_leads_from_more_like_a_product_to_the_photo(visit: Visit, garments: list[DemoProduct]) -> None:
    visit.upload(garments[4].photos[0]())
    expect(visit.page.get_by_role("heading", name="Looks like your photo")).to_be_visible()
    visit.page.get_by_role("button", name="More like this").first.click()
    expect(visit.page.get_by_role("heading", name=f"More like {garments[4].title}")).to_be_visible()
    visit.page.go_back()
    expect(visit.page.get_by_role("heading", name="Looks like your photo")).to_be_visible()


@pytest.mark.parametrize(
    "query",
    ["like=shop.example:gone", "like=%3Cscript%3E", "shown=9e9", "shown=-1", "max_price=abc", "store=gone"],
)
def test_an_address_that_makes_no_sense_is_a_sentence_or_the_first_page(
    visit: Visit, dashboard: str, query: str
) -> None:
    visit.page.goto(f"{dashboard}/?{query}")
    expect(visit.page.get_by_role("heading", name="Seen it somewhere?")).to_be_visible()
    if query.startswith("like"):
        expect(visit.page.get_by_role("alert")).to_contain_text("There is no product")
    assert not visit.dialogs


def test_what_a_store_wrote_runs_nothing_and_loads_nothing(
    visit: Visit, garments: list[DemoProduct], dashboard: str, hostile_title: str
) -> None:
    visit.upload(garments[1].photos[0]())
    expect(visit.cards).to_have_count(GARMENTS)
    hostile = visit.page.get_by_role("article", name=hostile_title)
    expect(hostile.get_by_role("heading")).to_have_text(hostile_title)
    expect(hostile.locator(".la-brand")).to_have_text("<b>&amp;</b>")
    # Its URL was javascript:; the other store's, which sells the same photo, is sound.
    expect(hostile.get_by_role("link")).to_have_count(1)
    expect(hostile.get_by_role("link")).to_have_text("also at shop.example")
    expect(hostile).to_contain_text("No link to the store")

    rank = in_order(visit.cards).index(hostile_title)
    visit.page.get_by_role("button", name="More like this").nth(rank).click()
    expect(visit.page.get_by_role("heading", name=f"More like {hostile_title}")).to_be_visible()
    visit.page.wait_for_load_state("networkidle")

    assert not visit.dialogs
    foreign = [url for url in visit.requests if not url.startswith((dashboard, "data:", "blob:"))]
    assert not foreign, "the page fetched from somewhere else"


def test_a_file_that_is_no_photo_gets_a_sentence(visit: Visit, garments: list[DemoProduct]) -> None:
    visit.upload(b"not a photo at all", name="notes.jpg")
    expect(visit.page.get_by_role("alert")).to_have_text(re.compile(r"^notes\.jpg .*not an image.*JPEG"))
    expect(visit.cards).to_have_count(0)

    visit.upload(garments[0].photos[0]())  # and the next photo is searched for as if nothing had been
    expect(visit.cards).to_have_count(GARMENTS)


MEGABIT = 125_000  # bytes

FIRST, SECOND, THIRD = 0, 2, 4  # garments that only one store sells


def throttle(page: Page, megabits_a_second: float) -> None:
    """Photos leave the browser no faster than this, through its own protocol."""
    protocol = page.context.new_cdp_session(page)
    protocol.send("Network.enable")
    protocol.send(
        "Network.emulateNetworkConditions",
        {
            "offline": False,
            "latency": 20,
            "downloadThroughput": -1,
            "uploadThroughput": megabits_a_second * MEGABIT,
        },
    )


def padded(garment: DemoProduct, size_bytes: int) -> bytes:
    """A photo of a garment as a file of this size: decoders stop where the JPEG ends."""
    data = garment.photos[0]()
    return data + bytes(max(0, size_bytes - len(data)))


@pytest.mark.parametrize(
    ("megabits_a_second", "size_bytes"),
    [
        (20, 300_000),
        (20, 2_000_000),
        (5, 1_000_000),
        (1, 300_000),
        pytest.param(5, 6_000_000, marks=pytest.mark.slow),
        pytest.param(400, 12_000_000, marks=pytest.mark.slow),
    ],
)
def test_every_photo_arrives_however_long_it_travels(
    visit: Visit, garments: list[DemoProduct], megabits_a_second: float, size_bytes: int
) -> None:
    throttle(visit.page, megabits_a_second)
    for place in (FIRST, SECOND, THIRD):
        visit.upload(padded(garments[place], size_bytes), name=f"{place}.jpg")
        first = visit.cards.first
        expect(first).to_have_attribute("aria-label", garments[place].title, timeout=60_000)
        expect(first.locator(".la-alike")).to_have_text("The same photo")
    assert not visit.errors


def test_the_answer_stays_while_the_next_photo_travels(visit: Visit, garments: list[DemoProduct]) -> None:
    visit.upload(garments[FIRST].photos[0]())
    expect(visit.cards.first).to_have_attribute("aria-label", garments[FIRST].title)
    throttle(visit.page, 1)
    visit.upload(padded(garments[SECOND], 500_000), name="second.jpg")
    expect(visit.page.get_by_test_id("stFileChipIconSpinner")).to_have_count(1)
    expect(visit.page.get_by_role("heading", name="Looks like your photo")).to_be_visible()
    expect(visit.cards.first).to_have_attribute("aria-label", garments[FIRST].title)

    visit.page.get_by_role("button", name="Cancel upload of second.jpg").click()
    expect(visit.page.get_by_test_id("stFileChipIconSpinner")).to_have_count(0)
    expect(visit.cards.first).to_have_attribute("aria-label", garments[FIRST].title)


def test_another_photo_arrives_while_filters_are_set(visit: Visit, garments: list[DemoProduct]) -> None:
    visit.upload(garments[FIRST].photos[0]())
    expect(visit.cards).to_have_count(GARMENTS)
    visit.choose("Store", "shop.example")
    expect(visit.page.locator(".la-store", has_text="shop.example")).to_have_count(GARMENTS)
    throttle(visit.page, 1)
    visit.upload(padded(garments[SECOND], 500_000))
    visit.choose("Colour", garments[SECOND].colour)  # and while it travels
    expect(visit.page).to_have_url(re.compile("colour="))
    expect(visit.cards.first).to_have_attribute("aria-label", garments[SECOND].title, timeout=60_000)
    expect(visit.page).to_have_url(re.compile("store=shop.example.*colour="))


def test_another_photo_ends_a_search_for_more_like_a_product(
    visit: Visit, garments: list[DemoProduct]
) -> None:
    visit.upload(garments[FIRST].photos[0]())
    expect(visit.cards).to_have_count(GARMENTS)
    visit.page.get_by_role("button", name="More like this").nth(2).click()
    expect(visit.page.get_by_role("heading", name="More like")).to_be_visible()
    throttle(visit.page, 5)
    visit.upload(padded(garments[SECOND], 1_000_000))
    expect(visit.page.get_by_role("heading", name="Looks like your photo")).to_be_visible(timeout=60_000)
    expect(visit.cards.first).to_have_attribute("aria-label", garments[SECOND].title)


def test_starting_over_empties_the_page_and_takes_the_next_photo(
    visit: Visit, garments: list[DemoProduct]
) -> None:
    visit.upload(garments[FIRST].photos[0]())
    expect(visit.cards).to_have_count(GARMENTS)
    visit.page.get_by_role("button", name="Start over").click()
    expect(visit.page.get_by_role("heading", name="Seen it somewhere?")).to_be_visible()
    expect(visit.cards).to_have_count(0)
    expect(visit.page.get_by_test_id("stFileChip")).to_have_count(0)
    visit.upload(garments[SECOND].photos[0]())
    expect(visit.cards.first).to_have_attribute("aria-label", garments[SECOND].title)


@pytest.mark.parametrize(
    ("name", "mime", "size_bytes", "reason"),
    [
        ("photo.jpg", "image/jpeg", 21 * 1024 * 1024, "File must be 20.0MB or smaller."),
        ("notes.pdf", "application/pdf", 40_000, "application/pdf files are not allowed."),
        ("photo.heic", "image/heic", 40_000, "image/heic files are not allowed."),
    ],
)
def test_a_file_that_the_browser_refuses_gets_a_sentence_that_all_can_read(
    visit: Visit, garments: list[DemoProduct], name: str, mime: str, size_bytes: int, reason: str
) -> None:
    for before in (False, True):  # on the first page, and beside an answer
        file = {"name": name, "mimeType": mime, "buffer": bytes(size_bytes)}
        visit.page.set_input_files("input[type=file]", files=[file])
        sentence = visit.page.get_by_test_id("stFileUploader").get_by_role("alert")
        expect(sentence).to_have_text(f"Error: {reason}")
        box = sentence.bounding_box()
        assert box
        assert box["width"] > 80
        assert box["height"] > 15
        after = sentence.evaluate("element => getComputedStyle(element, '::after').content")
        assert "JPEG, PNG, WebP, AVIF or GIF of at most 20 MB" in after

        visit.upload(garments[SECOND if before else FIRST].photos[0]())
        wanted = garments[SECOND if before else FIRST].title
        expect(visit.cards.first).to_have_attribute("aria-label", wanted)
        expect(sentence.and_(visit.page.locator(":visible"))).to_have_count(0)  # it is about a file before


def width_of(page: Page, image: Locator) -> int:
    """The pixels that a picture has across, once it is loaded."""
    page.wait_for_function("image => image.complete && image.naturalWidth", arg=image.element_handle())
    return image.evaluate("image => image.naturalWidth")


def test_it_fits_a_phone(browser: Browser, dashboard: str, garments: list[DemoProduct]) -> None:
    context = browser.new_context(
        viewport={"width": 390, "height": 844},
        is_mobile=True,
        has_touch=True,
        color_scheme="dark",
        device_scale_factor=3,
    )
    page = context.new_page()
    page.goto(dashboard)
    page.get_by_test_id("stFileUploader").wait_for()
    Visit(page).upload(garments[2].photos[0]())
    expect(page.get_by_role("article")).to_have_count(GARMENTS, timeout=30_000)
    assert page.evaluate("document.scrollingElement.scrollWidth") <= 390
    query, first = (
        box.bounding_box() for box in (page.locator(".la-query"), page.get_by_role("article").first)
    )
    assert query
    assert first
    assert first["y"] > query["y"] + query["height"]  # under the photo
    assert 130 < first["width"] < 390 / 2  # two in a row

    card, enlarged = (
        page.get_by_role("article").first,
        page.get_by_role("article").first.get_by_role("dialog"),
    )
    assert width_of(page, card.locator(".la-sharp")) >= 2 * first["width"]  # sharp on a phone's screen
    card.get_by_role("button", name="Enlarge").tap()
    expect(enlarged).to_be_in_viewport()
    assert width_of(page, enlarged.get_by_role("img")) == PHOTO_WIDTH  # as the store sent it
    enlarged.get_by_role("button", name="Close").tap()
    expect(enlarged).not_to_be_visible()

    page.get_by_role("button", name="More like this").nth(4).tap()  # the last of them, far below
    expect(page.get_by_role("heading", name="More like")).to_be_in_viewport()
    context.close()
