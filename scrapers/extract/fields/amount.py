"""Amounts of money as stores write them: `1.299,00 €`, `Rs. 3.350`, `24.990`, `13’990`, `￥2900`, 49.9."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from functools import lru_cache

from price_parser import Price

from scrapers.extract.candidates import RawPrice

MAX_AMOUNT = Decimal(10) ** 12

_WHOLE_ONLY = """
    BIF CLP COP CRC DJF GNF HUF IDR IQD ISK JPY KMF KRW LAK MMK PYG RWF TWD UGX UYI VND VUV XAF XOF XPF
"""
_NO_MINOR = frozenset(_WHOLE_ONLY.split())
"""Currencies whose prices are written without minor units, whatever ISO 4217 says."""
_THREE_MINOR = frozenset({"BHD", "JOD", "KWD", "LYD", "OMR", "TND"})

_PLAIN = re.compile(r"\d+(?:\.\d+)?")
_THREE_DIGITS = re.compile(r"[1-9]\d{0,2}\.\d{3}")
_APOSTROPHES = re.compile(r"(?<=\d)['’`´](?=\d{3})")


# The same amount stands in many places of a page, and of a store.
@lru_cache(maxsize=8192, typed=True)
def parse_amount(raw: RawPrice, currency: str | None = None) -> Decimal | None:
    """An amount as a decimal.

    :param currency: ISO code where it is known: `24.990` is a little under 25 dinars, and 24 990 pesos.
    :return: None where it is no amount, or not a positive one.
    """
    if raw is None or isinstance(raw, bool):
        return None
    text = str(raw).strip()[:100]
    if _THREE_DIGITS.fullmatch(text) and (isinstance(raw, str) or currency in _NO_MINOR):
        amount = Decimal(text if currency in _THREE_MINOR else text.replace(".", ""))
    elif _PLAIN.fullmatch(text):
        amount = Decimal(text)
    elif isinstance(raw, str):
        found = Price.fromstring(_APOSTROPHES.sub("", text)).amount
        if found is None:
            return None
        amount = found
    else:
        try:
            amount = Decimal(text)  # 1E+3, from JSON
        except InvalidOperation:
            return None
    return amount if amount.is_finite() and 0 < amount < MAX_AMOUNT else None
