"""The store's own number for a product."""

from __future__ import annotations

from collections.abc import Iterable

from scrapers.extract.candidates import Candidate, Field
from scrapers.extract.text import plain

MAX_SKU = 100
_BEHIND = frozenset({"state"})
"""Sources that call many things an id."""


def extract_sku(candidates: Iterable[Candidate], of_address: str | None = None) -> Field[str] | None:
    """The SKU of the product, or of its offers where they all have the same.

    :param of_address: the number that the page's address and its data agree on.
    """
    candidates = list(candidates)
    for candidate in candidates:
        if candidate.source in _BEHIND:
            continue
        of_offers = {offer.sku for offer in candidate.offers if offer.sku}
        for raw in (candidate.sku, of_offers.pop() if len(of_offers) == 1 else None):
            sku = plain(raw)
            if sku and len(sku) <= MAX_SKU:
                return Field(sku.removeprefix("sku:"), candidate.source)
    if of_address:
        return Field(of_address, "url")
    return next((Field(sku, one.source) for one in candidates if one.source in _BEHIND and (sku := plain(one.sku))), None)
