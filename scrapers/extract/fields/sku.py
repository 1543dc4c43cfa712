"""Decides the store's own number for a product."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from scrapers.extract.candidates import Candidate, Field
from scrapers.extract.text import plain

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
    rows = {field.value.lower() for field in named if field.source == "html"}
    for field in named:
        if field.source in _MARKUP and (
            not rows or field.value.lower() in rows or field.value.lower() in numbers
        ):
            return field
    for source in ("html", *_MARKUP):
        found = next((field for field in named if field.source == source), None)
        if found:
            return found
    return Field(of_address, "url") if of_address else next(iter(named), None)


_MARKUP = ("json-ld", "microdata", "rdfa", "opengraph")


def _skus(candidate: Candidate) -> Iterator[str]:
    of_offers = {offer.sku for offer in candidate.offers if offer.sku}
    for raw in (candidate.sku, of_offers.pop() if len(of_offers) == 1 else None):
        sku = plain(raw)
        if sku and len(sku) <= MAX_SKU:
            yield sku.removeprefix("sku:")
