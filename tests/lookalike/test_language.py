"""The languages of what a visitor reads."""

from __future__ import annotations

import ast
import re
import string
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from lookalike import language
from lookalike.language import ENGLISH, LANGUAGES, plural, preferred, spoken, translated
from lookalike.locales import update
from lookalike.templates import TEMPLATES

REPOSITORY = Path(__file__).parents[2]
OTHERS = [code for code in LANGUAGES if code != ENGLISH]

FOR_OPERATORS = ("server.py",)
"""English alone."""

SCRIPTS = ("scripts.py",)
"""What a browser runs."""

FOR_VISITORS = (
    "card",
    "elsewhere",
    "enlarge",
    "gallery",
    "news",
    "photo",
    "price",
    "product",
    "query",
    "saved",
    "section",
)
"""Templates of the dashboard's pages."""

NO_TEXT = re.compile(r"Lookalike|Accept|UTC|Source|[A-Z]+|[A-Z][a-z]+/[A-Z][a-z]+")


@pytest.mark.parametrize("code", OTHERS)
def test_every_text_is_translated_with_its_values(code: str) -> None:
    catalogue = update.read(code)
    assert {one.id for one in catalogue} == {one.id for one in update.texts()}, "Run `make translations`."
    for message in catalogue:
        if not message.id:
            continue
        texts = message.id if isinstance(message.id, tuple) else (message.id,)
        translations = message.string if isinstance(message.string, tuple) else (message.string,)
        for one in translations:
            assert one, f"{code}: {message.id!r} has no translation"
            assert names(one) == names(texts[-1]), f"{code}: {one!r} has other names than {texts[-1]!r}"
        assert not message.fuzzy


@pytest.mark.parametrize("code", OTHERS)
def test_what_is_compiled_is_what_is_written(code: str) -> None:
    compiled = update.po_file(code).with_suffix(".mo").read_bytes()
    assert compiled == update.compiled(update.read(code)), "Run `make translations`."


def names(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


@pytest.mark.parametrize(
    "file",
    [
        file
        for file in sorted((REPOSITORY / "dashboards").glob("*.py"))
        if file.name not in (*FOR_OPERATORS, *SCRIPTS)
    ],
    ids=lambda file: file.name,
)
def test_no_text_of_a_page_is_unmarked(file: Path) -> None:
    assert list(unmarked(file.read_text("utf-8"))) == []


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ('st.button("Show more")', ["Show more"]),
        ('st.html(f"<h1>Browse {name}</h1>")', ["<h1>Browse "]),
        ('draw(_("Show more"), plural("One store", "More stores", 2))', []),
        ('"""Draws it."""\nKEY = "la-key"\n"""A key."""', []),
    ],
)
def test_unmarked_texts_are_found(source: str, found: list[str]) -> None:
    assert list(unmarked(source)) == found


def unmarked(source: str) -> Iterator[str]:
    """Texts that a visitor would read and nothing marks: they begin with a capital letter or have words."""
    tree = ast.parse(source)
    own = {
        id(inner)
        for node in ast.walk(tree)
        if (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in update.FORMS)
        or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))  # a docstring
        or isinstance(node, ast.Raise)
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if not isinstance(node, ast.Constant) or not isinstance(node.value, str) or id(node) in own:
            continue
        shown = re.sub(r"<style>.*|<script>.*|<[^>]*>?|[^<]*>(?=$)|&\w+;", " ", node.value)
        words = re.findall(r"(?<![\w./:#-])[A-Z][a-z]+(?: [a-z]+)*", shown)
        if any(not NO_TEXT.fullmatch(word) for word in words):
            yield node.value


@pytest.mark.parametrize("name", FOR_VISITORS)
def test_no_text_of_a_card_is_unmarked(name: str) -> None:
    source = re.sub(r"\{%.*?%\}|\{\{.*?\}\}|<[^<>]*>", " ", TEMPLATES[name], flags=re.DOTALL)
    assert not re.search(r"[A-Za-z]{2}", source), source


@pytest.mark.parametrize(
    ("accepted", "expected"),
    [
        ("de-AT,de;q=0.9,en;q=0.8", "de"),
        ("pt-BR,es-MX;q=0.8,en;q=0.5", "es"),
        ("fr;q=0,en", "en"),
        ("en;q=0.3, FR-ca;q=0.7", "fr"),
        ("zh, de;q=x", "en"),
        ("es ; q=0.5, de ; q=0.4", "es"),
        ("*", "en"),
        ("", "en"),
        ("," * 100_000 + "de", "en"),
    ],
)
def test_the_browser_says_which_language(accepted: str, expected: str) -> None:
    assert preferred(accepted) == expected


@pytest.mark.parametrize(
    ("code", "none", "one", "many"),
    [
        ("en", "0 products", "1 product", "1,234 products"),
        ("de", "0 Produkte", "1 Produkt", "1.234 Produkte"),
        ("fr", "0 produit", "1 produit", "1\u202f234 produits"),
        ("es", "0 productos", "1 producto", "1.234 productos"),
    ],
)
def test_numbers_take_their_plural(code: str, none: str, one: str, many: str) -> None:
    with spoken(code):
        found = [plural("{count} product", "{count} products", count) for count in (0, 1, 1234)]
    assert found == [none, one, many]


@pytest.mark.parametrize(
    ("code", "day", "price", "share"),
    [
        ("en", "28 November 2026", "€1,049.90", "42%"),
        ("de", "28. November 2026", "1.049,90 €", "42 %"),
        ("fr", "28 novembre 2026", "1\u202f049,90 €", "42 %"),
        ("es", "28 de noviembre de 2026", "1.049,90 €", "42 %"),
    ],
)
def test_days_prices_and_shares_are_the_languages_own(code: str, day: str, price: str, share: str) -> None:
    with spoken(code):
        found = (
            language.day(date(2026, 11, 28)),
            language.price(Decimal("1049.90"), "EUR"),
            language.percent(0.42),
        )
    assert [one.replace("\xa0", " ") for one in found] == [day, price, share]


def test_a_language_is_spoken_for_a_while() -> None:
    with spoken("de"):
        assert translated("Show more") == "Mehr zeigen"
    assert translated("Show more") == "Show more"


@pytest.mark.parametrize("code", LANGUAGES)
def test_no_text_is_no_text_in_any_language(code: str) -> None:
    with spoken(code):
        assert translated("") == ""
