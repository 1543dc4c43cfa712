"""Products that changed go to the tables; those that did not are only noted as seen."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from scrapers.extensions.saving import save
from scrapers.items import ProductItem
from scrapers.session.fetches import page_read
from scrapers.session.job import check_job, job_of
from scrapers.session.product_addresses import Signs, fold
from scrapers.session.rows import offer_row, offer_state, offers_of, page_row, product_row
from scrapers.session.snapshot import KnownProduct, fields_of

if TYPE_CHECKING:
    from typing import Self

    from scrapy.crawler import Crawler


class StorePipeline:
    """Compares a product with what is stored and puts what changed in the outbox."""

    def __init__(self, crawler: Crawler) -> None:
        self.crawler = crawler

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        check_job(crawler)
        return cls(crawler)

    async def process_item(self, item: ProductItem) -> ProductItem:
        """Stores a product, or notes that it is as it was."""
        job = job_of(self.crawler)
        now = datetime.now(UTC)
        known = job.memory.products.get(item.product_id)
        first_seen = known.first_seen if known else now
        row = product_row(item, now=now, first_seen=first_seen, crawl_id=job.crawl_id)
        fields = fields_of(row)
        job.ledger.note_read(item.product_id, fields)
        job.ledger.images += sum(photo.image_id is not None for photo in item.images)
        for offer in offers_of(item):
            state = offer_state(offer)
            if job.memory.offers.get((item.product_id, offer.variant_id)) != state:
                job.memory.offers[item.product_id, offer.variant_id] = state
                job.outbox.add_offer(offer_row(item, offer, now=now, crawl_id=job.crawl_id))
        if known is None or known.removed or known.content_hash != row["content_hash"]:
            job.memory.products[item.product_id] = KnownProduct(
                row["content_hash"],
                first_seen,
                removed=False,
                fields=fields,
                url=item.url,
                signs=Signs(
                    fold(item.title), item.sku, item.gtin, item.images[0].url if item.images else None
                ),
            )
            job.outbox.add_product(row, page_row(item, crawl_id=job.crawl_id))
        if item.source is not None and item.source.own_page:
            page_read(job, item.source)
        await save(self.crawler)
        return item

    async def close_spider(self) -> None:
        """Writes what is left."""
        await save(self.crawler, everything=True)
