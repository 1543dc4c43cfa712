"""The item that all spiders yield: a product as its store states it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal


@dataclass(slots=True)
class Photo:
    """A product photo.

    :ivar position: its position among the product's photos, from 0.
    :ivar colour: the colour that it shows, if the store states it.
    :ivar image_id: sha256 of its bytes; None until they are downloaded.
    """

    url: str
    position: int = 0
    colour: str | None = None
    image_id: str | None = None


@dataclass(frozen=True, slots=True)
class Offer:
    """The price and availability of a product or one variant.

    :ivar variant_id: the platform's id of the variant; None for the whole product.
    """

    variant_id: str | None
    price: Decimal | None
    was_price: Decimal | None
    currency: str | None
    availability: str | None


@dataclass(frozen=True, slots=True)
class Source:
    """The stored source of a product, so that extraction can run again without crawling.

    :ivar url: the requested address, before redirects.
    :ivar own_page: whether the whole answer is about this product, so that its address is the product's.
    :ivar etag: the response's validator for the next request; None if it sent none.
    """

    url: str
    content_type: str
    body: bytes = field(repr=False)
    fetched_at: datetime
    own_page: bool = False
    etag: str | None = None
    last_modified: str | None = None


@dataclass(slots=True)
class ProductItem:
    """A product of a store; fields as in the table `products`. None and empty mean that the store does not
    state it.

    :ivar product_id: the platform's own id, else a hash of the canonical URL.
    :ivar category: the store's own category, as a path: `Women > Dresses`.
    :ivar availability: `in_stock`, `out_of_stock`, `preorder` or `backorder`.
    :ivar evidence: for each extracted field, the source that states it.
    """

    store: str
    product_id: str
    url: str
    title: str
    brand: str | None = None
    description: str | None = None
    category: str | None = None
    price: Decimal | None = None
    price_max: Decimal | None = None
    currency: str | None = None
    was_price: Decimal | None = None
    availability: str | None = None
    gtin: str | None = None
    sku: str | None = None
    colours: list[str] = field(default_factory=list)
    sizes: list[str] = field(default_factory=list)
    images: list[Photo] = field(default_factory=list)
    related: list[str] = field(default_factory=list)
    offers: list[Offer] = field(default_factory=list, repr=False)
    source: Source | None = field(default=None, repr=False)
    evidence: dict[str, str] = field(default_factory=dict, repr=False)
