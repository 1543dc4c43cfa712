"""Reads a shop's currency switcher: `$ US Dollar`, links to `?currency=USD`."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from functools import lru_cache
from itertools import islice
from urllib.parse import parse_qs, urlsplit

import lxml.html
from babel import Locale, UnknownLocaleError
from babel.numbers import list_currencies

from scrapers.extract.page import Page

MAX_ENTRIES = 300
"""Entries of currency switchers that are read."""
MAX_TEXT = 60
"""Characters of an entry."""

_CODES = frozenset(list_currencies())
_CODE = re.compile(r"(?<![A-Za-z])[A-Z]{3}(?![A-Za-z])")
_NEAR = " | ".join("/".join([".."] * steps) for steps in range(1, 5))
_ENTRIES = " | ".join(
    [
        "//option",
        "//button",
        "//a[contains(@href, 'urrency=')]",
        "//a[contains(@class, 'urrency')]",
        "//*[@data-currency or @data-currency-code or @data-code]",
        "//*[self::strong or self::span][not(*)]"
        f"[({_NEAR})[contains(@class, 'urrency') or contains(@id, 'urrency')]]",
    ]
)
_CURRENCY_NAME = re.compile(
    r"curr(?:enc|_|-|$)|valuta|w[aä]hrung|waehrung|devise|moneda|moeda|mena|waluta|валют", re.I
)
_NAMES = ("name", "value", "data-currency", "data-currency-code", "data-code", "data-value")
_MARKS = ("selected", "active", "current", "checked")
_NOT_A_NAME = re.compile(r"[^\w\s]|\d")


def code_of_shop(page: Page, codes: Collection[str], symbol: str) -> str | None:
    """The one of `codes` that the switcher has selected, or that alone it lists with the symbol.

    :param codes: the currencies that the symbol may mean.
    """
    offered: set[str] = set()
    with_symbol: set[str] = set()
    for code, text, chosen in islice(_offered(page), MAX_ENTRIES):
        if code in codes and chosen:
            return code
        offered.add(code)
        if code in codes and symbol in text:
            with_symbol.add(code)
    if len(with_symbol) == 1:
        return with_symbol.pop()
    if len(offered) == 1 and not offered.isdisjoint(codes):
        return offered.pop()  # Magento shows the chosen one alone, the others in a list that opens
    named = {code_of_name(text, page.language) for text in _texts_beside(page, symbol)}.intersection(codes)
    return named.pop() if len(named) == 1 else None


def code_of_name(text: str, language: str) -> str | None:
    """The code of a currency by its name in a language or in English: `US Dollar`, `Schweizer Franken`."""
    name = " ".join(_NOT_A_NAME.sub(" ", text).split()).casefold()
    if not 4 <= len(name) <= MAX_TEXT:
        return None
    return _names(re.split(r"[-_]", language)[0].lower()).get(name) or _names("en").get(name)


def _offered(page: Page) -> Iterator[tuple[str, str, bool]]:
    """Code, text and whether it is selected, for each entry of the page's switchers."""
    for element in islice(page.tree.xpath(_ENTRIES), 20 * MAX_ENTRIES):
        text = " ".join(element.text_content()[: 4 * MAX_TEXT].split())[:MAX_TEXT]
        code = next(filter(None, map(_code, _values(element))), None) or _code_in(text, page.language)
        if code and _is_of_currencies(element):
            classes = (element.get("class") or "").lower().split()
            chosen = any(element.get(mark) is not None or mark in classes for mark in _MARKS)
            yield code, text, chosen or element.get("aria-current") is not None


def _code_in(text: str, language: str) -> str | None:
    """The code that an entry's text gives or names: `USD - US Dollar`, `Euro`."""
    found = _CODE.search(text)
    return found[0] if found and found[0] in _CODES else code_of_name(text, language)


def _values(element: lxml.html.HtmlElement) -> Iterator[str]:
    for name in _NAMES:
        if value := element.get(name):
            yield value
    href = element.get("href") or ""
    if "urrency=" in href:
        try:
            yield from (
                value for name, (value, *_) in parse_qs(urlsplit(href).query).items() if "urrency" in name
            )
        except ValueError:
            return


def _code(value: str) -> str | None:
    found = _CODE.fullmatch(value.strip().upper()) if len(value) < 10 else None
    return found[0] if found and found[0] in _CODES else None


def _is_of_currencies(element: lxml.html.HtmlElement) -> bool:
    """Whether the element, or one around it, is named after currencies."""
    current: lxml.html.HtmlElement | None = element
    for _ in range(6):
        if current is None:
            return False
        called = (current.get(name) or "" for name in ("id", "class", "name", "action", "href", "aria-label"))
        if (
            any(_CURRENCY_NAME.search(name[:300]) for name in called)
            or current.get("data-currency") is not None
        ):
            return True
        current = current.getparent()
    return False


def _texts_beside(page: Page, symbol: str) -> Iterator[str]:
    """Short texts that begin or end with the symbol, without it: `$ US Dollar`."""
    for element in page.tree.iter("span", "button", "strong", "a", "li", "div", "option", "b", "label"):
        text = element.text or ""
        if symbol in text and len(text) <= 2 * MAX_TEXT:
            bare = text.strip(" \t\r\n\u00a0()")
            if bare.startswith(symbol) or bare.endswith(symbol):
                yield bare.replace(symbol, " ")


@lru_cache(maxsize=32)
def _names(language: str) -> dict[str, str]:
    """Case-folded names of currencies in a language, to codes."""
    try:
        locale = Locale.parse(language)
    except (ValueError, UnknownLocaleError):
        return {}
    return {" ".join(name.split()).casefold(): code for code, name in locale.currencies.items()}
