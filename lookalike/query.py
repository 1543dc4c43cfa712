"""The query module: opens what is published and answers what looks like a photo, and where to buy it."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

import numpy as np

from embedding.index import filters
from lookalike.matches import Match, Matches
from lookalike.published import filters_of, open_published
from lookalike.views import Seen, View, look
from storage.errors import InputError
from storage.manifest import Manifest
from storage.root import Root


class Shop:
    """The products of all stores, as of the published generation.

    Opening one maps files into memory and reads few of them; the encoder is loaded with the first photo. Any
    number of threads may share one: a search works on one generation from start to end, also while `refresh`
    takes up the next.

    :param data: the data root: a folder, or `s3://bucket/prefix`.
    :param cache: the folder that a bucket's files are fetched to; the user's own cache where None.
    :raises InputError: there is no data root.
    :raises NotPublishedError: nothing was published there yet.
    :raises GenerationError: what was published is damaged or was written by a newer release.
    """

    def __init__(self, data: str | Path, *, cache: Path | None = None) -> None:
        self._root = Root.open(data, cache=cache)
        self._refreshing = threading.Lock()
        self._published = open_published(self._root)

    def similar(
        self,
        query: View | Sequence[View],
        k: int = 5,
        *,
        store: str | None = None,
        category: str | None = None,
        colour: str | None = None,
        brand: str | None = None,
        max_price: Decimal | int | float | str | None = None,
        currency: str | None = None,
        in_stock: bool = False,
        allow_private: bool = False,
    ) -> Matches:
        """The `k` distinct products that look most like the query; fewer only where fewer pass the filters.

        A product given by its name is no answer to itself; a photo's own product is.

        :param query: a path, a URL of an image or of a product page, image bytes, a PIL image, a uint8 RGB
            array, `"store:product_id"`, a `Match`, or a list of these, several views of one wish, which are
            averaged.
        :param store: only this store.
        :param category: only this category: a store's whole path, or one step of it.
        :param colour: only this colour, or colours that hold this word, as far as stores state them.
        :param brand: only this brand.
        :param max_price: only up to this price; where there are prices in several currencies, `currency` says
            in which, and only these are returned.
        :param currency: only prices in this currency, ISO 4217.
        :param in_stock: only what its store says is in stock.
        :param allow_private: whether a URL may lead to this machine or a private network.
        :raises InputError: a query that cannot be read, or a filter no product can pass; the sentence says
            what.
        :raises LookalikeError: a URL that does not answer.
        """
        if isinstance(k, bool) or not isinstance(k, int | np.integer) or k < 1:
            raise InputError(f"k={k!r} is no number of products. Give 1 or more.")
        published = self._published
        wanted = filters_of(
            store=store,
            category=category,
            colour=colour,
            brand=brand,
            max_price=filters.price(max_price),
            currency=currency,
            in_stock=in_stock,
        )
        mask = published.mask(wanted)  # before the photo is read: a mistake in a filter is said at once
        views = look(published, query, allow_private=allow_private)
        hits = published.index.search(
            _average(views),
            int(k),
            mask=mask,
            without={view.product for view in views if view.product is not None},
        )
        return Matches(
            published.matches(hits),
            generation=published.name,
            query=", ".join(view.label for view in views),
            pictures=lambda: [view.picture() for view in views],
        )

    def product(self, product: str) -> Match:
        """A product by its name, with its main photo.

        :param product: `"store:product_id"`.
        :raises InputError: the generation holds no such product.
        """
        published = self._published
        store, colon, product_id = product.partition(":")
        number = published.find(store, product_id)
        if number is None:
            hint = "Check the id" if colon else "Give store:product_id"
            raise InputError(f"There is no product '{product}' in generation {published.name}. {hint}.")
        return published.match(published.main_row(number), 1.0, 0)

    def refresh(self) -> bool:
        """Takes up the published generation, where it is another than the one in use.

        Searches that run finish on the one they began with.

        :return: whether there was another.
        :raises GenerationError: the new one is damaged; the one in use stays.
        """
        from storage import generations

        with self._refreshing:
            if generations.current_name(self._root) == self._published.name:
                return False
            self._published = open_published(self._root, before=self._published)
            return True

    @property
    def generation(self) -> str:
        """Name of the generation in use."""
        return self._published.name

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

    def __len__(self) -> int:
        """Number of products."""
        return self._published.manifest.counts.products

    def __repr__(self) -> str:
        return f"<Shop of {len(self):,} products from {', '.join(self.stores)}, generation {self.generation}>"


def _average(views: Sequence[Seen]) -> np.ndarray:
    """One vector that is as near as can be to all views: float32 [dimensions], L2 norm 1."""
    if len(views) == 1:
        return views[0].vector
    mean = np.mean([view.vector for view in views], axis=0)
    norm = np.linalg.norm(mean)
    if norm < 1e-6:
        raise InputError("The views cancel each other out. Search with each of them alone.")
    average: np.ndarray = (mean / norm).astype(np.float32)
    return average
