"""An open generation: its index, thumbnails and encoder, and matches from its rows."""

from __future__ import annotations

import bisect
import functools
import threading
from collections.abc import Collection
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pyarrow as pa
from PIL import Image

from embedding.encoder.heads import Head, load_heads
from embedding.encoder.runtime import Encoder, load_encoder
from embedding.encoder.segmentation import Segmenter
from embedding.index import columns, spatial_verification
from embedding.index.filters import Filters, left_out, row_mask
from embedding.index.search import Hits, Index
from lookalike.matches import AlsoAt, Match
from lookalike.same_product import SameProducts, cheapest_first
from storage import encoders, generations
from storage.errors import LookalikeError
from storage.manifest import GenerationError
from storage.root import Root
from storage.signature import Signed
from storage.thumbnails import Thumbnails

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ANY = Filters()
_SHOWN = (
    *("image_id", "store", "product_id", "title", "brand", "category", "price", "was_price", "currency"),
    *("availability", "url", "image_url", "seen", "colours", "sizes", "thumbnail_shard", "thumbnail_row"),
)


class OpenGeneration:
    """A generation as it was when it was opened, whatever is published later. Thread-safe.

    :ivar root: the data root.
    :ivar name: the generation's name.
    :ivar manifest: its facts.
    :ivar index: what searches it.
    :ivar same_products: finds the same product in other stores.
    """

    def __init__(
        self, root: Root, before: OpenGeneration | None = None, key: Ed25519PublicKey | None = None
    ) -> None:
        """Opens the published generation of a data root.

        :param before: the generation opened before, whose encoder is kept where it is the same.
        :param key: the public key that has to have signed it.
        :raises SignatureError: it is not signed with the key.
        :raises NotPublishedError: nothing was published yet.
        :raises GenerationError: what was published is damaged or was written by a newer release.
        """
        folder, self.manifest = generations.open_current(root)
        self.name = folder.name
        self.root = root
        self._signed = None if key is None else Signed(root, key)
        self.require_signed(f"index/{self.name}")
        self.require_signed("thumbnails")
        self.require_signed("encoders")
        self.index = Index.open(folder, self.manifest, root.verified)
        self.mask = functools.lru_cache(maxsize=64)(functools.partial(row_mask, self.index.items))
        self.left_out = functools.lru_cache(maxsize=64)(functools.partial(left_out, self.index.items))
        self.same_products = SameProducts(self.index)
        self._thumbnails = Thumbnails(root, self.manifest.thumbnails)
        self._shown = _shown(self.index.items)
        self._loading = threading.Lock()
        self._loading_segmenter = threading.Lock()  # others search while it loads
        self._encoder: Encoder | None = None
        self._segmenter: Segmenter | None = None
        self._heads: dict[str, Head] | None = None
        if before is not None and before.manifest.encoder == self.manifest.encoder:
            self._encoder, self._segmenter = before._encoder, before._segmenter

    @classmethod
    def open(
        cls, root: Root, before: OpenGeneration | None = None, key: Ed25519PublicKey | None = None
    ) -> Self:
        """Opens the published generation; if another is published meanwhile, that one. See `__init__`."""
        while True:
            name = generations.current_name(root)
            try:
                return cls(root, before, key)
            except GenerationError:
                if generations.current_name(root) == name:
                    raise

    def encoder(self) -> Encoder:
        """The generation's encoder, loaded at first use.

        :raises GenerationError: it is missing, damaged, or not the one that the vectors were made with.
        """
        with self._loading:
            if self._encoder is None:
                self._encoder = self._load()
            return self._encoder

    def segmenter(self) -> Segmenter:
        """What finds garments in photos, by the generation's encoder; loaded at first use.

        :raises GenerationError: the encoder is missing or damaged.
        :raises LookalikeError: no segmentation head was fitted to it.
        """
        self.encoder()  # says whether it is the generation's, and sound
        with self._loading_segmenter:
            if self._segmenter is None:
                self._segmenter = Segmenter(encoders.folder(self.root, self.manifest.encoder.model))
            return self._segmenter

    def heads(self) -> dict[str, Head]:
        """The encoder's heads; empty where it has none.

        :raises LookalikeError: they are damaged.
        """
        with self._loading:
            if self._heads is None:
                self.require_signed("encoders")
                self._heads = load_heads(self.root, self.manifest.encoder.model)
            return self._heads

    def match(self, row: int, score: float = 1.0, rank: int = 0) -> Match:
        """A row as a match."""
        return self.matches(Hits(np.array([row]), np.array([score])), rank=rank)[0]

    def matches(
        self,
        hits: Hits,
        *,
        rank: int = 1,
        filters: Filters = _ANY,
        without: Collection[int] = (),
    ) -> list[Match]:
        """Hits as matches, each with the other products of its photo.

        :param rank: of the first.
        :param filters: what those others have to be, too; their prices are compared as it says, else in the
            match's own currency.
        :param without: numbers of products that are not among those others.
        """
        mask = self.mask(filters)
        also = [self.same_products.also(row, mask, without) for row in hits.rows.tolist()]
        rows = np.concatenate([hits.rows, *(np.array(others, np.int64) for others in also)])
        facts: list[dict[str, Any]] = self._shown.take(columns.row_numbers(rows)).to_pylist()
        rest = iter(facts[len(hits) :])
        found = []
        for place, (shown, score, others) in enumerate(zip(facts, hits.scores.tolist(), also, strict=False)):
            offers = [_offer(next(rest)) for _ in others]
            compared = filters.currency or shown["currency"]
            match = self._match(shown, rank + place, score)
            also_at = tuple(cheapest_first(offers, compared, dict(filters.rates)))
            found.append(replace(match, also_at=also_at) if also_at else match)
        return found

    def differences(self, rows: np.ndarray, photo: Image.Image) -> np.ndarray:
        """The differences of some rows' images from a photo, see `embedding.index.spatial_verification`.

        :param photo: RGB.
        :return: float32 [rows].
        :raises GenerationError: thumbnails are damaged.
        """
        places = self._shown.select(["thumbnail_shard", "thumbnail_row"]).take(columns.row_numbers(rows))
        jpegs = [self._thumbnails.read(*place.values()) for place in places.to_pylist()]
        grids = [self._thumbnails.grid(*place.values()) for place in places.to_pylist()]
        return spatial_verification.differences(photo, jpegs, grids)

    def grids(self, rows: np.ndarray) -> list[np.ndarray]:
        """Small colour grids of some rows' photos, see `storage.thumbnails.grid`."""
        places = self._shown.select(["thumbnail_shard", "thumbnail_row"]).take(columns.row_numbers(rows))
        return [self._thumbnails.grid(*place.values()) for place in places.to_pylist()]

    def find(self, store: str, product_id: str) -> int | None:
        """The number of a product, None where the generation does not hold it."""
        # Products are numbered in the order of (store, product_id).
        stores, ids = self.index.items["store"].chunk(0), self.index.items["product_id"].chunk(0)

        def name(row: np.int64) -> tuple[str, str]:
            return stores[int(row)].as_py(), ids[int(row)].as_py()

        number = bisect.bisect_left(self._first_rows, (store, product_id), key=name)
        found = number < len(self._first_rows) and name(self._first_rows[number]) == (store, product_id)
        return number if found else None

    def main_row(self, product: int) -> int:
        """The row of a product's main photo, the first that its store shows."""
        return int(self._main_rows[product])

    @functools.cached_property
    def _main_rows(self) -> np.ndarray:
        """The row of each product's main photo, int64 [products]."""
        products = self.index.products
        order = np.lexsort((columns.integers(self.index.items["position"]), products))
        return order[np.searchsorted(products[order], np.arange(len(self._first_rows)))]

    @functools.cached_property
    def _first_rows(self) -> np.ndarray:
        """The first row of each product, int64 [products]."""
        return np.unique(self.index.products, return_index=True)[1]

    def _match(self, facts: dict[str, Any], rank: int, score: float) -> Match:
        shown = dict(facts)
        photo = functools.partial(
            self._thumbnails.read, shown.pop("thumbnail_shard"), shown.pop("thumbnail_row")
        )
        if shown["seen"] is not None:
            shown["seen"] = _EPOCH + timedelta(microseconds=shown["seen"])
        for listed in ("colours", "sizes"):
            shown[listed] = tuple(one for one in shown.get(listed) or () if one)
        return Match(rank=rank, score=min(1.0, score), photo=photo, **shown)

    def _load(self) -> Encoder:
        wanted = self.manifest.encoder
        self.require_signed("encoders")
        try:
            return self.root.check_or_refetch(encoders.folder_name(wanted.model), self._checked)
        except LookalikeError:
            raise
        except Exception as error:  # OpenVINO has no class of its own for a damaged model
            reason = str(error).strip().splitlines()[-1:] or [type(error).__name__]
            raise GenerationError(
                f"The encoder {wanted.model} cannot be loaded ({reason[0]}). Remove the folder "
                f"{self.root.encoders / wanted.model} and run `lookalike embed`."
            ) from error

    def require_signed(self, folder: str) -> None:
        """Checks a folder's files against the signature, where one is required.

        :raises SignatureError: they are not as they were signed.
        """
        if self._signed is not None:
            self._signed.check(self.name, folder)

    def _checked(self, folder: Path) -> Encoder:
        encoder = load_encoder(folder)
        if not self.manifest.encoder.is_made_by(encoder.spec):
            raise GenerationError(
                f"The encoder in {folder} is not the one that generation {self.name} was made with. Run "
                "`lookalike embed` and `lookalike index`."
            )
        return encoder


def _shown(items: pa.Table) -> pa.Table:
    """The columns that a match shows; `seen` in microseconds: Arrow imports pandas to make it a datetime."""
    shown = items.select([name for name in _SHOWN if name in items.column_names])
    return shown.set_column(
        shown.schema.get_field_index("seen"), "seen", shown["seen"].chunk(0).view(pa.int64())
    )


def _offer(facts: dict[str, Any]) -> AlsoAt:
    return AlsoAt(**{one.name: facts[one.name] for one in fields(AlsoAt)})
