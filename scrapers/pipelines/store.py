"""Stores products that changed; notes those that did not as found."""

from __future__ import annotations

from datetime import UTC, datetime

from scrapers.extensions.saving import save
from scrapers.items import ProductItem
from scrapers.session.component import JobComponent
from scrapers.session.fetches import note_page_read
from scrapers.session.product_addresses import Traits, fold
from scrapers.session.rows import offer_row, offer_state, offers_of, page_row, product_row
from scrapers.session.snapshot import KnownProduct, fields_of


class StorePipeline(JobComponent):
    """Compares a product with what is stored, and puts what changed into the write buffer."""

    async def process_item(self, item: ProductItem) -> ProductItem:
        """Stores a product that changed, or notes that it did not."""
        job = self.job
        now = datetime.now(UTC)
        known = job.snapshot.products.get(item.product_id)
        first_seen = known.first_seen if known else now
        row = product_row(item, now=now, first_seen=first_seen, crawl_id=job.crawl_id)
        fields = fields_of(row)
        job.stats.note_read(item.product_id, fields)
        job.stats.images += sum(photo.image_id is not None for photo in item.images)
        for offer in offers_of(item):
            state = offer_state(offer)
            if job.snapshot.offers.get((item.product_id, offer.variant_id)) != state:
                job.snapshot.offers[item.product_id, offer.variant_id] = state
                job.write_buffer.add_offer(offer_row(item, offer, now=now, crawl_id=job.crawl_id))
        if known is None or known.removed or known.content_hash != row["content_hash"]:
            job.snapshot.products[item.product_id] = KnownProduct(
                row["content_hash"],
                first_seen,
                removed=False,
                fields=fields,
                url=item.url,
                traits=Traits(
                    fold(item.title), item.sku, item.gtin, item.images[0].url if item.images else None
                ),
            )
            job.write_buffer.add_product(row, page_row(item, crawl_id=job.crawl_id))
        if item.source is not None and item.source.own_page:
            note_page_read(job, item.source)
        await save(self.crawler)
        return item

    async def close_spider(self) -> None:
        """Writes the rest."""
        await save(self.crawler, everything=True)
