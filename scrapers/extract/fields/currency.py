"""Which currency a price is in, as an ISO 4217 code, from a code, a symbol, and where the page is from."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import urlsplit

from babel.numbers import list_currencies
from price_parser import Price

from scrapers.extract.candidates import Candidate, Field
from scrapers.extract.page import Page

_CODES = frozenset(list_currencies())

_OF_ONE = """
    €=EUR euro=EUR £=GBP ₹=INR ₽=RUB руб=RUB руб.=RUB р.=RUB zł=PLN Zł=PLN Kč=CZK Ft=HUF lei=RON лв=BGN
    лв.=BGN ₩=KRW ₫=VND ₺=TRY TL=TRY ₪=ILS ₴=UAH грн=UAH грн.=UAH ฿=THB ₱=PHP ₦=NGN ₸=KZT ₼=AZN ₾=GEL
    Rp=IDR RM=MYR R$=BRL US$=USD A$=AUD AU$=AUD C$=CAD CA$=CAD NZ$=NZD HK$=HKD S$=SGD NT$=TWD MX$=MXN
    kn=HRK Kn=HRK KN=HRK тг=KZT тг.=KZT ₮=MNT ៛=KHR 원=KRW 円=JPY бр.=BYN б.р.=BYN сум=UZS сом=KGS
    lei.=RON Lei=RON LEI=RON KM=BAM ден=MKD Lek=ALL ₵=GHS KSh=KES Ksh=KES ر.س=SAR د.إ=AED ج.م=EGP
    ₨.=PKR Bs.=BOB Bs=BOB TSh=TZS USh=UGX din=RSD AR$=ARS CL$=CLP CO$=COP Fr.=CHF CN¥=CNY дин.=RSD ₡=CRC
    ₲=PYG S/.=PEN S/=PEN
"""
_OF_SEVERAL = """
    $:us=USD $:ca=CAD $:au=AUD $:nz=NZD $:mx=MXN $:cl=CLP $:ar=ARS $:co=COP $:sg=SGD $:hk=HKD $:tw=TWD
    $:uy=UYU $:ec=USD $:pr=USD kr:se=SEK kr:no=NOK kr:dk=DKK kr:is=ISK ¥:jp=JPY ¥:cn=CNY
    元:cn=CNY 元:tw=TWD 元:hk=HKD 元:mo=MOP
    Rs:in=INR Rs:pk=PKR Rs:lk=LKR Rs:np=NPR Rs:mu=MUR
"""
_LANGUAGES_OF_ONE = "sv=se nb=no nn=no no=no da=dk is=is ja=jp zh-cn=cn"


def _table(text: str) -> dict[str, str]:
    return dict(pair.rsplit("=", 1) for pair in text.split())


_SYMBOLS = _table(_OF_ONE)
_AMBIGUOUS = _table(_OF_SEVERAL)
"""Symbols of several countries: `symbol:country` to code."""
_COUNTRY_OF = _table(_LANGUAGES_OF_ONE)
_SAME = {
    "kr.": "kr",
    "￥": "¥",
    ":-": "kr",
    "Rs.": "Rs",
    "₨": "Rs",
    "Kr": "kr",
    "Kr.": "kr",
    "KR": "kr",
    "RS": "Rs",
    "RS.": "Rs",
}


def extract_currency(candidates: Iterable[Candidate], page: Page) -> Field[str] | None:
    """The currency of the page's prices: the code beside them, else the symbol in them.

    A symbol that several countries use counts only where the page tells its country.
    """
    candidates = list(candidates)
    for candidate in candidates:
        for offer in candidate.offers:
            code = currency_code(offer.currency, page)
            if code and any(value is not None for value in (offer.price, offer.low, offer.high)):
                return Field(code, candidate.source)
    for candidate in candidates:
        for offer in candidate.offers:
            for value in (offer.price, offer.low):
                symbol = Price.fromstring(value).currency if isinstance(value, str) else None
                code = currency_code(symbol, page)
                if code:
                    return Field(code, candidate.source)
    return None


def currency_code(text: str | None, page: Page | None = None) -> str | None:
    """The ISO code for a code or a symbol; None where it is none, or ambiguous on this page."""
    if not text:
        return None
    text = text.strip()
    if text.upper() in _CODES:
        return text.upper()
    symbol = _SAME.get(text, text)
    if symbol in _SYMBOLS:
        return _SYMBOLS[symbol]
    return _AMBIGUOUS.get(f"{symbol}:{_country(page)}") if page else None


def _country(page: Page) -> str:
    """The country a page is for, by its language, locale or domain; empty where it does not tell."""
    languages = [page.tree.get("lang") or "", page.first("//meta[@property='og:locale']/@content") or ""]
    for language in languages:
        parts = re.split(r"[-_]", language.lower())
        if len(parts) > 1 and len(parts[-1]) == 2:
            return parts[-1]
    domain = (urlsplit(page.url).hostname or "").rsplit(".", 1)[-1]
    if len(domain) == 2:
        return domain
    known = (_COUNTRY_OF.get(language.lower()) for language in languages)
    return next((country for country in known if country), "")
