"""Extracts a store's products again from their stored sources, without requests to the store."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from scrapers.config.store import Store
from scrapers.extract.api import shopify_item, woocommerce_item
from scrapers.extract.item import item_of
from scrapers.extract.reading import product_of_page
from scrapers.extract.sources import woocommerce
from scrapers.items import Photo, ProductItem, Source
from scrapers.pipelines.validate import tidy
from scrapers.session.rows import BOOKKEEPING, Row, decompress, offer_row, offer_state, offers_of, product_row
from scrapers.session.snapshot import Snapshot, last_rows, load_snapshot, of_store
from scrapers.session.workers import Worker, WorkerError
from scrapers.session.write_buffer import WriteBuffer
from storage import tables
from storage.root import Root
from storage.schemas import TABLES
from storage.verdicts import RejectStage

_AT_ONCE = 32
"""Sources in memory at a time."""
_NO_PRODUCT = "there is no product on the stored page"


@dataclass
class Reextraction:
    """The counts of one re-extraction.

    :ivar read: sources read.
    :ivar changed: products whose stored row changed.
    :ivar offers: offers whose price or availability changed.
    :ivar unreadable: sources that no longer give a product; their stored rows stay.
    :ivar fields: the number of changed products for each field.
    """

    store: str
    read: int = 0
    changed: int = 0
    offers: int = 0
    unreadable: int = 0
    fields: dict[str, int] = field(default_factory=dict)


def reextract_store(
    root: Root,
    store: Store,
    *,
    allow_private: bool = False,
    on_progress: Callable[[int, int], None] | None = None,
) -> Reextraction:
    """Reads each product of a store again from its last stored source, and stores what changed.

    A source stays with its product, and stored photos stay linked. The next crawl downloads new photos.

    :param on_progress: called with the number of sources read, and of all.
    :raises BusyError: while a crawl of this store runs.
    """
    with root.lock(f"crawl-{store.name}"), Worker(store.limits.read_seconds) as worker:
        return _Rereading(root, store, worker, allow_private).run(on_progress)


class _Rereading:
    def __init__(self, root: Root, store: Store, worker: Worker, allow_private: bool) -> None:
        self.root, self.store, self.worker, self.allow_private = root, store, worker, allow_private
        self.known: Snapshot = load_snapshot(root, store.name)
        self.write_buffer = WriteBuffer(root)
        self.done = Reextraction(store.name)
        self.rejects: list[Row] = []

    def run(self, on_progress: Callable[[int, int], None] | None) -> Reextraction:
        latest = self._latest()
        stored = self._stored()
        for source in self._sources(latest):
            self._read(source, stored[source["product_id"]])
            if on_progress:
                on_progress(self.done.read, len(latest))
            if self.write_buffer.full:
                asyncio.run(self.write_buffer.flush())
        asyncio.run(self.write_buffer.flush())
        tables.merge(self.root, "rejects", self.rejects)
        return self.done

    def _latest(self) -> dict[str, datetime]:
        """When each product that is on sale was last read from a source that is stored."""
        mine = of_store(self.store.name)
        last = last_rows(self.root, "pages", ["product_id"], key=["product_id"], at="fetched_at", where=mine)
        return {
            row["product_id"]: row["fetched_at"]
            for row in last.to_pylist()
            if (known := self.known.products.get(row["product_id"])) and not known.removed
        }

    def _stored(self) -> dict[str, Row]:
        """The stored products by id."""
        columns = [name for name in TABLES["products"].columns.names if name != "description"]
        rows = tables.read(
            self.root, "products", columns=columns, where=of_store(self.store.name)
        ).to_pylist()
        return {row["product_id"]: row for row in rows}

    def _sources(self, latest: Mapping[str, datetime]) -> Iterator[Row]:
        """The last source of each product, a few in memory at a time."""
        yielded: set[str] = set()
        of_this_store = of_store(self.store.name)
        for batch in tables.scan(self.root, "pages", where=of_this_store, batch_size=_AT_ONCE):
            ids, times = batch.column("product_id").to_pylist(), batch.column("fetched_at").to_pylist()
            wanted = [
                place
                for place, (one, at) in enumerate(zip(ids, times, strict=True))
                if latest.get(one) == at and one not in yielded and not yielded.add(one)  # type: ignore[func-returns-value]
            ]
            if wanted:
                yield from batch.take(wanted).to_pylist()

    def _read(self, page: Row, stored: Row) -> None:
        self.done.read += 1
        item, reason = None, _NO_PRODUCT
        try:
            item = read_source(page, self.store, self.worker)
        except (ValueError, WorkerError) as error:
            reason = str(error)
        if item is not None:
            item.product_id, item.url = stored["product_id"], stored["url"]
            item.images = self._photos(item.images, stored["images"] or [])
            problem = tidy(item, allow_private=self.allow_private)
            item, reason = (None, problem) if problem else (item, "")
        if item is None:
            self.done.unreadable += 1
            self.rejects.append(
                {
                    "url": page["url"],
                    "store": self.store.name,
                    "stage": RejectStage.EXTRACT,
                    "reason": reason,
                    "crawl_id": page["crawl_id"],
                    "rejected_at": datetime.now(UTC),
                }
            )
            return
        self._keep(item, page["crawl_id"], stored)

    def _photos(self, found: list[Photo], stored: list[Row]) -> list[Photo]:
        """The photos with their stored image ids; the stored photos if the page has none."""
        if not found:
            return [Photo(one["url"], one["position"], one["colour"], one["image_id"]) for one in stored]
        ids = {one["url"]: one["image_id"] for one in stored}
        kept = found[: self.store.limits.images_per_product]
        for photo in kept:
            fetch = self.known.fetches.get(photo.url)
            photo.image_id = ids.get(photo.url) or (fetch.image_id if fetch else None)
        return kept

    def _keep(self, item: ProductItem, crawl_id: str, stored: Row) -> None:
        """Adds what changed to the write buffer."""
        now, known = datetime.now(UTC), self.known.products[item.product_id]
        for offer in offers_of(item):
            state = offer_state(offer)
            if self.known.offers.get((item.product_id, offer.variant_id)) != state:
                self.write_buffer.add_offer(offer_row(item, offer, now=now, crawl_id=crawl_id))
                self.done.offers += 1
        row = product_row(item, now=now, first_seen=known.first_seen, crawl_id=crawl_id)
        if row["content_hash"] != known.content_hash:
            self.write_buffer.add_product(row, None)
            self.done.changed += 1
            for name in stored.keys() & row.keys() - BOOKKEEPING:
                if row[name] != stored[name]:
                    self.done.fields[name] = self.done.fields.get(name, 0) + 1


def read_source(page: Row, store: Store, worker: Worker) -> ProductItem | None:
    """The product of a row of `pages`; None if the page has none.

    :param worker: parses HTML pages.
    :raises ValueError: if the stored JSON is no product of its platform.
    :raises WorkerError: if the page cannot be parsed, or not in time.
    """
    body = decompress(page["body_zstd"])
    if page["content_type"] == "application/json":
        return _of_platform(json.loads(body), store)
    examined = worker.call(product_of_page, body, page["url"], page["content_type"], store.recipe)
    source = Source(page["url"], page["content_type"], body, page["fetched_at"])
    return item_of(examined.product, store, source) if examined and examined.product else None


def _of_platform(data: Any, store: Store) -> ProductItem:
    """A product from the JSON that its platform's spider stored."""
    if not isinstance(data, dict):
        raise ValueError("the stored source is no product")
    product = data.get("product", data)
    if "currency" in data:
        return shopify_item(product, store=store.name, base_url=store.url, currency=data["currency"])
    categories = woocommerce.read_categories(data.get("categories") if "product" in data else None)
    return woocommerce_item(product, store=store.name, base_url=store.url, categories=categories)
