"""Turns what a page says into an item of its store."""

from __future__ import annotations

import hashlib

from scrapers.config.store import Store
from scrapers.extract.address import spelling
from scrapers.extract.product import Extracted
from scrapers.items import Offer, Photo, ProductItem, Source


def item_of(product: Extracted, store: Store, source: Source, own_address: str | None = None) -> ProductItem:
    """The item for an extracted product. A price without a currency takes the currency of the store's
    entry.

    :param own_address: the address that identifies the product; None for the page's canonical URL.
    """
    url = own_address or product.url
    currency = product.currency or (store.currency if product.price is not None else None)
    return ProductItem(
        store=store.name,
        product_id=product_id(url),
        url=url,
        title=product.title or "",
        brand=product.brand,
        description=product.description,
        category=product.category,
        price=product.price,
        price_max=product.price_max,
        currency=currency,
        was_price=product.was_price,
        availability=product.availability,
        gtin=product.gtin,
        sku=product.sku,
        colours=list(product.colours),
        sizes=list(product.sizes),
        images=[Photo(photo.url, position, photo.colour) for position, photo in enumerate(product.photos)],
        related=list(product.related),
        offers=[Offer(None, product.price, product.was_price, currency, product.availability)],
        source=source,
        evidence=product.source,
    )


def product_id(canonical: str) -> str:
    """The id of a product without a platform id: a hash of its canonical URL, independent of how that is
    spelt."""
    return hashlib.sha256(spelling(canonical).encode()).hexdigest()[:24]
