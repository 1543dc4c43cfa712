"""Turns an item into rows of the tables; the content hash shows whether it changed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa

from scrapers.items import Offer, ProductItem
from scrapers.session.snapshot import OfferState

Row = dict[str, Any]

BOOKKEEPING = frozenset({"first_seen", "changed_at", "removed_at", "content_hash", "crawl_id"})
"""The columns of `products` that the store does not state and the content hash leaves out."""

_ZSTD = pa.Codec("zstd")


def product_row(item: ProductItem, *, now: datetime, first_seen: datetime, crawl_id: str) -> Row:
    """The row of `products`, with the hash of everything the store states in it."""
    stated: Row = {
        "store": item.store,
        "product_id": item.product_id,
        "url": item.url,
        "title": item.title,
        "brand": item.brand,
        "description": item.description,
        "category": item.category,
        "price": item.price,
        "price_max": item.price_max,
        "currency": item.currency,
        "was_price": item.was_price,
        "availability": item.availability,
        "gtin": item.gtin,
        "sku": item.sku,
        "colours": item.colours,
        "sizes": item.sizes,
        "images": [
            {"url": photo.url, "image_id": photo.image_id, "position": photo.position, "colour": photo.colour}
            for photo in item.images
        ],
        "related": item.related,
    }
    return {
        **stated,
        "first_seen": first_seen,
        "changed_at": now,
        "removed_at": None,
        "content_hash": content_hash(stated),
        "crawl_id": crawl_id,
    }


def content_hash(stated: Row) -> str:
    """sha256 of a product's fields; the same price in other digits (`5.0`, `5.00`) hashes the same."""
    text = json.dumps(stated, sort_keys=True, ensure_ascii=False, separators=(",", ":"), default=_plain)
    return hashlib.sha256(text.encode()).hexdigest()


def offers_of(item: ProductItem) -> Iterator[Offer]:
    """The product's own offer, then one for each variant that has an id."""
    if item.price is not None or item.availability is not None:
        yield Offer(None, item.price, item.was_price, item.currency, item.availability)
    for offer in item.offers:
        if offer.variant_id is not None:
            yield offer


def offer_state(offer: Offer) -> OfferState:
    """The state of an offer; a new row is written if it changes."""
    return (offer.price, offer.was_price, offer.currency, offer.availability)


def offer_row(item: ProductItem, offer: Offer, *, now: datetime, crawl_id: str) -> Row:
    """The row of `offers`."""
    return {
        "store": item.store,
        "product_id": item.product_id,
        "variant_id": offer.variant_id,
        "price": offer.price,
        "was_price": offer.was_price,
        "currency": offer.currency,
        "availability": offer.availability,
        "observed_at": now,
        "crawl_id": crawl_id,
    }


def page_row(item: ProductItem, *, crawl_id: str) -> Row | None:
    """The row of `pages`; None where the item carries no source."""
    if item.source is None:
        return None
    return {
        "store": item.store,
        "product_id": item.product_id,
        "url": item.source.url,
        "content_type": item.source.content_type,
        "body_zstd": compress(item.source.body),
        "fetched_at": item.source.fetched_at,
        "crawl_id": crawl_id,
    }


def compress(body: bytes) -> bytes:
    """The body as one zstd frame, as `pages.body_zstd` holds it."""
    return bytes(_ZSTD.compress(body, asbytes=True))


def decompress(frame: bytes) -> bytes:
    """The body of a row of `pages`."""
    return bytes(pa.CompressedInputStream(pa.BufferReader(frame), "zstd").read())


def _plain(value: object) -> str:
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    return str(value)
