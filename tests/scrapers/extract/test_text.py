"""Text of a store is stored without characters that are invisible or steer what shows it."""

import pytest

from scrapers.extract.text import clean, plain


@pytest.mark.parametrize(
    "odd",
    [
        "\0",
        "\x07",
        "\x1b",
        "\x7f",
        "\x9b",
        "\u200b",
        "\u200e",
        "\u202e",
        "\u2028",
        "\u2066",
        "\ufeff",
        "\ud800",
    ],
)
@pytest.mark.parametrize("read", [lambda text: clean(text, 100), plain])
def test_control_characters_and_bidi_marks_are_gone(odd, read):
    assert read(f"{odd}Dr{odd}ess {odd}red{odd}") == "Dress red"


@pytest.mark.parametrize(
    "entity", ["&#8238;", "&#x202e;", "&amp;#8238;", "&#8203;", "&#7;", "&ZeroWidthSpace;"]
)
def test_they_are_gone_when_they_are_entities(entity):
    assert plain(f"Dr{entity}ess") in ("Dress", "Dr\ufffdess")
