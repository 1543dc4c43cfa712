"""Decides the store's own number for a product."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from scrapers.extract.candidates import Candidate, Field
from scrapers.extract.text import plain
from storage.terms import MARKUP_SOURCES, SourceName

MAX_SKU = 100


def extract_sku(
    candidates: Iterable[Candidate], of_address: str | None = None, numbers: Collection[str] = ()
) -> Field[str] | None:
    """The SKU of the product, or of its offers if they share one.

    Markup often holds a variant's or an internal number. It counts if the address or a labelled row repeats
    it; otherwise a labelled row wins.

    :param of_address: the number that both the page's address and its data contain.
    :param numbers: all parts of the address that may be a number, in lower case.
    """
    named = [Field(sku, one.source) for one in candidates for sku in _skus(one)]
    rows = {field.value.lower() for field in named if field.source == SourceName.HTML}
    for field in named:
        if field.source in MARKUP_SOURCES and (
            not rows or field.value.lower() in rows or field.value.lower() in numbers
        ):
            return field
    for source in (SourceName.HTML, *MARKUP_SOURCES):
        found = next((field for field in named if field.source == source), None)
        if found:
            return found
    return Field(of_address, SourceName.URL) if of_address else next(iter(named), None)


def _skus(candidate: Candidate) -> Iterator[str]:
    of_offers = {offer.sku for offer in candidate.offers if offer.sku}
    for raw in (candidate.sku, of_offers.pop() if len(of_offers) == 1 else None):
        sku = plain(raw)
        if sku and len(sku) <= MAX_SKU:
            yield sku.removeprefix("sku:")
