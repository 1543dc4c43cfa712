"""The products of an open generation, as recommendations count them: by their main photo."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from embedding.index import columns
from embedding.index.search import Index
from embedding.index.vectors import widen

_SEPARATOR = "\x1f"


@dataclass(frozen=True)
class Products:
    """Products by number, as `Index.products` numbers them.

    :ivar rows: int64 [products], the row of each product's main photo.
    :ivar groups: int32 [products], the product group of each.
    :ivar kinds: int32 [products], the store's category of each, as a code.
    :ivar index: the generation's.
    """

    rows: np.ndarray
    groups: np.ndarray
    kinds: np.ndarray
    index: Index

    @classmethod
    def of(cls, index: Index) -> Products:
        """The products of an index."""
        order = np.lexsort((columns.integers(index.items["position"]), index.products))
        count = int(index.products.max(initial=-1)) + 1
        rows = order[np.searchsorted(index.products[order], np.arange(count))]
        kinds, _ = columns.codes(index.items["category"].chunk(0))
        return cls(rows, index.groups[rows], kinds[rows], index)

    def __len__(self) -> int:
        return len(self.rows)

    def vectors(self, numbers: np.ndarray) -> np.ndarray:
        """Vectors of main photos, float32 [..., dimensions], L2 norm 1."""
        return widen(self.index.vectors[self.rows[numbers]])

    def names(self, numbers: np.ndarray) -> tuple[list[str], list[str]]:
        """Stores and ids of products."""
        taken = columns.row_numbers(self.rows[numbers])
        some = self.index.items.select(["store", "product_id"]).take(taken)
        return some["store"].to_pylist(), some["product_id"].to_pylist()


class ProductNumbers:
    """Finds products by store and id, or by the address of their page.

    :ivar stores: names of the stores, sorted.
    """

    def __init__(self, products: Products) -> None:
        rows = columns.row_numbers(products.rows)
        shown = products.index.items.select(["store", "product_id", "url"]).take(rows)
        stores = _text(shown["store"])
        self.stores: list[str] = sorted(set(pc.unique(stores).to_pylist()))
        self._names = pc.binary_join_element_wise(stores, _text(shown["product_id"]), _SEPARATOR)
        self._urls = pc.utf8_rtrim(_text(shown["url"]), "/")

    def by_id(self, stores: pa.Array, product_ids: pa.Array) -> np.ndarray:
        """Numbers of products, int64 [n], -1 for those that the generation does not hold."""
        names = pc.binary_join_element_wise(_text(stores), _text(product_ids), _SEPARATOR)
        return _numbers(names, self._names)

    def name(self, number: int) -> str:
        """`store:product_id` of a product."""
        name: str = self._names[number].as_py()
        return name.replace(_SEPARATOR, ":", 1)

    def by_url(self, urls: pa.Array) -> np.ndarray:
        """The same by the address of the product's page."""
        return _numbers(pc.utf8_rtrim(_text(urls), "/"), self._urls)


def _numbers(values: pa.Array, known: pa.Array) -> np.ndarray:
    found = pc.fill_null(pc.index_in(values, value_set=known, skip_nulls=True), -1)
    numbers: np.ndarray = np.from_dlpack(found).astype(np.int64)
    return numbers


def _text(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
        if isinstance(column, pa.ChunkedArray):
            column = pa.concat_arrays(column.chunks)
    return column.cast(pa.string())
