"""The one kind of item the spiders yield: a product as the store states it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal


@dataclass(slots=True)
class Photo:
    """A product photo.

    :ivar position: its place among the product's photos, from 0.
    :ivar colour: the colour it shows, where the store says so.
    :ivar image_id: sha256 of its bytes; None where they could not be had.
    """

    url: str
    position: int = 0
    colour: str | None = None
    image_id: str | None = None


@dataclass(frozen=True, slots=True)
class Offer:
    """What a product, or one variant of it, costs and whether it can be had.

    :ivar variant_id: the platform's own id of the variant; None for the product as a whole.
    """

    variant_id: str | None
    price: Decimal | None
    was_price: Decimal | None
    currency: str | None
    availability: str | None


@dataclass(frozen=True, slots=True)
class Source:
    """What a product was read from, kept so that extraction can run again without crawling.

    :ivar url: the address asked for, before redirects.
    :ivar own_page: whether all of the answer is about this product, so that the address is the product's.
    :ivar etag: what the server said to ask with next time for such a page.
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
    """A product of a store; columns as in the table `products`. Absent means the store does not say it.

    :ivar product_id: the platform's own id, else a hash of the canonical URL.
    :ivar category: the store's own category, as a path: `Women > Dresses`.
    :ivar availability: `in_stock`, `out_of_stock`, `preorder` or `backorder`.
    :ivar evidence: for each field that was read from a page, where on the page it stood.
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
