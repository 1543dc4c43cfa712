"""Decides what a product costs: lowest, highest and earlier price."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal
from urllib.parse import urlsplit

from scrapers.extract.candidates import Candidate, Field, RawOffer, RawPrice
from scrapers.extract.fields.amount import parse_amount, parser_of
from scrapers.extract.fields.availability import availability_of
from scrapers.extract.visible.price import ShownPrice
from storage.terms import API_SOURCES, Availability, SourceName

SURE = 4.0
"""Score from which a visible price may contradict the page's markup."""
CLOSE = 1.5
"""Scores that differ by less tell nothing: then the page's scripts decide."""
PLAIN = 1.0
"""Score from which it may contradict the page's scripts."""


@dataclass(frozen=True, slots=True)
class Prices:
    """The prices of a product.

    :ivar price: the lowest price today.
    :ivar price_max: the highest price of a variant; None if all cost the same.
    :ivar was_price: the earlier price; None if it is not reduced.
    """

    price: Decimal
    price_max: Decimal | None = None
    was_price: Decimal | None = None


def extract_prices(
    candidates: Iterable[Candidate], currency: str | None, url: str, shown: ShownPrice | None = None
) -> Field[Prices] | None:
    """The prices of the most trusted source that has any, unless the visible page clearly contradicts
    them.

    :param url: the page's address; an offer for exactly this address is the one that the page shows.
    :param shown: the visible price.
    """
    chosen = _stated_prices(candidates, currency, url)
    visible = _visible_prices(shown, currency)
    if shown is None or visible is None:
        return chosen
    if chosen is None:
        return Field(visible, SourceName.HTML)
    if _contradicts(chosen, visible, shown, currency):
        return Field(visible, SourceName.HTML)
    if chosen.value.price == visible.price:
        agreed = chosen.value
        high = agreed.price_max or visible.price_max
        return Field(Prices(agreed.price, high, agreed.was_price or visible.was_price), chosen.source)
    return chosen


def _contradicts(chosen: Field[Prices], visible: Prices, shown: ShownPrice, currency: str | None) -> bool:
    """Whether the visible price refutes the stated one.

    That is so for data in cents or without decimal point, for data from before a sale whose price the page
    strikes out, and for script data, which often exclude tax or belong to another variant.
    """
    stated = chosen.value.price
    if stated == visible.price:
        return False
    amounts = {parse_amount(amount.money.digits, currency) for amount in shown.amounts}
    if stated in (visible.price * 100, visible.price / 100, visible.price * 1000, visible.price / 1000):
        return shown.score >= SURE and stated not in amounts
    if chosen.source == SourceName.STATE:
        stated_score = max(
            (
                amount.score
                for amount in shown.amounts
                if parse_amount(amount.money.digits, currency) == stated
            ),
            default=0,
        )
        if shown.is_lowest and visible.price < stated:
            return shown.score >= PLAIN  # the scripts' price is another variant's
        return shown.score >= PLAIN and stated_score < shown.score - CLOSE
    is_struck = visible.was_price == stated and stated not in amounts
    return is_struck and visible.price < stated and shown.score >= SURE


def _visible_prices(shown: ShownPrice | None, currency: str | None) -> Prices | None:
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


def _stated_prices(candidates: Iterable[Candidate], currency: str | None, url: str) -> Field[Prices] | None:
    before: Decimal | None = None
    chosen: Field[Prices] | None = None
    for candidate in candidates:
        # An API's price is its cheapest variant's, sold out or not, as platforms' own pages show it.
        is_page = candidate.source not in API_SOURCES
        offers = _available_offers(_offers_of_page(candidate.offers, url)) if is_page else candidate.offers
        prices = _combine_offers(offers, parser_of(candidate.source, currency))
        if prices is None:
            continue
        if chosen is None:
            chosen = Field(prices, candidate.source)
        elif prices.price == chosen.value.price:
            # Another source of the same price may know the earlier price.
            before = before or prices.was_price
    if chosen is None or chosen.value.was_price or not before:
        return chosen
    return Field(Prices(chosen.value.price, chosen.value.price_max, before), chosen.source)


def _offers_of_page(offers: tuple[RawOffer, ...], url: str) -> tuple[RawOffer, ...]:
    """The offer of the variant that the page's address selects; all offers if it selects none."""
    if len(offers) < 2 or not urlsplit(url).query:
        return offers
    exact = tuple(offer for offer in offers if offer.url == url)
    return exact if exact and len(exact) < len(offers) else offers


def _available_offers(offers: tuple[RawOffer, ...]) -> tuple[RawOffer, ...]:
    """The offers that are not sold out; all offers if none remains."""
    if len(offers) < 2:
        return offers
    left = tuple(
        offer for offer in offers if availability_of(offer.availability) != Availability.OUT_OF_STOCK
    )
    priced = any(offer.price is not None or offer.low is not None for offer in left)
    return left if priced else offers


def _combine_offers(
    offers: tuple[RawOffer, ...], parse: Callable[[RawPrice], Decimal | None]
) -> Prices | None:
    lows: list[tuple[Decimal, Decimal | None]] = []
    highs: list[Decimal] = []
    for offer in offers:
        price = parse(offer.price)
        low = price if price is not None else parse(offer.low)
        high = parse(offer.high)
        if low is None:
            low = high
        if low is not None:
            lows.append((low, parse(offer.before)))
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
