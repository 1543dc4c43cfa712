"""Decides the offers of a product's variants."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from scrapers.extract.candidates import Candidate, RawOffer
from scrapers.extract.fields.amount import parser_of
from scrapers.extract.fields.availability import availability_of
from scrapers.items import Offer


def extract_variants(candidates: Iterable[Candidate], currency: str | None) -> tuple[Offer, ...]:
    """The offers of the variants that have a platform id, from the first source that has any.

    :param currency: the currency of the product's prices.
    """
    for candidate in candidates:
        offers = [offer for offer in candidate.offers if offer.variant_id]
        if offers:
            parse = parser_of(candidate.source, currency)
            return tuple(
                _variant(offer, parse(offer.price), parse(offer.before), currency) for offer in offers
            )
    return ()


def _variant(offer: RawOffer, price: Decimal | None, before: Decimal | None, currency: str | None) -> Offer:
    return Offer(
        variant_id=offer.variant_id,
        price=price,
        # "0.00" and prices below today's are leftovers and no sale.
        was_price=before if before and price and before > price else None,
        currency=currency if price else None,
        availability=availability_of(offer.availability),
    )
