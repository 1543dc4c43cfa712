"""What a product costs, most, and before."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from urllib.parse import urlsplit

from scrapers.extract.candidates import Candidate, Field, RawOffer
from scrapers.extract.fields.amount import parse_amount
from scrapers.extract.fields.availability import availability_of
from scrapers.extract.visible.prices import ShownPrice

SHOWN = "html"
SURE = 4.0
"""Score from which a visible price may contradict the page's markup."""
CLOSE = 1.5
"""Scores that differ by less tell nothing: then the page's scripts decide."""
PLAIN = 1.0
"""Score from which it may contradict the page's scripts."""


@dataclass(frozen=True, slots=True)
class Prices:
    """The prices of a product.

    :ivar price: the lowest today.
    :ivar price_max: the highest of its variants; None where all cost the same.
    :ivar was_price: what it cost before; None where it is not reduced.
    """

    price: Decimal
    price_max: Decimal | None = None
    was_price: Decimal | None = None


def extract_prices(
    candidates: Iterable[Candidate], currency: str | None, url: str, shown: ShownPrice | None = None
) -> Field[Prices] | None:
    """The prices of the most trusted source that names any, unless the visible page plainly shows otherwise.

    :param url: the page's address: an offer that is for exactly this address is the one the page shows.
    :param shown: the price that the visible page shows.
    """
    chosen = _stated(candidates, currency, url)
    seen = _seen(shown, currency)
    if shown is None or seen is None:
        return chosen
    if chosen is None:
        return Field(seen, SHOWN)
    if _shows_otherwise(chosen, seen, shown, currency):
        return Field(seen, SHOWN)
    if chosen.value.price == seen.price:
        said = chosen.value
        high = said.price_max or seen.price_max
        return Field(Prices(said.price, high, said.was_price or seen.was_price), chosen.source)
    return chosen


def _shows_otherwise(chosen: Field[Prices], seen: Prices, shown: ShownPrice, currency: str | None) -> bool:
    """Whether what a shopper sees refutes what the page's data say.

    Data in cents, or with the decimal point lost; data of before the sale, whose price the page strikes out;
    data of scripts, which are often without tax or of another variant, and stand nowhere on the page.
    """
    stated = chosen.value.price
    if stated == seen.price:
        return False
    amounts = {parse_amount(mark.money.digits, currency) for mark in shown.marks}
    if stated in (seen.price * 100, seen.price / 100, seen.price * 1000, seen.price / 1000):
        return shown.score >= SURE and stated not in amounts
    if chosen.source == "state":
        said = max(
            (mark.score for mark in shown.marks if parse_amount(mark.money.digits, currency) == stated),
            default=0,
        )
        return shown.score >= PLAIN and said < shown.score - CLOSE
    struck = seen.was_price == stated and stated not in amounts
    return struck and seen.price < stated and shown.score >= SURE


def _seen(shown: ShownPrice | None, currency: str | None) -> Prices | None:
    if shown is None:
        return None
    price = parse_amount(shown.price, currency)
    if price is None:
        return None
    high, before = parse_amount(shown.high, currency), parse_amount(shown.before, currency)
    return Prices(
        price=price,
        price_max=high if high is not None and high > price else None,
        was_price=before if before is not None and before > price else None,
    )


def _stated(candidates: Iterable[Candidate], currency: str | None, url: str) -> Field[Prices] | None:
    before: Decimal | None = None
    chosen: Field[Prices] | None = None
    for candidate in candidates:
        prices = _prices(_on_sale(_shown(candidate.offers, url)), currency)
        if prices is None:
            continue
        if chosen is None:
            chosen = Field(prices, candidate.source)
        elif prices.price == chosen.value.price:
            # Another source of the same price may know what it was before.
            before = before or prices.was_price
    if chosen is None or chosen.value.was_price or not before:
        return chosen
    return Field(Prices(chosen.value.price, chosen.value.price_max, before), chosen.source)


def _shown(offers: tuple[RawOffer, ...], url: str) -> tuple[RawOffer, ...]:
    """The offer of the variant that the page's address selects, all where it selects none."""
    if len(offers) < 2 or not urlsplit(url).query:
        return offers
    exact = tuple(offer for offer in offers if offer.url == url)
    return exact if exact and len(exact) < len(offers) else offers


def _on_sale(offers: tuple[RawOffer, ...]) -> tuple[RawOffer, ...]:
    """The offers of what can be had; all of them where none can be, or none says so."""
    if len(offers) < 2:
        return offers
    left = tuple(offer for offer in offers if availability_of(offer.availability) != "out_of_stock")
    priced = any(offer.price is not None or offer.low is not None for offer in left)
    return left if priced else offers


def _prices(offers: tuple[RawOffer, ...], currency: str | None) -> Prices | None:
    lows: list[tuple[Decimal, Decimal | None]] = []
    highs: list[Decimal] = []
    for offer in offers:
        price = parse_amount(offer.price, currency)
        low = price if price is not None else parse_amount(offer.low, currency)
        high = parse_amount(offer.high, currency)
        if low is None:
            low = high
        if low is not None:
            lows.append((low, parse_amount(offer.before, currency)))
            highs.append(max(low, high or low))
    if not lows:
        return None
    lowest, before = min(lows, key=lambda pair: pair[0])
    highest = max(highs)
    return Prices(
        price=lowest,
        price_max=highest if highest > lowest else None,
        was_price=before if before and before > lowest else None,
    )
