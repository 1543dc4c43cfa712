"""What a store wrote shows no invisible characters in any HTML of results."""

from __future__ import annotations

import pytest

from lookalike.rendering import escaped, render

HIDDEN = "\u202egpj" + chr(0xE0041) + "\u200b\x1b"
TEXTS = {
    "title": f"Dress{HIDDEN}",
    "brand": f"Acme{HIDDEN}",
    "store": f"shop{HIDDEN}",
    "why": f"goes{HIDDEN}",
}


class Card:
    """A match as the template reads it, whose every text holds invisible characters."""

    url, price, was_price, currency, seen, because = "https://x.example/", None, None, None, None, None
    availability, evidence, also_at, score, rank = "in_stock", (), (), 0.5, 1

    def __getattr__(self, name: str) -> str:
        return TEXTS[name]

    def thumbnail(self) -> bytes:
        return b"\xff\xd8"


@pytest.mark.parametrize("text", TEXTS.values())
def test_a_card_shows_what_is_visible_only(text: str) -> None:
    html = render("card", match=Card())
    assert text not in html
    assert text.replace(HIDDEN, "gpj ") in html
    assert not {*HIDDEN} - {*"gpj"} & {*html}


def test_html_outside_a_template_does_so_too() -> None:
    assert escaped(f"<b>{HIDDEN}") == "&lt;b&gt;gpj "


def test_a_no_break_space_and_our_own_markup_stay() -> None:
    html = render("query", jpeg=b"", caption="A\u00a0photo", seen_as="dress 90 %, red 5 %")
    assert "90\u00a0%" in html
    assert "A\u00a0photo" in html
    assert "<figure" in html
