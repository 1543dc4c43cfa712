"""What one source claims about a product, before the fields are decided.

JSON-LD, microdata, script state, selectors and platform APIs all become these records, so that each field is
decided by one rule.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Generic, TypeVar

from storage.terms import SourceName

T = TypeVar("T")

RawPrice = str | int | Decimal | None


@dataclass(frozen=True, slots=True)
class RawOffer:
    """An offer as written on the page.

    :ivar low: the lowest of several prices; `high` is the highest.
    :ivar before: an earlier price: struck out, list or recommended.
    :ivar availability: a schema.org URL or name, or plain text.
    :ivar variant_id: the platform's id of the variant that it is for.
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
    variant_id: str | None = None


@dataclass(frozen=True, slots=True)
class RawPhoto:
    """A photo's absolute address, and the colour that it shows where known.

    :ivar sizes: addresses of the same photo in other sizes.
    :ivar sure: whether the visible page clearly shows it as a photo of its product.
    """

    url: str
    colour: str | None = None
    sizes: tuple[str, ...] = ()
    sure: bool = False


@dataclass(frozen=True, slots=True)
class Candidate:
    """What one source says of the page's product: texts as written, addresses absolute.

    :ivar categories: the category path, outermost first; a single name may hold a whole path.
    """

    source: SourceName
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
    """A decided value and the source it comes from."""

    value: T
    source: SourceName
