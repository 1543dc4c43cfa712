"""Decides the currency of a price, as an ISO 4217 code: from a code, a symbol, and the page's country."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import urlsplit

from babel.numbers import list_currencies

from scrapers.extract.candidates import Candidate, Field
from scrapers.extract.fields.money import find_money
from scrapers.extract.fields.switcher import code_of_name, code_of_shop
from scrapers.extract.fields.symbols import codes_of, country_of_language, currency_of_symbol, local_symbols
from scrapers.extract.page import Page

_CODES = frozenset(list_currencies())
_WORLDWIDE_DOMAINS = frozenset({"co", "io", "me", "tv", "ai", "cc", "eu", "to", "fm", "ly", "ws"})
"""Country domains that shops of all countries use."""

_ALIASES = {
    "RMB": "CNY",
    "NTD": "TWD",
    "EURO": "EUR",
    "EUROS": "EUR",
    "CNH": "CNY",
    "STG": "GBP",
    "SFR": "CHF",
}


def extract_currency(candidates: Iterable[Candidate], page: Page | None = None) -> Field[str] | None:
    """The currency of the page's prices: the stated code, else the symbol beside them.

    A symbol of several currencies counts only if the page's country is known.

    :param page: None for what an API gives: it states codes.
    """
    candidates = list(candidates)
    for candidate in candidates:
        for offer in candidate.offers:
            code = currency_code(offer.currency, page)
            if code and any(value is not None for value in (offer.price, offer.low, offer.high)):
                return Field(code, candidate.source)
    if page is None:
        return None
    local = local_symbols(country_of(page))
    for candidate in candidates:
        for offer in candidate.offers:
            for value in (offer.price, offer.low):
                found = find_money(value[:200], local=local) if isinstance(value, str) else ()
                code = next((code for one in found if (code := currency_code(one.symbol, page))), None)
                if code:
                    return Field(code, candidate.source)
    return None


def currency_code(text: object, page: Page | None = None) -> str | None:
    """The ISO code for a code, name or symbol; None if unknown, no text, or ambiguous on this page."""
    if not text or not isinstance(text, str):
        return None
    text = text.strip()
    upper = text.upper().rstrip(".")
    code = _ALIASES.get(upper, upper)
    if code in _CODES and (len(text) == 3 or upper in _ALIASES):
        return code
    codes = codes_of(text)
    if len(codes) == 1:
        return next(iter(codes))
    if not codes:
        return code_of_name(text, page.language if page else "en")
    if page is None:
        return currency_of_symbol(text, "")
    return code_of_shop(page, codes, text) or currency_of_symbol(text, country_of(page))


def country_of(page: Page) -> str:
    """The country that a page is for, by its language, locale or domain; empty if unknown."""
    languages = [page.language, page.meta("og:locale")]
    for language in languages:
        parts = re.split(r"[-_]", language.lower())
        if len(parts) > 1 and len(parts[-1]) == 2:
            return parts[-1]
    domain = (urlsplit(page.url).hostname or "").rsplit(".", 1)[-1]
    if len(domain) == 2 and domain not in _WORLDWIDE_DOMAINS:
        return domain
    return next((country for one in languages if (country := country_of_language(one))), "")
