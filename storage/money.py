"""Prices as people and programs read them."""

from __future__ import annotations

from decimal import Decimal

from babel.core import UnknownLocaleError
from babel.numbers import format_currency, get_currency_precision


def decimal_string(price: Decimal | None, currency: str | None) -> str | None:
    """A price as a plain decimal string with the digits its currency has, never fewer than the value needs.

    `49.9` EUR is `49.90`, `2900` JPY is `2900`, `1.234` KWD is `1.234`.
    """
    if price is None:
        return None
    digits = get_currency_precision(currency) if currency else 2
    needed = -int(price.normalize().as_tuple().exponent)
    return f"{price:.{max(digits, needed)}f}"


def display_price(price: Decimal | None, currency: str | None, locale: str = "en") -> str:
    """A price for people, for example `€49.90`; empty where there is none.

    :raises ValueError: no such locale.
    """
    if price is None:
        return ""
    if not currency:
        return decimal_string(price, None) or ""
    try:
        return format_currency(price, currency, locale=locale)
    except (UnknownLocaleError, ValueError) as error:
        raise ValueError(f"No locale '{locale}'.") from error
