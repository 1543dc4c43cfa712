"""What a product costs, most, and before."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from urllib.parse import urlsplit

from scrapers.extract.amount import parse_amount
from scrapers.extract.candidates import Candidate, Field, RawOffer


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


def extract_prices(candidates: Iterable[Candidate], currency: str | None, url: str) -> Field[Prices] | None:
    """The prices of the most trusted source that names any.

    :param url: the page's address: an offer that is for exactly this address is the one the page shows.
    """
    before: Decimal | None = None
    chosen: Field[Prices] | None = None
    for candidate in candidates:
        prices = _prices(_shown(candidate.offers, url), currency)
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
