"""What a demo storefront sells at one moment, found by handle, id, category and photo name."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from urllib.parse import quote

from lookalike.demo.product import DemoProduct

OPENED = datetime(2026, 11, 1, 6, 0, tzinfo=UTC)
"""When the products a storefront opens with were last changed; fixed, so that runs answer the same."""


@dataclass(frozen=True)
class Listed:
    """A product as it is on the shelf.

    :param modified: when it last changed, to the second.
    :param revision: how often its photos changed; new photos get new addresses.
    """

    product: DemoProduct
    modified: datetime = OPENED
    revision: int = 0

    @functools.cached_property
    def handle(self) -> str:
        """The last part of its page's path, not percent-encoded."""
        return self.product.handle

    @functools.cached_property
    def path(self) -> tuple[str, ...]:
        """Its category, widest part first."""
        return tuple(part for part in (part.strip() for part in self.product.category.split(">")) if part)

    def photo_names(self) -> list[str]:
        """File names of its photos, in their order."""
        ending = f"_r{self.revision}.jpg" if self.revision else ".jpg"
        return [f"{self.handle}_{number}{ending}" for number in range(1, len(self.product.photos) + 1)]


@dataclass(frozen=True)
class Rules:
    """What a storefront asks of its visitors.

    :param crawl_delay: seconds that its robots.txt asks to wait between requests.
    :param open_search: whether robots.txt allows its search.
    :param deepest: the last product that one list gives out, where the dialect has such an end.
    :param lastmod: whether its sitemaps say when each page changed.
    """

    crawl_delay: float | None = None
    open_search: bool = False
    deepest: int = 25_000
    lastmod: bool = True


class Shelf:
    """A storefront's products at one moment; never changed, only replaced as a whole."""

    def __init__(
        self, listed: Sequence[Listed], *, url: str, store: str, photos: str, rules: Rules | None = None
    ) -> None:
        """:param url: the storefront's address without a slash at its end.
        :param store: the storefront's name.
        :param photos: path under which its photos are, with a slash at both ends.
        :param rules: what it asks of its visitors.
        :raises ValueError: two products have one id, or an id is no number as it is written in JSON.
        """
        self.listed = tuple(listed)
        self.url, self.store, self.photos, self.rules = url, store, photos, rules or Rules()
        self.by_id = {one.product.product_id: one for one in self.listed}
        self.by_handle = {one.handle: one for one in self.listed}
        for product_id in self.by_id:
            if not product_id.isascii() or not product_id.isdigit() or product_id != str(int(product_id)):
                raise ValueError(f"'{product_id}' is no product id: digits that do not start with 0 are.")
        if len(self.by_id) < len(self.listed):
            raise ValueError("Two products have the same id; give each its own.")
        self.by_photo = {
            name: (one, number) for one in self.listed for number, name in enumerate(one.photo_names())
        }
        self.modified = max((one.modified for one in self.listed), default=OPENED)

    @functools.cached_property
    def categories(self) -> dict[tuple[str, ...], list[Listed]]:
        """Every category and every wider one around it, by name, with all products in it."""
        found: dict[tuple[str, ...], list[Listed]] = {}
        for one in self.listed:
            for depth in range(1, len(one.path) + 1):
                found.setdefault(one.path[:depth], []).append(one)
        return dict(sorted(found.items()))

    @functools.cached_property
    def category_ids(self) -> dict[tuple[str, ...], int]:
        """A number for every category."""
        return {path: number for number, path in enumerate(self.categories, start=100)}

    @functools.cached_property
    def by_slug(self) -> dict[tuple[str, ...], tuple[str, ...]]:
        """Categories by the slugs of their parts."""
        return {tuple(slug(part) for part in path): path for path in self.categories}

    @property
    def currency(self) -> str:
        """What the storefront sells in: its first product's currency."""
        return self.listed[0].product.currency if self.listed else "EUR"

    def photo_urls(self, one: Listed) -> list[str]:
        """Addresses of a product's photos."""
        return [f"{self.url}{self.photos}{quote(name)}" for name in one.photo_names()]

    def related(self, one: Listed, count: int = 4) -> list[Listed]:
        """Products next to this one in its category, always the same ones."""
        others = self.categories.get(one.path) or list(self.listed)
        place = next((n for n, other in enumerate(others) if other is one), 0)
        return [others[(place + step) % len(others)] for step in range(1, min(count, len(others) - 1) + 1)]

    def replaced(self, products: Sequence[DemoProduct], now: datetime) -> Shelf:
        """The shelf with other products; what stays the same keeps its time of change and photo addresses."""
        listed = [_relisted(self.by_id.get(product.product_id), product, now) for product in products]
        return Shelf(listed, url=self.url, store=self.store, photos=self.photos, rules=self.rules)


def slug(text: str) -> str:
    """Lower case with hyphens: `Women's shoes` becomes `women-s-shoes`."""
    return (
        "-".join("".join(letter if letter.isalnum() else " " for letter in text.lower()).split()) or "other"
    )


def _relisted(before: Listed | None, product: DemoProduct, now: datetime) -> Listed:
    if before is None:
        return Listed(product, now)
    same_photos = _same_photos(before.product, product)
    if same_photos and replace(before.product, photos=product.photos) == product:
        return replace(before, product=product)
    return Listed(product, now, before.revision + (not same_photos))


def _same_photos(old: DemoProduct, new: DemoProduct) -> bool:
    """Whether two products show the same photos; read only where it cannot be told otherwise."""
    if len(old.photos) != len(new.photos):
        return False
    return all(a == b or a() == b() for a, b in zip(old.photos, new.photos, strict=True))
