"""The same product in other stores: what a search groups into one result, and what `elsewhere` finds.

A search groups by image alone (`embedding.index.product_groups`). `elsewhere` compares prices, so it asks for
more: an equal GTIN, or two of brand with SKU, image and title.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Collection, Sequence
from decimal import Decimal
from typing import TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from embedding.index import columns
from embedding.index.search import Index
from lookalike.matches import AlsoAt, Match

LEAST_TITLE = 0.5
"""Least share of common words, without the brands', of the titles of one product."""

_WORDS = re.compile(r"\w+")
_GTIN_DIGITS = 14
_Priced = TypeVar("_Priced", Match, AlsoAt)


class SameProducts:
    """Finds the same product in other stores.

    :param index: the generation's.
    """

    def __init__(self, index: Index) -> None:
        self._index = index
        self._items = index.items

    def also(self, row: int, mask: np.ndarray | None, without: Collection[int]) -> list[int]:
        """Rows of the other products of this row's product group, the first of each that passes.

        :param mask: bool [rows], the rows that may be shown; None allows all.
        :param without: numbers of products to leave out.
        """
        rows = self._rows_of_groups.get(int(self._index.groups[row]))
        if rows is None:
            return []
        products = self._index.products
        allowed = rows if mask is None else rows[mask[rows]]
        left_out = {int(products[row]), *without}
        first = dict(zip(products[allowed][::-1].tolist(), allowed[::-1].tolist(), strict=True))
        return [first[product] for product in sorted(first) if product not in left_out]

    def elsewhere(self, row: int) -> dict[int, tuple[str, ...]]:
        """Finds the same product in other stores.

        :param row: the main photo of the product.
        :return: number of each same product to the evidence: `GTIN`, `brand and SKU`, `photo`, `title`.
        """
        own = self._facts(row)
        by_gtin, by_sku = self._same_gtin(own), self._same_sku(own)
        by_photo = {int(self._index.products[other]) for other in self.also(row, None, ())}
        found = {}
        for product in sorted(by_gtin | by_sku | by_photo):
            other = self._facts(self._first_row(product))
            said = {
                "GTIN": product in by_gtin,
                "brand and SKU": product in by_sku,
                "photo": product in by_photo,
                "title": same_title(own, other),
            }
            evidence = tuple(name for name, holds in said.items() if holds)
            if other["store"] != own["store"] and ("GTIN" in evidence or len(evidence) > 1):
                found[product] = evidence
        return found

    @functools.cached_property
    def _rows_of_groups(self) -> dict[int, np.ndarray]:
        """The rows of each group of several products."""
        groups = self._index.groups
        several = np.zeros(int(groups.max(initial=0)) + 1, bool)
        several[groups[groups != self._index.products]] = True
        rows = np.flatnonzero(several[groups])
        rows = rows[np.argsort(groups[rows], kind="stable")]
        numbers, starts = np.unique(groups[rows], return_index=True)
        return dict(zip(numbers.tolist(), np.split(rows, starts)[1:], strict=True))

    @functools.cached_property
    def _gtins(self) -> pa.StringArray:
        """The GTIN of each row with all its digits; kept, since every card of a page asks."""
        return pc.utf8_lpad(self._items["gtin"].chunk(0), width=_GTIN_DIGITS, padding="0")

    @functools.cached_property
    def _skus(self) -> pa.StringArray:
        return pc.utf8_upper(pc.utf8_trim_whitespace(self._items["sku"].chunk(0)))

    def _facts(self, row: int) -> dict[str, str | None]:
        there = [
            name for name in ("store", "title", "brand", "gtin", "sku") if name in self._items.schema.names
        ]
        return {name: self._items[name][row].as_py() for name in there}

    def _first_row(self, product: int) -> int:
        return int(np.argmax(self._index.products == product))

    def _same_gtin(self, own: dict[str, str | None]) -> set[int]:
        code = (own.get("gtin") or "").strip()
        if not code.strip("0"):
            return set()
        return self._products(pc.equal(self._gtins, code.rjust(_GTIN_DIGITS, "0")))

    def _same_sku(self, own: dict[str, str | None]) -> set[int]:
        sku, brand = (own.get("sku") or "").strip().upper(), (own.get("brand") or "").casefold()
        if not sku or not brand:
            return set()
        coded, known = columns.codes(self._items["brand"].chunk(0))
        same_brand = np.array([(name or "").casefold() == brand for name in known], bool)
        return {product for product, row in self._rows(pc.equal(self._skus, sku)) if same_brand[coded[row]]}

    def _products(self, equal: pa.BooleanArray) -> set[int]:
        return {product for product, _ in self._rows(equal)}

    def _rows(self, equal: pa.BooleanArray) -> list[tuple[int, int]]:
        rows = np.from_dlpack(pc.indices_nonzero(equal)).astype(np.int64)
        return list(zip(self._index.products[rows].tolist(), rows.tolist(), strict=True))


def cheapest_first(
    offers: Sequence[_Priced], compared: str | None, rates: dict[str, Decimal]
) -> list[_Priced]:
    """Sorts offers by price, reproducibly.

    :param compared: the currency that prices are compared in. Those in others come after, unless there is a
        rate; then those without a price.
    :param rates: what one unit of each currency is worth in the compared one.
    """

    def place(offer: _Priced) -> tuple[int, str, Decimal, str, str]:
        rate = Decimal(1) if offer.currency == compared else rates.get(offer.currency or "")
        if offer.price is None:
            return 2, "", Decimal(0), offer.store, offer.product_id
        if rate is None:
            return 1, offer.currency or "", offer.price, offer.store, offer.product_id
        return 0, "", offer.price * rate, offer.store, offer.product_id

    return sorted(offers, key=place)


def same_title(one: dict[str, str | None], other: dict[str, str | None]) -> bool:
    """Whether two titles name the same product: they share half of their words, without the brands'."""
    brands = _words(one.get("brand")) | _words(other.get("brand"))
    first, second = _words(one.get("title")) - brands, _words(other.get("title")) - brands
    both = first | second
    return bool(both) and len(first & second) >= LEAST_TITLE * len(both)


def _words(text: str | None) -> set[str]:
    """The words of a text, regardless of case and accents."""
    plain = unicodedata.normalize("NFKD", text or "")
    return set(_WORDS.findall("".join(one for one in plain if not unicodedata.combining(one)).casefold()))
