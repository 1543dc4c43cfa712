"""Parses amounts of money as stores write them: `1.299,00 €`, `Rs. 3.350`, `24.990`, `13’990`, `￥2900`,
49.9."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from functools import lru_cache, partial

from price_parser import Price

from scrapers.extract.candidates import RawPrice
from scrapers.extract.fields.money import ascii_digits, find_money
from storage.terms import API_SOURCES, SourceName

MAX_AMOUNT = Decimal(10) ** 12
MIN_AMOUNT = Decimal("0.0001")
"""The least that the tables can hold."""

_WHOLE_ONLY = """
    BIF CLP COP CRC DJF GNF HUF IDR IQD ISK JPY KMF KRW LAK MMK PYG RWF TWD UGX UYI VND VUV XAF XOF XPF
"""
_NO_MINOR = frozenset(_WHOLE_ONLY.split())
"""Currencies whose prices stores write without minor units, whatever ISO 4217 says."""
_THREE_MINOR = frozenset({"BHD", "JOD", "KWD", "LYD", "OMR", "TND"})

_DOT_DECIMAL_TEXT = """
    AED AUD BDT BHD CAD CNY EGP GBP GHS HKD ILS JMD JOD KES KWD MXN MYR NGN NZD OMR PHP QAR
    SAR SGD THB TWD TTD TZS UGX USD ZMW
"""
_DOT_DECIMAL = frozenset(_DOT_DECIMAL_TEXT.split())
"""Currencies of countries that write a dot before decimals and never between thousands."""
_PLAIN = re.compile(r"\d+(?:\.\d+)?")
_BOTH = re.compile(r"\d{1,3}(?:(?:,\d{3})+\.\d{1,3}|(?:\.\d{3})+,\d{1,3})")
"""Groups of thousands and decimals with different separators: the last one precedes the decimals."""
_DASH = re.compile(r"\s{0,3}[-–—~]\s{0,3}")
_LEADING = re.compile(r"[.,]\d{2}")
_THREE_DIGITS = re.compile(r"[1-9]\d{0,2}\.\d{3}")
_APOSTROPHES = re.compile(r"(?<=\d)['’`´](?=\d{3})")


# A page, and a store, repeat the same amount in many places.
@lru_cache(maxsize=8192, typed=True)
def parse_amount(raw: RawPrice, currency: str | None = None) -> Decimal | None:
    """An amount as a decimal.

    :param currency: ISO code if known: `24.990` is almost 25 dinars, but 24,990 pesos.
    :return: None if it is no positive amount.
    """
    if raw is None or isinstance(raw, bool):
        return None
    text = ascii_digits(str(raw)).strip()[:100]
    if isinstance(raw, str):
        text = _pick_priced_number(text)
    if _THREE_DIGITS.fullmatch(text) and (isinstance(raw, str) or currency in _NO_MINOR):
        decimal = currency in _THREE_MINOR or (currency in _DOT_DECIMAL and currency not in _NO_MINOR)
        amount = Decimal(text if decimal else text.replace(".", ""))
    elif _LEADING.fullmatch(text):
        amount = Decimal(f"0.{text[1:]}")
    elif _BOTH.fullmatch(text):
        whole, decimals = re.split(r"[.,](?=\d+$)", text)
        amount = Decimal(f"{re.sub(r'[.,]', '', whole)}.{decimals}")
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
    return usable_amount(amount)


def usable_amount(amount: Decimal) -> Decimal | None:
    """The amount, if it can be a price: `1e999999` and `1e-999999` are numbers, too."""
    return amount if amount.is_finite() and MIN_AMOUNT <= amount < MAX_AMOUNT else None


def parser_of(source: SourceName, currency: str | None) -> Callable[[RawPrice], Decimal | None]:
    """How the amounts of a source are read: an API states decimals, which are exact; all else is parsed.

    :param currency: ISO code of the product's prices, if known.
    """
    return _exact if source in API_SOURCES else partial(parse_amount, currency=currency)


def _exact(raw: RawPrice) -> Decimal | None:
    return raw if isinstance(raw, Decimal) and raw > 0 else None


def _pick_priced_number(text: str) -> str:
    """Of several numbers, the one beside a currency sign: `2 pairs from $349`, `Size 38: 59,90 €`."""
    if sum(character.isdigit() for character in text) == len(text):
        return text
    found = find_money(text)
    signed = [money for money in found if money.symbol]
    if not signed or (found[0] is not signed[0] and _DASH.fullmatch(text[found[0].end : found[1].start])):
        return text
    return signed[0].digits
