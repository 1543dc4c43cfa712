"""The demo's contact sheet: everything on it, nothing hostile in it, good on any screen."""

from __future__ import annotations

import base64
import io
from dataclasses import replace
from decimal import Decimal
from html.parser import HTMLParser

import pytest
from PIL import Image

from lookalike.demo.contact_sheet import Facts, render
from lookalike.matches import Match, Matches

FACTS = Facts(stores=3, products=1300, photos=2616, seconds=61.4)


def jpeg(colour: str) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (192, 256), colour).save(buffer, "JPEG")
    return buffer.getvalue()


def match(rank: int = 1, **facts) -> Match:
    usual = Match(
        rank=rank,
        score=0.987,
        store="north",
        product_id=str(rank),
        title="Linen dress in navy",
        brand="Ostra",
        category="Dresses",
        price=Decimal("49.9"),
        was_price=None,
        currency="EUR",
        availability="in_stock",
        url=f"https://north.example/p/{rank}?a=1&b=2",
        image_url=None,
        seen=None,
        image_id="0" * 64,
        photo=lambda: jpeg("navy"),
    )
    return replace(usual, **facts)


def sheet(*matches: Match, **options) -> str:
    found = Matches(matches, generation="20260101T000000Z-abc", query="query.jpg")
    return render(found, jpeg("red"), FACTS, wanted="a dress in navy", **options)


class Tags(HTMLParser):
    """Every tag with its attributes, and all text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data

    def all(self, name: str) -> list[dict[str, str | None]]:
        return [attributes for tag, attributes in self.tags if tag == name]


def test_it_shows_the_photo_five_cards_and_what_the_run_did():
    read = Tags(sheet(*(match(rank) for rank in range(1, 6))))
    assert len(read.all("img")) == 6
    assert len(read.all("li")) == 5
    for text in ("Linen dress in navy", "Ostra", "€49.90", "north", "99%", "View in store"):
        assert read.text.count(text) >= 5
    for text in ("1,300", "2,616", "61", "20260101T000000Z-abc", "a dress in navy"):
        assert text in read.text


def test_it_needs_nothing_else():
    read = Tags(sheet(match()))
    assert all(image["src"].startswith("data:image/jpeg;base64,") for image in read.all("img"))
    shown = [base64.b64decode(image["src"].partition(",")[2]) for image in read.all("img")]
    assert shown == [jpeg("red"), jpeg("navy")]
    assert not read.all("script")
    assert not read.all("link")
    assert not read.all("iframe")
    assert "url(" not in sheet(match())
    assert "@import" not in sheet(match())


def test_links_open_apart_and_tell_the_store_nothing():
    links = Tags(sheet(match())).all("a")
    assert {link["href"] for link in links} == {"https://north.example/p/1?a=1&b=2"}
    assert {link["rel"] for link in links} == {"noopener noreferrer nofollow"}


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "data:text/html,x", "file:///etc/passwd", "//x", "", None]
)
def test_a_link_leads_to_the_web_or_nowhere(url):
    assert not Tags(sheet(match(url=url))).all("a")


HOSTILE = "</title><script>alert(1)</script><img src=x onerror='alert(1)'>\"><b>"


@pytest.mark.parametrize("field", ["title", "brand", "store", "currency", "availability"])
def test_what_a_store_wrote_stays_text(field):
    usual, hostile = Tags(sheet(match())), Tags(sheet(match(**{field: HOSTILE})))
    assert [tag for tag, _ in hostile.tags] == [tag for tag, _ in usual.tags]
    assert not any(name.startswith("on") for _, attributes in hostile.tags for name in attributes)
    if field not in ("currency", "availability"):
        assert HOSTILE in hostile.text


def test_a_hostile_link_stays_an_attribute():
    url = 'https://north.example/"><script>alert(1)</script>'
    read = Tags(sheet(match(url=url)))
    assert not read.all("script")
    assert read.all("a")[0]["href"] == url


def test_what_a_store_does_not_say_is_left_out():
    read = Tags(sheet(match(title=None, brand=None, price=None, currency=None, availability=None, url=None)))
    assert "None" not in read.text
    assert "Untitled product" in read.text
    assert "Price at the store" in read.text


def test_a_reduced_price_and_a_sold_out_product_are_marked():
    read = Tags(sheet(match(was_price=Decimal("80"), availability="out_of_stock")))
    assert len(read.all("s")) == 1
    assert "€80.00" in read.text
    assert "Out of stock" in read.text


def test_no_matches_make_a_sheet_too():
    assert not Tags(sheet()).all("li")
