"""Turns an extracted product into an item of its store."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from urllib.parse import urlsplit

from scrapers.config.store import Store
from scrapers.extract.address import escaped, spelling
from scrapers.extract.product import Extracted
from scrapers.items import Photo, ProductItem, Source


def item_of(product: Extracted, store: Store, source: Source, own_address: str | None = None) -> ProductItem:
    """The item of a product page. A price without a currency takes the currency of the store's entry.

    :param own_address: the address that identifies the product; None for the page's canonical URL.
    """
    url = own_address or product.url
    currency = product.currency or (store.currency if product.price is not None else None)
    item = to_item(replace(product, url=url, currency=currency), store.name, product_id(url))
    item.source = source
    return item


def to_item(product: Extracted, store: str, identity: str) -> ProductItem:
    """The item of an extracted product, without its source.

    :param identity: the platform's id of the product, or its `product_id`.
    """
    return ProductItem(
        store=store,
        product_id=identity,
        url=product.url,
        title=product.title or "",
        brand=product.brand,
        description=product.description,
        category=product.category,
        price=product.price,
        price_max=product.price_max,
        currency=product.currency,
        was_price=product.was_price,
        availability=product.availability,
        gtin=product.gtin,
        sku=product.sku,
        colours=list(product.colours),
        sizes=list(product.sizes),
        images=[Photo(photo.url, position, photo.colour) for position, photo in enumerate(product.photos)],
        related=list(product.related),
        offers=list(product.variants),
        evidence=dict(product.source),
    )


def product_id(canonical: str) -> str:
    """The id of a product without a platform id: a hash of its canonical URL, independent of how that is
    spelt."""
    return _hashed(spelling(canonical))


def earlier_product_id(canonical: str) -> str:
    """The id that older releases gave it, to which `%c3` and `%C3` in a path were two addresses."""
    path = urlsplit(escaped(canonical)).path
    return _hashed(urlsplit(spelling(canonical))._replace(path=path).geturl())


def _hashed(address: str) -> str:
    return hashlib.sha256(address.encode()).hexdigest()[:24]
