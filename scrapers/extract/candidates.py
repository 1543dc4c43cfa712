"""What one source on a page claims about a product, before anything is decided.

JSON-LD, microdata and OpenGraph become the same records, so that what a price is gets decided once.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Generic, TypeVar

T = TypeVar("T")

RawPrice = str | int | Decimal | None


@dataclass(frozen=True, slots=True)
class RawOffer:
    """An offer as it is written.

    :ivar low: lowest price of several, `high` the highest.
    :ivar before: a struck-out, list or recommended price.
    :ivar availability: schema.org's address or word, or text.
    """

    price: RawPrice = None
    low: RawPrice = None
    high: RawPrice = None
    before: RawPrice = None
    currency: str | None = None
    availability: str | None = None
    url: str | None = None
    sku: str | None = None
    gtin: str | None = None


@dataclass(frozen=True, slots=True)
class RawPhoto:
    """A photo's address, absolute, and the colour it shows where that is known.

    :ivar sizes: further addresses of the same picture.
    :ivar sure: whether the visible page plainly shows it as one of its product.
    """

    url: str
    colour: str | None = None
    sizes: tuple[str, ...] = ()
    sure: bool = False


@dataclass(frozen=True, slots=True)
class Candidate:
    """What one source says of the page's product; texts as written, addresses absolute.

    :ivar source: `json-ld`, `microdata`, `rdfa`, `opengraph`, `state` or `html`.
    :ivar categories: the names of a path, outermost first; one name may hold a whole path.
    """

    source: str
    title: str | None = None
    brand: str | None = None
    description: str | None = None
    categories: tuple[str, ...] = ()
    sku: str | None = None
    gtins: tuple[str, ...] = ()
    url: str | None = None
    photos: tuple[RawPhoto, ...] = ()
    colours: tuple[str, ...] = ()
    sizes: tuple[str, ...] = ()
    offers: tuple[RawOffer, ...] = ()
    related: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Field(Generic[T]):
    """A decided value and where it stood."""

    value: T
    source: str
