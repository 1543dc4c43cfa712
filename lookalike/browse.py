"""Browsing: the products that pass facets and hold all words, a page at a time, and what each facet leaves.

All of it works on the generation's Arrow and NumPy columns, one row a product; only the products of the page
that is shown become Python values.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Unpack

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from embedding.index import columns
from embedding.index.filter_arguments import parse_filters
from embedding.index.filter_types import FilterArguments
from embedding.index.filters import Filters, category_steps, row_mask
from embedding.index.search import Hits
from embedding.recommend.products import Products
from lookalike.matches import Match

if TYPE_CHECKING:
    from lookalike.generation import OpenGeneration

FACETS = ("store", "category", "brand", "colour")
"""Fields of `Filters` whose values are offered with counts."""

_SEARCHED = ("title", "brand", "category")


class Order(StrEnum):
    """In which order products are shown; equal ones by store and id."""

    NEWEST = "newest"
    CHEAPEST = "cheapest"
    DEAREST = "dearest"


@dataclass(frozen=True)
class Browsed:
    """A page of products.

    :ivar products: those of the page, with rank 0: they are like nothing in particular.
    :ivar total: products on all pages.
    :ivar facets: for each of `FACETS` its values and how many products have them and pass all other facets;
        the most frequent first.
    """

    products: tuple[Match, ...]
    total: int
    facets: dict[str, dict[str, int]]


class Browser:
    """Browses one open generation. Thread-safe.

    :param published: the generation.
    """

    def __init__(self, published: OpenGeneration) -> None:
        self._published = published
        self._rows = Products.of(published.index).rows
        self._items = published.index.items.take(columns.row_numbers(self._rows))
        self._text = _folded_text(self._items)
        self._colours = _Colours(self._items)

    def browse(
        self,
        words: str = "",
        *,
        order: Order = Order.NEWEST,
        page: int = 1,
        per_page: int = 48,
        **arguments: Unpack[FilterArguments],
    ) -> Browsed:
        """The products that hold all words in title, brand or category, and pass the filters.

        :param words: parts of words count, without regard to case and accents; empty for all products.
        :param page: from 1; past the last one it is empty.
        :param arguments: filters, as for `Shop.similar`.
        :raises InputError: a filter's value that no product has.
        """
        filters = parse_filters(**arguments)
        others = row_mask(self._items, replace(filters, store=(), category=(), brand=(), colour=()))
        rest = self._holds(words) if others is None else others & self._holds(words)
        masks = {facet: row_mask(self._items, _only(filters, facet)) for facet in FACETS}
        passing = _all([rest, *masks.values()])
        found = self._ordered(np.flatnonzero(passing), order)
        shown = found[(page - 1) * per_page : page * per_page]
        matches = self._published.matches(Hits(self._rows[shown], np.ones(len(shown), np.float32)))
        facets = {
            facet: self._counts(facet, _all([rest, *(masks[other] for other in FACETS if other != facet)]))
            for facet in FACETS
        }
        return Browsed(tuple(replace(match, rank=0) for match in matches), len(found), facets)

    def _holds(self, words: str) -> np.ndarray:
        """The products whose text holds all words, bool [products]."""
        tokens = _fold(pa.array([words]))[0].as_py().split()
        masks = [_bools(pc.match_substring(self._text, token)) for token in tokens]
        return _all([np.ones(len(self._rows), bool), *masks])

    def _counts(self, facet: str, mask: np.ndarray) -> dict[str, int]:
        if facet == "colour":
            counts = self._colours.counts(mask)
        else:
            coded, known = columns.codes(self._items[facet].chunk(0))
            tally = np.bincount(coded[mask], minlength=len(known)).tolist()
            counts = Counter()
            for value, count in zip(known, tally, strict=True):
                for part in _parts(facet, value):
                    counts[part] += count
        return {value: count for value, count in counts.most_common() if count}

    def _ordered(self, numbers: np.ndarray, order: Order) -> np.ndarray:
        if order is Order.NEWEST:
            moments, _ = columns.moments(self._items["first_seen"])
            return numbers[np.argsort(-moments[numbers], kind="stable")]
        prices, given = columns.money(self._items["price"])
        signed = prices if order is Order.CHEAPEST else -prices
        currencies, _ = columns.codes(self._items["currency"].chunk(0))
        # Prices in different currencies are not compared: the products of each stand together.
        return numbers[np.lexsort((signed[numbers], currencies[numbers], ~given[numbers]))]


class _Colours:
    """The colours of products, as their stores state them: lists, one a product."""

    def __init__(self, items: pa.Table) -> None:
        lists = items["colours"].chunk(0)
        flat = pc.list_flatten(lists).dictionary_encode(null_encoding="encode")
        self._coded, self._names = columns.codes(flat)
        self._products = np.from_dlpack(pc.list_parent_indices(lists))

    def counts(self, mask: np.ndarray) -> Counter[str]:
        """How many of the products, bool [products], have each colour."""
        tally = np.bincount(self._coded[mask[self._products]], minlength=len(self._names)).tolist()
        return Counter({name: count for name, count in zip(self._names, tally, strict=True) if name})


def _only(filters: Filters, facet: str) -> Filters:
    """The filters with one facet's condition alone."""
    return Filters(**{facet: getattr(filters, facet)})


def _parts(facet: str, value: str | None) -> Iterable[str]:
    """What a value counts for: a category for each step of its path."""
    if value is None:
        return ()
    return dict.fromkeys(category_steps(value)) if facet == "category" else (value,)


def _all(masks: Iterable[np.ndarray | None]) -> np.ndarray:
    joined: np.ndarray = np.logical_and.reduce([mask for mask in masks if mask is not None])
    return joined


def _folded_text(items: pa.Table) -> pa.Array:
    """The searched text of each product, folded: string [products]."""
    texts = [pc.fill_null(items[name].chunk(0).cast(pa.string()), "") for name in _SEARCHED]
    return _fold(pc.binary_join_element_wise(*texts, " "))


def _fold(text: pa.Array) -> pa.Array:
    """Text without accents and in lower case."""
    decomposed = pc.utf8_normalize(pc.utf8_lower(text), form="NFKD")
    return pc.replace_substring_regex(decomposed, r"\pM+", "")


def _bools(array: pa.Array) -> np.ndarray:
    whole: np.ndarray = np.from_dlpack(array.cast(pa.uint8())).astype(bool)
    return whole
