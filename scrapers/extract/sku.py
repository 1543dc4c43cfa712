"""The store's own number for a product."""

from __future__ import annotations

from collections.abc import Iterable

from scrapers.extract.candidates import Candidate, Field
from scrapers.extract.text import plain

MAX_SKU = 100


def extract_sku(candidates: Iterable[Candidate]) -> Field[str] | None:
    """The SKU of the product, or of its offers where they all have the same."""
    for candidate in candidates:
        of_offers = {offer.sku for offer in candidate.offers if offer.sku}
        for raw in (candidate.sku, of_offers.pop() if len(of_offers) == 1 else None):
            sku = plain(raw)
            if sku and len(sku) <= MAX_SKU:
                return Field(sku.removeprefix("sku:"), candidate.source)
    return None
