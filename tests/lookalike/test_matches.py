from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest

from lookalike.matches import AlsoAt, Match, Matches
from lookalike.rendering import safe_link
from tests.catalogues import jpeg

PHOTO = jpeg((200, 30, 30))


def match(rank: int = 1, **facts: Any) -> Match:
    stated: dict[str, Any] = {
        "score": 0.91234567,
        "store": "a.example",
        "product_id": f"p{rank}",
        "title": "Linen dress",
        "brand": "Acme",
        "category": "Women > Dresses",
        "price": Decimal("49.9000"),
        "was_price": None,
        "currency": "EUR",
        "availability": "in_stock",
        "url": "https://a.example/p/1",
        "image_url": "https://a.example/i/1.jpg",
        "seen": datetime(2026, 11, 20, 3, 30, tzinfo=UTC),
        "image_id": "f" * 64,
        "photo": lambda: PHOTO,
    }
    return Match(rank=rank, **stated | facts)


def offer(store: str = "b.example", price: str | None = "45", **facts: Any) -> AlsoAt:
    stated: dict[str, Any] = {
        "product_id": "p9",
        "title": "Linen dress",
        "price": None if price is None else Decimal(price),
        "currency": "EUR",
        "availability": None,
        "url": f"https://{store}/p/9",
    }
    return AlsoAt(store=store, **stated | facts)


def some(*found: Match, query: str = "dress.jpg") -> Matches:
    return Matches(found, generation="20261120T030000Z-0123456789ab", query=query)


class Tags(HTMLParser):
    """The tags of some HTML, with their attributes, and its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_json_form_is_the_documented_one() -> None:
    document = some(match(), match(2, price=None, seen=None, currency=None)).to_dict()
    assert list(document) == ["generation", "matches", "warning"]
    assert document["warning"] is None
    assert document["matches"][0] == {
        "rank": 1,
        "score": 0.912346,
        "store": "a.example",
        "product_id": "p1",
        "title": "Linen dress",
        "brand": "Acme",
        "category": "Women > Dresses",
        "price": "49.90",
        "currency": "EUR",
        "availability": "in_stock",
        "url": "https://a.example/p/1",
        "image_url": "https://a.example/i/1.jpg",
        "seen": "2026-11-20T03:30:00Z",
    }
    assert document["matches"][1]["price"] is None
    assert document["matches"][1]["seen"] is None
    assert json.loads(json.dumps(document)) == document


@pytest.mark.parametrize(
    ("price", "currency", "text"), [("2900.0000", "JPY", "2900"), ("1.2340", "KWD", "1.234")]
)
def test_prices_have_the_digits_of_their_currency(price: str, currency: str, text: str) -> None:
    assert match(price=Decimal(price), currency=currency).to_dict()["price"] == text


def test_matches_are_a_sequence() -> None:
    matches = some(match(1), match(2), match(3))
    assert len(matches) == 3
    assert [one.rank for one in matches] == [1, 2, 3]
    assert matches[0].id == "a.example:p1"
    assert matches[-1].rank == 3
    assert [one.rank for one in matches[1:]] == [2, 3]
    assert matches[1:].generation == matches.generation
    assert match(2) in matches
    assert matches == some(match(1), match(2), match(3))
    assert matches[0].thumbnail() == PHOTO


def test_printed_they_can_be_read() -> None:
    lines = repr(some(match(), match(2, price=None, title=None))).splitlines()
    assert lines == [
        "2 matches for dress.jpg in generation 20261120T030000Z-0123456789ab",
        "  1  0.912  a.example:p1  Linen dress  49.9 EUR",
        "  2  0.912  a.example:p2",
    ]


def test_pandas_has_a_row_a_match() -> None:
    frame = some(match(), match(2, price=None, seen=None)).to_pandas()
    assert list(frame.columns)[:5] == ["rank", "score", "store", "product_id", "title"]
    assert frame[["price", "was_price"]].dtypes.tolist() == [np.float64, np.float64], "to calculate with"
    assert frame["price"].fillna(-1).tolist() == [49.9, -1]
    assert str(frame["seen"].dtype).startswith("datetime64")
    assert frame["seen"].isna().tolist() == [False, True]
    assert "photo" not in frame.columns
    assert list(some().to_pandas().columns) == list(frame.columns)
    assert some().to_pandas().dtypes.tolist()[:2] == frame.dtypes.tolist()[:2]


def test_a_notebook_shows_photos_prices_and_links() -> None:
    matches = Matches(
        [match(), match(2, was_price=Decimal(80))],
        generation="g",
        query="dress.jpg",
        pictures=lambda: [PHOTO],
    )
    page = Tags(matches._repr_html_())
    images = [facts for tag, facts in page.tags if tag == "img"]
    assert len(images) == 3
    assert all(str(facts["src"]).startswith("data:image/jpeg;base64,") for facts in images)
    links = [facts for tag, facts in page.tags if tag == "a"]
    assert len(links) == 4
    assert all(facts["href"] == "https://a.example/p/1" for facts in links)
    assert all("noopener" in str(facts["rel"]) for facts in links)
    for words in (
        "2 matches for dress.jpg",
        "Linen dress",
        "€49.90",
        "€80.00",
        "In stock",
        "a.example",
        "91% alike",
    ):
        assert words in page.text


def test_a_notebook_without_matches_says_so() -> None:
    assert "0 matches for dress.jpg" in Tags(some()._repr_html_()).text


def test_a_card_names_where_else_the_photo_is_sold() -> None:
    also = tuple(
        offer(f"{store}.example", price)
        for store, price in zip("bcdef", ["45", "46", None, "48", "49"], strict=True)
    )
    page = Tags(some(match(also_at=also, evidence=("photo", "title")))._repr_html_())
    lines = "also at b.example\n€45.00also at c.example\n€46.00and 3 more"
    assert lines in page.text
    assert "Same photo, title" in page.text
    links = [facts["href"] for tag, facts in page.tags if tag == "a"]
    assert links[1:-1] == [f"https://{store}.example/p/9" for store in "bc"]


HOSTILE = "\"><script>alert(1)</script><img src=x onerror=alert(1)>'&<"


def test_nothing_a_store_wrote_becomes_markup() -> None:
    facts = dict.fromkeys(
        ("title", "brand", "category", "currency", "availability", "store", "product_id"), HOSTILE
    )
    other = offer(HOSTILE, title=HOSTILE, product_id=HOSTILE, url="javascript:alert(1)", currency=HOSTILE)
    hostile = match(
        **facts,
        also_at=(other,),
        evidence=(HOSTILE,),
        url=f"https://a.example/{HOSTILE}",
        image_url="https://tracker.example/pixel.gif",
    )
    html = some(hostile, query=HOSTILE)._repr_html_()
    page = Tags(html)
    assert {tag for tag, _ in page.tags} <= {
        "style",
        "div",
        "p",
        "article",
        "h3",
        "span",
        "a",
        "img",
        "ul",
        "li",
    }
    assert not [name for _, facts in page.tags for name in facts if name.startswith("on")]
    assert "tracker.example" not in html
    assert "javascript" not in html
    assert page.text.count("<script>alert(1)</script>") >= 3


@pytest.mark.parametrize(
    ("url", "safe"),
    [
        ("https://a.example/p?x=1&y=2", True),
        (" http://a.example ", True),
        ("javascript:alert(1)", False),
        ("JAVASCRIPT:alert(1)", False),
        ("data:text/html,x", False),
        ("file:///etc/passwd", False),
        ("//a.example/p", False),
        ("https://", False),
        ("http://[::1", False),
        ("", False),
        (None, False),
    ],
)
def test_only_links_a_browser_may_follow_are_drawn(url: str | None, safe: bool) -> None:
    assert (safe_link(url) is not None) == safe
    tags = Tags(some(match(url=url))._repr_html_()).tags
    assert len([1 for tag, _ in tags if tag == "a"]) == (2 if safe else 0)
