"""What a demo storefront sells."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True)
class DemoProduct:
    """A made-up product.

    :param product_id: digits, unique in a catalogue.
    :param kind: kind of garment, for example `dress`.
    :param colour: name of its main colour.
    :param category: the store's path, for example `Women > Dresses`.
    :param was_price: price before a sale, above `price`.
    :param availability: `in_stock` or `out_of_stock`.
    :param gtin: thirteen digits with a valid check digit.
    :param photos: one function a photo, giving the bytes of an image file, the same at every call.
    """

    product_id: str
    title: str
    brand: str
    description: str
    kind: str
    colour: str
    category: str
    price: Decimal
    currency: str
    availability: str
    gtin: str
    sku: str
    sizes: tuple[str, ...]
    photos: tuple[Callable[[], bytes], ...]
    was_price: Decimal | None = None

    @property
    def handle(self) -> str:
        """The last part of its page's path: the title in lower case with hyphens, and its id."""
        words = "".join(letter if letter.isalnum() else " " for letter in self.title.lower()).split()
        return "-".join([*words, self.product_id])
