"""Collects the rows of a generation from the tables."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from embedding.index.items import SCHEMA, whole
from storage import tables
from storage.crawl_history import crawl_histories
from storage.root import Root
from storage.schemas import TIME
from storage.shared_images import find_shared_images

_FROM_PRODUCT = (
    *("store", "product_id", "title", "brand", "category", "colours", "url"),
    *("price", "price_max", "was_price", "currency", "availability", "first_seen", "gtin", "sku", "sizes"),
)


def collect(root: Root, image_ids: pa.Array, withheld: Collection[str] = ()) -> pa.Table:
    """Collects the rows of a generation, without thumbnails and product groups.

    `colours` are those of the photo where the store says which colour it shows, else the product's. `seen` is
    the end of the store's last complete crawl, null before the first. `position` is the photo's place in its
    product, `product` numbers the distinct products from 0.

    :param image_ids: the photos that have a vector; others get no row, nor do shared images.
    :param withheld: stores whose products get no row.
    :return: rows of `SCHEMA`, sorted by (image_id, store, product_id), the columns of thumbnails and
        product groups null.
    """
    served = pc.field("removed_at").is_null() & ~pc.field("store").isin(pa.array(withheld, pa.string()))
    products = tables.read(root, "products", columns=[*_FROM_PRODUCT, "images"], where=served)
    products = products.combine_chunks()
    products = products.sort_by([("store", "ascending"), ("product_id", "ascending")]).combine_chunks()
    lists = whole(products["images"])
    photos = pc.list_flatten(lists)
    rows = pa.table(
        {
            "image_id": pc.struct_field(photos, "image_id"),
            "position": pc.fill_null(pc.struct_field(photos, "position"), 0),
            "image_url": pc.struct_field(photos, "url"),
            "image_colour": pc.struct_field(photos, "colour"),
            "parent": pc.cast(pc.list_parent_indices(lists), pa.int64()),
        }
    )
    rows = _without_shared_images(rows.filter(pc.is_in(rows["image_id"], value_set=image_ids)), products)
    # Products are sorted, so a parent's number sorts like (store, product_id).
    rows = rows.sort_by([("image_id", "ascending"), ("parent", "ascending"), ("position", "ascending")])
    rows = _first_of_each(rows)
    parents = rows["parent"].to_numpy()
    columns = {name: whole(products[name].take(rows["parent"])) for name in _FROM_PRODUCT}
    columns["colours"] = _colours(whole(rows["image_colour"]), columns["colours"])
    columns["seen"] = _seen(root, columns["store"])
    columns |= {name: whole(rows[name]) for name in ("image_id", "image_url", "position")}
    columns["product"] = pa.array(np.unique(parents, return_inverse=True)[1], pa.int32())
    columns["thumbnail_shard"] = pa.nulls(len(rows), pa.string())
    columns["thumbnail_row"] = pa.nulls(len(rows), pa.int32())
    columns["article"] = pa.nulls(len(rows), pa.int32())
    return pa.table({name: columns[name] for name in SCHEMA.names}, SCHEMA)


def _without_shared_images(rows: pa.Table, products: pa.Table) -> pa.Table:
    """Drops a store's shared images from its rows; in another store the image may be a product's photo."""
    shared = find_shared_images(products)
    if not shared:
        return rows

    def keys(stores: Any, image_ids: Any) -> Any:
        return pc.binary_join_element_wise(stores, image_ids, "/")  # no store's name has a slash

    stores, image_ids = zip(*shared, strict=True)
    named = keys(pa.array(stores, pa.string()), pa.array(image_ids, pa.string()))
    own = keys(whole(products["store"].take(rows["parent"])), whole(rows["image_id"]))
    return rows.filter(pc.invert(pc.is_in(own, value_set=named)))


def _first_of_each(rows: pa.Table) -> pa.Table:
    """Drops repeated (image_id, parent) pairs of sorted rows: a product may show the same photo twice."""
    if len(rows) < 2:
        return rows
    earlier, later = rows.slice(0, len(rows) - 1), rows.slice(1)
    new = pc.or_(
        pc.not_equal(later["image_id"], earlier["image_id"]), pc.not_equal(later["parent"], earlier["parent"])
    )
    return rows.filter(pa.chunked_array([pa.array([True]), *new.chunks]))


def _colours(of_photo: pa.Array, of_product: pa.Array) -> pa.Array:
    single = pa.ListArray.from_arrays(pa.array(range(len(of_photo) + 1), pa.int32()), of_photo)
    return pc.if_else(pc.is_valid(of_photo), single, of_product)


def _seen(root: Root, stores: pa.Array) -> pa.Array:
    histories = crawl_histories(root)
    fresh_at = pa.array([history.fresh_at for history in histories.values()], TIME)
    return fresh_at.take(pc.index_in(stores, value_set=pa.array(list(histories), pa.string())))
