"""Products that changed go to the tables; those that did not are only noted as seen."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from deltalake.exceptions import DeltaError

from scrapers.extensions.budget import stop
from scrapers.items import ProductItem, Source
from scrapers.job import job_of
from scrapers.memory import KnownFetch, KnownProduct, fields_of
from scrapers.rows import Row, offer_row, offer_state, offers_of, page_row, product_row
from storage.errors import LookalikeError

if TYPE_CHECKING:
    from typing import Self

    from scrapy.crawler import Crawler

    from scrapers.job import Job


class StorePipeline:
    """Compares a product with what is stored and puts what changed in the outbox."""

    def __init__(self, crawler: Crawler) -> None:
        self.crawler = crawler

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        return cls(crawler)

    async def process_item(self, item: ProductItem) -> ProductItem:
        """Stores a product, or notes that it is as it was."""
        job = job_of(self.crawler)
        now = datetime.now(UTC)
        known = job.memory.products.get(item.product_id)
        first_seen = known.first_seen if known else now
        row = product_row(item, now=now, first_seen=first_seen, crawl_id=job.crawl_id)
        fields = fields_of(row)
        job.ledger.found[item.product_id] = fields
        job.ledger.images += sum(photo.image_id is not None for photo in item.images)
        for offer in offers_of(item):
            state = offer_state(offer)
            if job.memory.offers.get((item.product_id, offer.variant_id)) != state:
                job.memory.offers[item.product_id, offer.variant_id] = state
                job.outbox.add_offer(offer_row(item, offer, now=now, crawl_id=job.crawl_id))
        if known is None or known.removed or known.content_hash != row["content_hash"]:
            job.memory.products[item.product_id] = KnownProduct(
                row["content_hash"], first_seen, removed=False, fields=fields
            )
            job.ledger.new += known is None
            job.ledger.changed += known is not None
            job.outbox.add_product(row, page_row(item, crawl_id=job.crawl_id))
        if item.source is not None:
            fetch = _fetch_row(job, item.source)
            if fetch is not None:
                job.outbox.add_page_fetch(fetch)
        await self._write(job.outbox.flush_if_full)
        return item

    async def close_spider(self) -> None:
        """Writes what is left."""
        await self._write(job_of(self.crawler).outbox.flush)

    async def _write(self, flush: object) -> None:
        job = job_of(self.crawler)
        try:
            await flush()  # type: ignore[operator]
        except (LookalikeError, DeltaError, OSError) as error:
            job.ledger.errors += 1
            job.ledger.broken = f"The tables could not be written ({error}). Free space or check permissions."
            stop(self.crawler, job.ledger.broken)
        job.ledger.images_new = job.outbox.images_new


def _fetch_row(job: Job, source: Source) -> Row | None:
    """The row of `fetches` for a product's page; None where the server gave nothing to ask with next time."""
    if not (source.etag or source.last_modified):
        return None
    body_hash = hashlib.sha256(source.body).hexdigest()
    known = job.memory.fetches.get(source.url)
    if known and (known.etag, known.last_modified, known.content_hash) == (
        source.etag,
        source.last_modified,
        body_hash,
    ):
        return None
    job.memory.fetches[source.url] = KnownFetch(
        source.etag, source.last_modified, 200, body_hash, image_id=None, due_at=None
    )
    return {
        "url": source.url,
        "store": job.store.name,
        "etag": source.etag,
        "last_modified": source.last_modified,
        "status": 200,
        "content_hash": body_hash,
        "image_id": None,
        "fetched_at": source.fetched_at,
        "due_at": None,
    }
