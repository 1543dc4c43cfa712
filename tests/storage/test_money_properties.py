"""Prices in every locale: what people see is the amount that programs get."""

from __future__ import annotations

import unicodedata
from decimal import Decimal

from babel.core import Locale
from babel.localedata import locale_identifiers
from babel.numbers import get_decimal_symbol, list_currencies
from hypothesis import given
from hypothesis import strategies as st

from scrapers.extract.fields.amount import parse_amount
from storage.money import decimal_string, display_price
from tests.properties import examined

LOCALES = sorted(locale_identifiers())
amounts = st.decimals(Decimal("0.0001"), Decimal("99999999999.9999"), places=4, allow_nan=False)
currencies = st.sampled_from(sorted(list_currencies()))


def number_in(shown: str, locale: str) -> Decimal:
    """The number that a text shows, by the locale's own decimal separator."""
    symbol = get_decimal_symbol(Locale.parse(locale))
    digits = [
        "." if char == symbol else str(unicodedata.digit(char))
        for char in shown
        if char == symbol or unicodedata.category(char) == "Nd"
    ]
    return Decimal("".join(digits).strip(".") or "0")


@examined
@given(amounts, currencies, st.sampled_from(LOCALES))
def test_what_is_shown_is_what_is_stored(price: Decimal, currency: str, locale: str) -> None:
    text = decimal_string(price, currency)
    assert text is not None
    assert Decimal(text) == price
    assert number_in(display_price(price, currency, locale), locale) == price


def test_every_locale_shows_a_price() -> None:
    for locale in LOCALES:
        assert number_in(display_price(Decimal("1234.5"), "EUR", locale), locale) == Decimal("1234.5")


@examined
@given(amounts)
def test_an_amount_that_programs_write_is_read_back(price: Decimal) -> None:
    assert parse_amount(str(price), None) == price
    assert parse_amount(float(price)) == Decimal(str(float(price)))
