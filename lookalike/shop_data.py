"""What a shop holds: its generation, products, offers and prices."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

from embedding.index.filter_arguments import parse_filters
from embedding.index.filter_types import FilterArguments
from embedding.index.filters import distinct_colours, distinct_values
from lookalike.arguments import product_number
from lookalike.lazy_table import LazyTable
from lookalike.matches import Match
from lookalike.published import Published
from storage.errors import InputError
from storage.manifest import Manifest
from storage.root import Root
from storage.signature import public_key

if TYPE_CHECKING:
    import pandas as pd

    from lookalike.browse import Browser


class ShopData:
    """The data of a published generation, which `lookalike.query.Shop` searches.

    :param data: the data root: a folder, or `s3://bucket/prefix`.
    :param cache: the folder that a bucket's files are fetched to; the user's own cache where None.
    :param verify_key: the public key (PEM) that the export must be signed with, see `storage.signature`.
    :raises InputError: there is no data root.
    :raises SignatureError: it is not signed with `verify_key`.
    :raises NotPublishedError: nothing was published there yet.
    :raises GenerationError: what was published is damaged or was written by a newer release.
    """

    def __init__(
        self, data: str | Path, *, cache: Path | None = None, verify_key: str | Path | None = None
    ) -> None:
        if not isinstance(data, str | os.PathLike):
            raise InputError(
                f"A data root cannot be of type {type(data).__name__}. Give a folder, or s3://bucket/prefix."
            )
        self._key = None if verify_key is None else public_key(Path(verify_key))
        self._root = Root.open(data, cache=cache)
        self._refreshing = threading.Lock()
        self._published = Published.open(self._root, key=self._key)

    def product(self, product: str | Match) -> Match:
        """Looks a product up by its name, with its main photo.

        :param product: `"store:product_id"`.
        :raises InputError: the generation holds no such product.
        """
        published = self._published
        return published.match(published.main_row(product_number(published, product)))

    def products(self, **filters: Unpack[FilterArguments]) -> LazyTable:
        """All products, or those that pass filters, a row each; read when it is asked for.

        Columns are `lookalike.products.SCHEMA`; docs/tables.md describes them.

        :param filters: as for `Shop.similar`. What a price limit leaves out is said in `warning`.
        :raises InputError: a filter no product can pass.
        """
        from lookalike.products import products

        return products(self._published, parse_filters(**filters))

    @property
    def offers(self) -> LazyTable:
        """All observed prices and availabilities, a row each time that one changed; read when asked for.

        Columns are those of the table `offers`, see docs/tables.md; `filter` selects rows. It also holds what
        was observed after this generation was built. An export holds none.
        """
        from lookalike.products import offers

        return offers(self._root)

    def price_history(self, product: str | Match) -> pd.DataFrame:
        """The prices of a product over time, in all stores that sell it, as `Shop.elsewhere` finds them.

        A row each time that a crawl found price or availability changed, and one for the last crawl. Of a
        product whose store states only variants, it is the lowest of their prices.

        :param product: `"store:product_id"` or a `Match`.
        :return: columns `store`, `product_id`, `seen` (UTC), `price` (float64, NaN where the store gave
            none), `currency` and `availability`; the product itself first, each store's oldest first.
        :raises InputError: the generation holds no such product.
        :raises LookalikeError: the table `offers` is damaged.
        """
        from lookalike.prices import price_history

        return price_history(self._published, product)

    def plot_prices(self, product: str | Match) -> Any:
        """Plots `price_history`: a line a store, a panel a currency.

        :param product: as for `price_history`.
        :return: a matplotlib figure, or an Altair chart where matplotlib is not installed.
        :raises LookalikeError: neither is installed.
        """
        from lookalike.prices import plot_prices

        shown = self.product(product)
        return plot_prices(self.price_history(shown), shown.title or shown.id)

    def refresh(self) -> bool:
        """Opens the published generation, if it is not the one in use.

        Running searches finish on the one that they began with.

        :return: whether there was another.
        :raises GenerationError: the new one is damaged; the one in use stays.
        """
        from storage import generations

        with self._refreshing:
            if generations.current_name(self._root) == self._published.name:
                return False
            self._published = Published.open(self._root, before=self._published, key=self._key)
            return True

    @property
    def browser(self) -> Browser:
        """Browses the products of the generation in use by words and facets."""
        return self._published.browser

    @property
    def generation(self) -> str:
        """Name of the generation in use."""
        return self._published.name

    @property
    def has_bands(self) -> bool:
        """Whether `Match.band` says how alike a match is: the encoder has cut-offs."""
        return self._published.index.projection.cut_offs is not None

    @property
    def manifest(self) -> Manifest:
        """Facts of the generation in use: encoder, counts, measured recall, when it was built."""
        return self._published.manifest

    @property
    def stores(self) -> list[str]:
        """Names of the stores, sorted."""
        return sorted(self._published.manifest.counts.stores)

    @property
    def currencies(self) -> list[str]:
        """Currencies in which prices are given, sorted."""
        return list(self._published.manifest.counts.currencies)

    @property
    def categories(self) -> list[str]:
        """Categories as the stores state them, paths, sorted; each is a value of the filter `category`."""
        return distinct_values(self._published.index.items, "category")

    @property
    def brands(self) -> list[str]:
        """Brands as the stores state them, sorted; each is a value of the filter `brand`."""
        return distinct_values(self._published.index.items, "brand")

    @property
    def colours(self) -> list[str]:
        """Colours as the stores state them, sorted; each is a value of the filter `colour`."""
        return distinct_colours(self._published.index.items)

    def __len__(self) -> int:
        """Number of products."""
        return self._published.manifest.counts.products

    def __repr__(self) -> str:
        return f"<Shop of {len(self):,} products from {', '.join(self.stores)}, generation {self.generation}>"

    def _repr_html_(self) -> str:
        from lookalike.rendering import render
        from lookalike.templates import NOTEBOOK_STYLE

        return render("shop", shop=self, style=NOTEBOOK_STYLE)
