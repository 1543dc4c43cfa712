"""Prices as strings."""

from __future__ import annotations

from decimal import Decimal

import pytest

from storage.errors import InputError
from storage.money import decimal_string, display_price


@pytest.mark.parametrize(
    ("price", "currency", "expected"),
    [
        (Decimal("49.9000"), "EUR", "49.90"),
        (Decimal("2900.0000"), "JPY", "2900"),
        (Decimal("1.2340"), "KWD", "1.234"),
        (Decimal("0.005"), "EUR", "0.005"),
        (Decimal("1E+2"), "EUR", "100.00"),
        (Decimal("12"), None, "12.00"),
        (None, "EUR", None),
    ],
)
def test_decimal_string(price: Decimal | None, currency: str | None, expected: str | None) -> None:
    assert decimal_string(price, currency) == expected


@pytest.mark.parametrize(
    ("price", "currency", "locale", "expected"),
    [
        (Decimal("1299.9"), "EUR", "en", "€1,299.90"),
        (Decimal("1299.9"), "EUR", "de", "1.299,90\xa0€"),
        (Decimal("2900"), "JPY", "en", "¥2,900"),
        (Decimal("12.5"), None, "en", "12.50"),
        (Decimal("49.9000"), "EUR", "en", "€49.90"),
        (Decimal("0.1250"), "EUR", "en", "€0.125"),
        (Decimal("10.0000"), "KWD", "en", "KWD10.000"),
        (Decimal("5.5"), "CHF", "de-CH", "CHF\xa05.50"),
        (None, "EUR", "en", ""),
    ],
)
def test_display_price(price: Decimal | None, currency: str | None, locale: str, expected: str) -> None:
    assert display_price(price, currency, locale) == expected


def test_an_unknown_locale_is_named() -> None:
    for locale in ("xx-nowhere", "", "e"):
        with pytest.raises(InputError, match=f"There is no locale '{locale}'"):
            display_price(Decimal(1), "EUR", locale)
