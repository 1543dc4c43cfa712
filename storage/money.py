"""Formats prices for people and for programs."""

from __future__ import annotations

from decimal import Decimal

from babel.core import Locale, UnknownLocaleError
from babel.numbers import format_currency, get_currency_precision

from storage.errors import InputError


def decimal_string(price: Decimal | None, currency: str | None) -> str | None:
    """A price as a decimal string with its currency's number of digits, or more if the value needs them.

    `49.9` EUR is `49.90`, `2900` JPY is `2900`, `1.234` KWD is `1.234`, `0.125` EUR is `0.125`.
    """
    return None if price is None else f"{price:.{_digits(price, currency)}f}"


def display_price(price: Decimal | None, currency: str | None, locale: str = "en") -> str:
    """A price for people, for example `€49.90`; empty if there is none.

    :raises InputError: no such locale.
    """
    if price is None:
        return ""
    if not currency:
        return decimal_string(price, None) or ""
    try:
        known = Locale.parse(locale.replace("-", "_"))
    except (UnknownLocaleError, ValueError) as error:
        raise InputError(f"There is no locale '{locale}'. Give one such as 'en' or 'de_CH'.") from error
    # Rounded here and not by the locale, so that it equals `decimal_string`.
    rounded = round(price, _digits(price, currency))
    return format_currency(rounded, currency, locale=known, decimal_quantization=False)


def _digits(price: Decimal, currency: str | None) -> int:
    usual = get_currency_precision(currency) if currency else 2
    exponent = price.normalize().as_tuple().exponent
    return max(usual, -exponent) if isinstance(exponent, int) else usual
