"""Groups products that show the same photo, so that a search shows each garment once.

Two products are one group if each shows the other's main photo, or a near-duplicate of it. One direction is
not enough: many stores show the same model from head to foot with the trousers and with the shirt.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from embedding.index.items import whole
from embedding.index.near_duplicates import find_near_duplicates
from storage import tables, thumbnails
from storage.root import Root
from storage.thumbnails import Thumbnails


def with_product_groups(root: Root, rows: pa.Table, vectors: np.ndarray) -> pa.Table:
    """Adds the number of each product's group.

    :param rows: of `embedding.index.items.SCHEMA`, sorted by image_id, products numbered without gaps.
    :param vectors: float16 [rows, dimensions], projected.
    """
    image_ids = whole(rows["image_id"])
    firsts = np.flatnonzero(np.r_[True, ~_equal_to_previous(image_ids)])
    shards = Thumbnails(root, thumbnails.sizes(root, pc.unique(rows["thumbnail_shard"]).to_pylist()))
    names, places = whole(rows["thumbnail_shard"]), whole(rows["thumbnail_row"])

    def jpeg(photo: int) -> bytes:
        row = int(firsts[photo])
        return shards.read(names[row].as_py(), places[row].as_py())

    hashes = _hashes(root, image_ids.take(pa.array(firsts)))
    photos = np.repeat(np.arange(len(firsts)), np.diff(np.r_[firsts, len(image_ids)]))
    groups = group_products(
        rows["product"].to_numpy(),
        rows["position"].to_numpy(),
        photos,
        find_near_duplicates(hashes, vectors, firsts, jpeg),
    )
    column = pa.array(groups, pa.int32())
    return rows.set_column(rows.schema.get_field_index("article"), rows.schema.field("article"), column)


def group_products(
    products: np.ndarray, positions: np.ndarray, photos: np.ndarray, same: np.ndarray
) -> np.ndarray:
    """The product group of each row: the number of the group's first product.

    Each product joins the first product before it that it shares its main photo with, and only that one. So
    groups are not transitive: a chain of photos, each a little different from the one before, is not one
    group.

    :param products: int [rows], numbered from 0 without gaps.
    :param positions: int [rows], a photo's place in its product.
    :param photos: int64 [rows], numbered from 0 without gaps and ascending.
    :param same: int64 [pairs, 2], photos that show the same picture.
    :return: int32 [rows].
    """
    order = np.lexsort((np.arange(len(products)), positions, products))
    main = photos[order[np.flatnonzero(np.r_[True, np.diff(products[order]) > 0])]]
    near_duplicates: dict[int, set[int]] = {}
    for one, other in same.tolist():
        near_duplicates.setdefault(one, {one}).add(other)
        near_duplicates.setdefault(other, {other}).add(one)
    starts = np.searchsorted(photos, np.arange(photos[-1] + 2))
    by_product = np.searchsorted(products[order], np.arange(len(main) + 1))
    shared = np.diff(starts) > 1
    shared[list(near_duplicates)] = True
    groups = np.arange(len(main), dtype=np.int32)
    grouped = np.zeros(len(main), bool)
    for product in np.flatnonzero(shared[main]).tolist():
        if grouped[product]:
            continue
        grouped[product] = True
        own = set(photos[order[by_product[product] : by_product[product + 1]]].tolist())
        photo = int(main[product])
        for image in sorted(near_duplicates.get(photo, {photo})):
            for other in np.unique(products[starts[image] : starts[image + 1]]).tolist():
                theirs = int(main[other])
                if not grouped[other] and not own.isdisjoint(near_duplicates.get(theirs, {theirs})):
                    groups[other], grouped[other] = product, True
    return groups[products]


def _equal_to_previous(ids: pa.Array) -> np.ndarray:
    """Whether each value but the first equals the one before it: bool [n - 1]."""
    equal = pc.equal(ids.slice(1), ids.slice(0, len(ids) - 1))
    return np.asarray(equal.to_numpy(zero_copy_only=False), bool)


def _hashes(root: Root, image_ids: pa.Array) -> np.ndarray:
    """Perceptual hashes of photos, 0 where there is none: uint64 [n]."""
    stored = tables.read(root, "images", columns=["image_id", "perceptual_hash"])
    found = stored["perceptual_hash"].take(pc.index_in(image_ids, value_set=whole(stored["image_id"])))
    return np.array([_number(value) for value in found.to_pylist()], np.uint64)


def _number(hexadecimal: str | None) -> int:
    try:
        return int(hexadecimal or "0", 16) & (2**64 - 1)
    except ValueError:
        return 0
