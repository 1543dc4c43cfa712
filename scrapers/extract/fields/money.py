"""Finds amounts of money in a line of text."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from scrapers.extract.fields.symbols import SYMBOLS, is_local

_CODES_TEXT = """
    AED AFN ALL AMD AOA ARS AUD AZN BAM BBD BDT BGN BHD BIF BND BOB BRL BSD BWP BYN BZD CAD CDF CHF CLP CNY
    COP CRC CVE CZK DJF DKK DOP DZD EGP ETB EUR FJD GBP GEL GHS GMD GNF GTQ GYD HKD HNL HRK HTG HUF IDR ILS
    INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KRW KWD KYD KZT LAK LBP LKR LYD MAD MDL MGA MKD MMK MNT MRU
    MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SCR
    SDG SEK SGD SLE SRD SYP SZL THB TJS TMT TND TRY TTD TWD TZS UAH UGX USD UYU UZS VES VND VUV WST XAF XCD
    XOF XPF YER ZAR ZMW
"""
_CODES = tuple(code for code in _CODES_TEXT.split() if code != "ALL")
_ISO = frozenset(_CODES)
_LONG_SYMBOLS = [symbol for symbol in SYMBOLS if not is_local(symbol) and symbol not in ("евро", ":-")]
_UNAMBIGUOUS_TEXT = """
    Rs Rs. RS RS. RM Rp kr kr. Kr Kr. KR Kn kn KN TL Ft lv Bs Bs. KM DA DH zl Fr. TK Tk
"""
_UNAMBIGUOUS = _UNAMBIGUOUS_TEXT.split()
"""Short symbols that cannot be confused with words or sizes."""
_SPACES = r"[\s\u00a0\u202f]"
_DIGITS = (
    r"\d{1,3}(?:[.,'’`´\s\u00a0\u202f]\d{3}){1,4}(?!\d)(?:[.,]\d{1,3}(?!\d))?"
    r"|\d{1,2}(?:,\d{2}){1,4},\d{3}(?:\.\d{1,2})?"
    r"|\d{1,9}(?:[.,]\d{1,4}(?!\d))?"
)
_DIGIT = re.compile(r"\d")
_ASCII_DIGITS = str.maketrans(
    "０１２３４５６７８９٠١٢٣٤٥٦٧٨٩۰۱۲۳۴۵۶۷۸۹，．٫٬", "012345678901234567890123456789,..,"
)
"""Full-width and Arabic digits and separators to ASCII, one character for one."""


def _symbol_pattern(symbol: str) -> str:
    """The pattern of a symbol: `F CFA` may contain a space."""
    return rf"F{_SPACES}?CFA" if symbol == "FCFA" else re.escape(symbol)


@lru_cache(maxsize=64)
def _pattern(local: tuple[str, ...]) -> re.Pattern[str]:
    """Amounts with the symbols known everywhere and those of one country."""
    signs = sorted({*_LONG_SYMBOLS, *_UNAMBIGUOUS, *_CODES, *local}, key=len, reverse=True)
    begins = f"(?=[{''.join(re.escape(letter) for letter in sorted({sign[0] for sign in signs}))}])"
    mark = f"{begins}(?:{'|'.join(map(_symbol_pattern, signs))})"  # most letters begin no symbol
    return re.compile(
        rf"(?:(?<![\w$])(?P<before>{mark})[\s\u00a0:]{{0,2}}|(?<![\d.,]))"
        rf"(?P<digits>{_DIGITS}|(?<!\d)[.,]\d{{2}}(?!\d))(?![\d%])"
        rf"(?P<dash>{_SPACES}?[.,:][-–—]{{1,2}}(?!\s?\d))?"
        rf"(?:{_SPACES}{{0,2}}(?P<after>{mark})(?![A-Za-z\u00c0-\u024f\u0400-\u04ff]))?"
    )


@dataclass(frozen=True, slots=True)
class Money:
    """An amount as written.

    :ivar digits: the number, with its separators.
    :ivar symbol: the currency symbol or code beside it, or the `,-` that replaces cents; None if absent.
    """

    digits: str
    symbol: str | None
    start: int
    end: int


def ascii_digits(text: str) -> str:
    """The text with ASCII digits and separators; its length stays the same."""
    return text if text.isascii() else text.translate(_ASCII_DIGITS)


@lru_cache(maxsize=8192)
def find_money(text: str, limit: int = 8, local: tuple[str, ...] = ()) -> tuple[Money, ...]:
    """The numbers in a short text that may be amounts, at most `limit`.

    :param local: symbols of the page's country, besides those known everywhere.
    """
    found: list[Money] = []
    text = ascii_digits(text)
    if not _DIGIT.search(text):
        return ()
    for match in _pattern(local).finditer(text):
        before, after = match["before"], match["after"]
        symbol = after if after in _ISO else before or after or (match["dash"] or "").strip() or None
        if match.end() < len(text) and text[match.end()].isalpha() and not symbol:
            continue  # 10x, 3cm
        if match.start() and text[match.start() - 1].isalpha() and not symbol:
            continue  # S10
        found.append(Money(match["digits"], symbol, match.start(), match.end()))
        if len(found) == limit:
            break
    return tuple(found)
