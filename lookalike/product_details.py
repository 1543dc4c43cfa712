"""Everything that is known of one product: all its photos, and what its store says of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from embedding.index import columns
from lookalike.matches import Match
from storage import images, row_groups, tables
from storage.errors import LookalikeError, UnreadableImageError

if TYPE_CHECKING:
    from lookalike.generation import OpenGeneration
    from lookalike.query import Shop

PHOTO_SIDE = 1280
"""Pixels of the longer side of a photo as `photos` gives it: about twice what a screen shows it with."""


@dataclass(frozen=True)
class ProductDetails:
    """A product, and what a card has no room for. A fact that its store does not state is None or empty.

    :ivar match: the product, with its main photo.
    :ivar image_ids: its photos, in the store's order; the first is the main one.
    :ivar first_seen: when it was first seen; UTC.
    :ivar description: text of the store, which is hostile until it is escaped.
    """

    match: Match
    image_ids: tuple[str, ...]
    colours: tuple[str, ...]
    sizes: tuple[str, ...]
    gtin: str | None
    sku: str | None
    first_seen: datetime | None
    description: str | None


def read_details(shop: Shop, product: str) -> ProductDetails:
    """Reads what is known of a product.

    An exported root has no tables; sizes and description are empty there.

    :param product: `"store:product_id"`.
    :raises InputError: the generation holds no such product.
    :raises LookalikeError: a table is damaged.
    """
    published, match = shop._published, shop.product(product)
    rows = _rows(published, match)
    columns_shown = ["image_id", "colours", "gtin", "sku", "first_seen"]
    shown = [name for name in columns_shown if name in published.index.items.column_names]
    facts = published.index.items.select(shown).take(columns.row_numbers(rows)).to_pylist()
    main: dict[str, Any] = facts[0]
    stored = _stored(published, match)
    return ProductDetails(
        match=match,
        image_ids=tuple(dict.fromkeys(row["image_id"] for row in facts)),
        colours=tuple(main["colours"] or ()),
        sizes=tuple(stored.get("sizes") or ()),
        gtin=main.get("gtin"),
        sku=main.get("sku"),
        first_seen=main["first_seen"],
        description=stored.get("description"),
    )


def photos(shop: Shop, details: ProductDetails) -> list[bytes]:
    """The photos of a product as JPEGs of at most `PHOTO_SIDE` px a side, in its store's order.

    A photo whose original is not stored here, as in an exported root, is the generation's thumbnail.

    :raises LookalikeError: neither can be read.
    """
    originals = dict(_originals(shop._published, details.image_ids, PHOTO_SIDE))
    rows = _rows(shop._published, details.match)
    thumbnails = {match.image_id: match for match in map(shop._published.match, rows.tolist())}
    return [
        originals[image_id] if image_id in originals else thumbnails[image_id].thumbnail()
        for image_id in details.image_ids
    ]


def stored_photo(shop: Shop, image_id: str, side: int) -> bytes | None:
    """A photo as a JPEG of at most `side` px a side; None where the generation shows no such photo.

    Where the original is not stored here, as in an exported root, it is the generation's thumbnail.

    :raises LookalikeError: neither can be read.
    """
    published = shop._published
    row = pc.index(published.index.items["image_id"], pa.scalar(image_id)).as_py()
    if row < 0:
        return None
    found = dict(_originals(published, (image_id,), side))
    return found[image_id] if found else published.match(row).thumbnail()


def _rows(published: OpenGeneration, match: Match) -> np.ndarray:
    """The rows of a product's photos in its store's order, int64 [photos]."""
    number = published.find(match.store, match.product_id)
    rows = np.flatnonzero(published.index.products == number)
    return rows[np.argsort(columns.integers(published.index.items["position"])[rows], kind="stable")]


def _stored(published: OpenGeneration, match: Match) -> dict[str, Any]:
    """What the table `products` says beyond the generation; empty where there is none."""
    key = (pc.field("store") == match.store) & (pc.field("product_id") == match.product_id)
    found = tables.read(published.root, "products", columns=["sizes", "description"], where=key).to_pylist()
    return found[0] if found else {}


def _originals(
    published: OpenGeneration, image_ids: tuple[str, ...], side: int
) -> Iterator[tuple[str, bytes]]:
    """The photos that the table `images` holds, by their ids; a photo that cannot be read is left out."""
    try:
        for batch in row_groups.scan(
            published.root,
            "images",
            pa.array(image_ids, pa.string()),
            key="image_id",
            columns=["image_id", "bytes"],
            batch_size=len(image_ids),
        ):
            for row in batch.to_pylist():
                try:
                    decoded = images.decode(row["bytes"], fit=side)
                except UnreadableImageError:
                    continue
                yield row["image_id"], images.thumbnail(decoded, side=side)
    except LookalikeError:
        return  # the table is damaged; the generation's thumbnails are not
