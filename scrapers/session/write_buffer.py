"""Rows waiting to be written, in an order that leaves no inconsistent state after a kill."""

from __future__ import annotations

import asyncio
import functools
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from scrapers.session.rows import Row
from storage import tables
from storage.root import Root
from storage.schemas import TABLES

MAX_ROWS = 2000
MAX_BYTES = 8 * 1024 * 1024
"""Size of the rows held before they are written; it bounds a crawl's memory."""
MAX_AGE_S = 60.0
"""Longest time that a row waits to be written: what a slow crawl loses if it is killed."""


@dataclass(slots=True)
class _Batch:
    images: dict[str, Row] = field(default_factory=dict)
    photo_fetches: dict[str, Row] = field(default_factory=dict)
    pages: list[Row] = field(default_factory=list)
    offers: list[Row] = field(default_factory=list)
    products: dict[str, Row] = field(default_factory=dict)
    page_fetches: dict[str, Row] = field(default_factory=dict)
    rows: int = 0
    size_bytes: int = 0
    begun_at: float = field(default_factory=time.monotonic)


@dataclass(slots=True)
class WriteBuffer:
    """Collects rows until there are enough of them for a write.

    A photo is written before the product that shows it, and a product before the ETag of its page. If a crawl
    is killed in between, at worst a photo is stored that no product shows yet, and no page counts as
    unchanged whose product is not stored.

    Photos go to the table `images` at once: only products refer to them.

    :ivar write: writes the other rows, given their table's name; None writes to the tables.
    :ivar images_new: photos written so far that were not stored before.
    """

    root: Root
    write: Callable[[str, list[Row]], object] | None = None
    images_new: int = 0
    _batch: _Batch = field(default_factory=_Batch)
    _writing: asyncio.Lock = field(default_factory=asyncio.Lock)

    def add_image(self, row: Row) -> None:
        """Adds a row of `images`."""
        if row["image_id"] not in self._batch.images:
            self._batch.images[row["image_id"]] = row
            self._grow(len(row["bytes"]))

    def add_photo_fetch(self, row: Row) -> None:
        """Adds a row of `fetches` about a photo."""
        self._batch.photo_fetches[row["url"]] = row
        self._grow()

    def add_product(self, product: Row, page: Row | None) -> None:
        """Adds a row of `products` and the page that it was read from."""
        self._batch.products[product["product_id"]] = product
        self._grow()
        if page is not None:
            self._batch.pages.append(page)
            self._grow(len(page["body_zstd"]))

    def add_offer(self, row: Row) -> None:
        """Adds a row of `offers`."""
        self._batch.offers.append(row)
        self._grow()

    def add_page_fetch(self, row: Row) -> None:
        """Adds a row of `fetches` about a product's page."""
        self._batch.page_fetches[row["url"]] = row
        self._grow()

    @property
    def full(self) -> bool:
        """Whether there are enough rows for a write."""
        return self._batch.rows >= MAX_ROWS or self._batch.size_bytes >= MAX_BYTES

    @property
    def waiting_long(self) -> bool:
        """Whether rows have waited long enough to be written, however few they are."""
        batch = self._batch
        return batch.rows > 0 and (self.full or time.monotonic() - batch.begun_at > MAX_AGE_S)

    async def flush_if_full(self) -> None:
        """Writes if there are enough rows. Callers wait for a running write, so that memory stays bounded."""
        if self.full:
            async with self._writing:
                if self.full:
                    await self._write()

    async def flush(self) -> None:
        """Writes all rows."""
        async with self._writing:
            await self._write()

    async def _write(self) -> None:
        batch, self._batch = self._batch, _Batch()
        if batch.rows:
            self.images_new += await asyncio.to_thread(
                _write, self.root, batch, self.write or functools.partial(_merge, self.root)
            )

    def _grow(self, size_bytes: int = 0) -> None:
        if not self._batch.rows:
            self._batch.begun_at = time.monotonic()
        self._batch.rows += 1
        self._batch.size_bytes += size_bytes


def _merge(root: Root, table: str, rows: list[Row]) -> None:
    (tables.merge if TABLES[table].key else tables.append)(root, table, rows)


def _write(root: Root, batch: _Batch, write: Callable[[str, list[Row]], object]) -> int:
    images_new = 0
    if batch.images:
        images_new = tables.merge(root, "images", list(batch.images.values())).inserted
    for table, rows in (
        ("fetches", list(batch.photo_fetches.values())),
        ("pages", batch.pages),
        ("offers", batch.offers),
        ("products", list(batch.products.values())),
        ("fetches", list(batch.page_fetches.values())),
    ):
        if rows:
            write(table, rows)
    return images_new
