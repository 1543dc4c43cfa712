"""Amounts of money in a line of text."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

_SYMBOLS_TEXT = """
    € £ ₹ ₽ ₩ ₫ ₺ ₪ ₴ ฿ ₱ ₦ ₸ ₼ ₾ ₡ ₲ ₮ ₵ ¥ ￥ ＄ 円 元 원 zł Kč Ft лв лв. грн грн. руб руб. р. р б.р.
    бр. ₽. тг тг. AR$ AU$ CA$ CL$ CO$ HK$ MX$ NT$ NZ$ R$ RD$ US$ A$ C$ S$ $ $U CN¥ Rs Rs. RS. ₨ Rp
    RM kr kr. Kr Kr. KR Kn kn KN lei Lei LEI TL Fr. SFr. S/. S/ Bs. KM din дин. ден сум Lek KSh د.إ
    ر.س ج.م บาท đ DA DH Dhs Euro euro EURO eur
"""
_SYMBOLS = tuple(_SYMBOLS_TEXT.split())
_CODES_TEXT = """
    AED ARS AUD AZN BAM BDT BGN BHD BRL BYN CAD CHF CLP CNY COP CRC CZK DKK EGP EUR GBP GEL HKD HRK
    HUF IDR ILS INR ISK JOD JPY KES KRW KWD KZT LKR MAD MKD MXN MYR NGN NOK NPR NZD OMR PEN PHP PKR
    PLN QAR RON RSD RUB SAR SEK SGD THB TND TRY TWD UAH USD UYU VND ZAR
"""
_CODES = tuple(_CODES_TEXT.split())
_ISO = frozenset(_CODES)
_MARK = "|".join(re.escape(one) for one in sorted([*_SYMBOLS, *_CODES], key=len, reverse=True))
_DIGITS = (
    r"\d{1,3}(?:[.,'’`´\s\u00a0\u202f]\d{3}){1,4}(?!\d)(?:[.,]\d{1,2}(?!\d))?"
    r"|\d{1,2}(?:,\d{2}){1,4},\d{3}(?:\.\d{1,2})?"
    r"|\d{1,9}(?:[.,]\d{1,4}(?!\d))?"
)
_MONEY = re.compile(
    rf"(?:(?<![\w$])(?P<before>{_MARK})[\s\u00a0:]{{0,2}})?"
    rf"(?<![\d.,])(?P<digits>{_DIGITS})(?![\d%])(?P<dash>[.,:][-–—]{{1,2}}(?!\s?\d))?"
    rf"(?:[\s\u00a0\u202f]{{0,2}}(?P<after>{_MARK})(?![A-Za-z\u00c0-\u024f\u0400-\u04ff]))?"
)


@dataclass(frozen=True, slots=True)
class Money:
    """An amount as it is written.

    :ivar digits: the number, with its separators.
    :ivar symbol: the currency's sign or code beside it, or the `,-` that stands for no cents; None where
        there is none.
    """

    digits: str
    symbol: str | None
    start: int
    end: int


@lru_cache(maxsize=8192)
def find_money(text: str, limit: int = 8) -> tuple[Money, ...]:
    """The numbers in a short text that may be amounts, at most `limit` of them."""
    found = []
    for match in _MONEY.finditer(text):
        before, after = match["before"], match["after"]
        symbol = after if after in _ISO else before or after or match["dash"]
        if match.end() < len(text) and text[match.end()].isalpha() and not symbol:
            continue  # 10x, 3cm
        if match.start() and text[match.start() - 1].isalpha() and not symbol:
            continue  # S10
        found.append(Money(match["digits"], symbol, match.start(), match.end()))
        if len(found) == limit:
            break
    return tuple(found)
