"""What a shop holds: its generation, products, offers and prices."""

from __future__ import annotations

import os
import threading
from pathlib import Path

from lookalike.arguments import product_number
from lookalike.matches import Match
from lookalike.published import Published
from storage.errors import InputError
from storage.manifest import Manifest
from storage.root import Root
from storage.signature import public_key


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

    def __len__(self) -> int:
        """Number of products."""
        return self._published.manifest.counts.products

    def __repr__(self) -> str:
        return f"<Shop of {len(self):,} products from {', '.join(self.stores)}, generation {self.generation}>"
