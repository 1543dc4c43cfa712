"""Text of strangers is made safe to print, and all else of it stays."""

from __future__ import annotations

import pickle
import sys
import unicodedata

import pytest

from storage.errors import InputError, LookalikeError
from storage.printable import printable

LOOKS_LIKE_EXE = "photo\u202egpj.exe"
TAGGED = "dress" + "".join(chr(0xE0000 + ord(char)) for char in "ignore this")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b]0;owned\x07red \x9b31mdress", " ]0;owned red  31mdress"),
        ("one\r\ntwo\u2028three", "one  two three"),
        (LOOKS_LIKE_EXE, "photogpj.exe"),
        (TAGGED, "dress"),
        ("a\u200bd\u00admi\ufeffn\u2066\u2069", "admin"),
        ("half \ud83d of one", "half  of one"),
        ("\U000e0101\ue000\U0010fffd", ""),
    ],
)
def test_what_steers_or_hides_is_gone(text: str, shown: str) -> None:
    assert printable(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "",
        "A linen dress",
        "Größe\u00a042",
        "€\u202f5,00",
        "می\u200cخواهم",
        "👩\u200d👧",
        "❤\ufe0f",
        "ワンピース\u3000赤",
        "क्\u200dष",
    ],
)
def test_what_people_write_stays(text: str) -> None:
    assert printable(text) == text
    assert printable(text, lines=True) == text


def test_lines_stay_where_they_are_wanted() -> None:
    assert printable("one\ntwo\x1b[2J\rthree", lines=True) == "one\ntwo [2J\nthree"


def test_of_all_characters_none_is_left_that_steers_or_hides() -> None:
    everything = "".join(map(chr, range(sys.maxunicode + 1)))
    kept = set(printable(everything))
    assert {char for char in kept if unicodedata.category(char) in ("Cc", "Cs", "Co", "Zl", "Zp")} == set()
    formats = {char for char in kept if unicodedata.category(char) == "Cf"}
    bidi = {
        char for char in everything if unicodedata.bidirectional(char) in ("LRE", "RLE", "LRO", "RLO", "PDF")
    }
    bidi |= {char for char in everything if unicodedata.bidirectional(char) in ("LRI", "RLI", "FSI", "PDI")}
    assert not formats & bidi
    # What is left of them is drawn: signs of Arabic and Egyptian numbers. And the two joiners.
    assert {"\u200c", "\u200d"} <= formats
    assert len(formats) < 40
    lost = {char for char in set(everything) - kept if unicodedata.category(char)[0] in "LNPS"}
    assert lost == set("\u115f\u1160\u3164\uffa0")  # fillers, which are letters that are not drawn


@pytest.mark.parametrize("kind", [LookalikeError, InputError])
def test_an_error_is_one_safe_line_wherever_it_is_shown(kind: type[LookalikeError]) -> None:
    error = kind(f"{LOOKS_LIKE_EXE}\nis \x1b[31mred.")
    assert str(error) == f"{error}" == "photogpj.exe is  [31mred."
    assert str(pickle.loads(pickle.dumps(error))) == str(error)
