"""The stores of `soak.py`, what they sell on each night, and what must be published of it."""

from __future__ import annotations

import functools
import hashlib
import io
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from random import Random

import numpy as np
from PIL import Image

import lookalike
from lookalike.demo.product import DemoProduct
from lookalike.demo.storefront import Dialect, Storefront, serve
from storage import tables
from storage.errors import InputError
from storage.root import Root

DIALECTS: dict[str, tuple[Dialect, str]] = {
    "northlight": ("shopify", "shopify"),
    "harbour-lane": ("woocommerce", "woocommerce"),
    "linden-row": ("schema", "sitemap"),
}
"""A store's dialect and the strategy that reads it."""

GRACE = 3
"""Complete crawls that must miss a product before it counts as removed: `absent_nights` in the settings."""

_PHOTOS = 2
_WORDS = ("linen", "cotton", "wool", "silk", "denim", "jersey", "velvet", "corduroy")
_KINDS = ("shirt", "dress", "skirt", "coat", "jeans", "scarf")
_COLOURS = ("red", "green", "blue", "black", "white", "navy", "beige")


@dataclass
class Sold:
    """One store: what it sells now, and what an accepted crawl has read of it.

    :ivar now: by product id.
    :ivar read: what it sold when the last accepted crawl read it.
    :ivar removed: products that an accepted crawl did not find any more, and how many crawls ago.
    :ivar unsure: products that changed while something was wrong; they may still be as they were.
    """

    front: Storefront
    now: dict[str, DemoProduct]
    read: dict[str, DemoProduct] = field(default_factory=dict)
    removed: dict[str, int] = field(default_factory=dict)
    unsure: set[str] = field(default_factory=set)

    def accept(self, *, in_trouble: bool) -> None:
        """The night's crawl is in the tables."""
        changed = {key for key in self.now | self.read if self.now.get(key) != self.read.get(key)}
        self.unsure = (self.unsure | changed) if in_trouble else set()
        self.removed = {key: crawls + 1 for key, crawls in self.removed.items()}
        self.removed |= {key: 1 for key in self.read if key not in self.now}
        self.read = dict(self.now)


class Stores:
    """All stores.

    :param products: over all stores.
    """

    def __init__(self, stack: ExitStack, products: int, random: Random) -> None:
        self._random = random
        self._next = 1000
        self.sold: dict[str, Sold] = {}
        for name, (dialect, _) in DIALECTS.items():
            listed = [self._product() for _ in range(products // len(DIALECTS))]
            front = stack.enter_context(serve(listed, dialect))
            self.sold[name] = Sold(front, {one.product_id: one for one in listed})

    def change(self, share: float, now: datetime) -> None:
        """Changes this share of all products: a price, a title, the stock, a photo; some go, as many come."""
        ids = [(name, key) for name, sold in self.sold.items() for key in sorted(sold.now)]
        for name, key in self._random.sample(ids, max(1, round(share * len(ids)))):
            products = self.sold[name].now
            changed = self._changed(products[key])
            if changed is None:
                del products[key]
                changed = self._product()
            products[changed.product_id] = changed
        for sold in self.sold.values():
            sold.front.replace_products(list(sold.now.values()), now)

    def _changed(self, product: DemoProduct) -> DemoProduct | None:
        """The product with one change; None if it is sold no more."""
        what = self._random.choice(("price", "price", "stock", "title", "photo", "gone"))
        if what == "price":
            factor = Decimal(self._random.choice((85, 90, 95, 105, 110, 120))) / 100
            return replace(product, price=max(Decimal(1), round(product.price * factor, 2)))
        if what == "stock":
            others = {"in_stock": "out_of_stock", "out_of_stock": "in_stock"}
            return replace(product, availability=others[product.availability])
        if what == "title":
            return replace(product, title=f"{product.title} {self._random.choice(_WORDS)}"[-80:])
        if what == "photo":
            seed = self._random.randrange(10**9, 10**10)
            return replace(product, photos=(functools.partial(photo, seed), *product.photos[1:]))
        return None

    def _product(self) -> DemoProduct:
        self._next += 1
        number = self._next
        word, kind, colour = (self._random.choice(words) for words in (_WORDS, _KINDS, _COLOURS))
        return DemoProduct(
            product_id=str(number),
            title=f"{colour.title()} {word} {kind} {number}",
            brand=f"Brand {number % 7}",
            description=f"A {colour} {kind} of {word}.",
            kind=kind,
            colour=colour,
            category=f"Women > {kind.title()}",
            price=Decimal(self._random.randrange(1500, 15000)) / 100,
            currency="EUR",
            availability="out_of_stock" if self._random.random() < 0.1 else "in_stock",
            gtin=_gtin13(number),
            sku=f"SKU-{number}",
            sizes=("S", "M", "L"),
            photos=tuple(functools.partial(photo, number * 10 + place) for place in range(_PHOTOS)),
        )


@functools.cache
def photo(seed: int) -> bytes:
    """A JPEG of 64 × 64 px unlike any other: a few coloured cells, smoothed."""
    cells = np.random.default_rng(seed).integers(0, 256, (6, 6, 3), np.uint8)
    out = io.BytesIO()
    Image.fromarray(cells).resize((64, 64), Image.Resampling.BICUBIC).save(out, "JPEG", quality=90)
    return out.getvalue()


def compare(root: Root, shop: lookalike.Shop, sold: dict[str, Sold]) -> list[str]:
    """Compares what is published with what must be.

    :return: a sentence for each product that is lost, wrong, doubled, or should be gone.
    """
    names = _names_by_sku(root)
    faults = []
    expected = allowed = 0
    for store, state in sold.items():
        for key, product in state.read.items():
            if key in state.unsure:
                allowed += 1
                continue
            expected += 1
            found = names.get((store, product.sku), [])
            match = _find(shop, found[0]) if len(found) == 1 else None
            if match is None:
                faults.append(f"{store}'s {product.sku} is {'doubled' if len(found) > 1 else 'lost'}.")
                continue
            faults += [f"{match.id} is wrong: {what}." for what in _differences(match, product)]
        for key, crawls in state.removed.items():
            if crawls < GRACE or key in state.unsure:
                allowed += 1
            elif any(_find(shop, name) for name in names.get((store, f"SKU-{key}"), [])):
                faults.append(f"{store}'s SKU-{key} is published {crawls} crawls after it went.")
    if not expected <= len(shop) <= expected + allowed:
        faults.append(f"{len(shop)} products are published, not {expected} to {expected + allowed}.")
    return faults


def _names_by_sku(root: Root) -> dict[tuple[str, str], list[str]]:
    """`store:product_id` of the products on sale, by store and SKU."""
    names: dict[tuple[str, str], list[str]] = {}
    for row in tables.read(
        root, "products", columns=["store", "sku", "product_id", "removed_at"]
    ).to_pylist():
        if row["removed_at"] is None:
            sku = row["sku"] or f"SKU-{row['product_id']}"  # Shopify gives an SKU a variant, none a product
            names.setdefault((row["store"], sku), []).append(f"{row['store']}:{row['product_id']}")
    return names


def _differences(match: lookalike.Match, product: DemoProduct) -> list[str]:
    found = {
        "title": (match.title, product.title),
        "price": (match.price, product.price),
        "currency": (match.currency, product.currency),
        "availability": (match.availability, product.availability),
        "photo": (match.image_id, hashlib.sha256(product.photos[0]()).hexdigest()),
    }
    return [f"{field} {is_!r}, not {must!r}" for field, (is_, must) in found.items() if is_ != must]


def _find(shop: lookalike.Shop, name: str) -> lookalike.Match | None:
    try:
        return shop.product(name)
    except InputError:
        return None


def _gtin13(number: int) -> str:
    digits = f"{400638100000 + number:012d}"
    total = sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(digits))
    return f"{digits}{-total % 10}"


Altered = Callable[[Sequence[DemoProduct]], list[DemoProduct]]


def dearer(products: Sequence[DemoProduct]) -> list[DemoProduct]:
    """All prices a hundredfold."""
    return [replace(product, price=product.price * 100) for product in products]


def fewer(products: Sequence[DemoProduct]) -> list[DemoProduct]:
    """A third of the products is missing."""
    return [product for place, product in enumerate(products) if place % 3]


def alike(products: Sequence[DemoProduct]) -> list[DemoProduct]:
    """All titles are the same."""
    return [replace(product, title="Welcome to our shop") for product in products]
