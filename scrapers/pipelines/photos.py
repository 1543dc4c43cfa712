"""A product's photos are downloaded, checked by decoding, and kept byte by byte."""

from __future__ import annotations

import asyncio
import hashlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from scrapy import Request
from scrapy.exceptions import DropItem
from scrapy.http.request import NO_CALLBACK

from scrapers.items import Photo, ProductItem
from scrapers.middlewares.revalidate import NOT_MODIFIED
from scrapers.middlewares.stopped import Stopped
from scrapers.session.fetches import photo_read
from scrapers.session.job import check_job, job_of
from scrapers.session.reject_reasons import is_fault, reason_for
from scrapers.session.snapshot import KnownFetch
from scrapers.session.workers import EndedError, WorkerError
from storage import images
from storage.errors import UnreadableImageError

if TYPE_CHECKING:
    from typing import Self

    from scrapy.crawler import Crawler
    from scrapy.http import Response

    from scrapers.session.job import Job

_ACCEPT = "image/*,*/*;q=0.5"

SMALL_BYTES = 64 * 1024
"""Photos up to this size may wait to be decoded while others are downloaded."""
WAITING = 8
"""How many of them may."""


class PhotosPipeline:
    """Fills in each photo's `image_id`; what cannot be had is a reject and leaves the id empty."""

    def __init__(self, crawler: Crawler) -> None:
        self.crawler = crawler
        self.pending: dict[str, asyncio.Task[str | None]] = {}
        self.turns: asyncio.Semaphore | None = None
        self.waiting = asyncio.Semaphore(WAITING)

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        check_job(crawler)
        return cls(crawler)

    async def process_item(self, item: ProductItem) -> ProductItem:
        """:raises DropItem: where the crawl ends before the photos are here; the next crawl reads it."""
        job = job_of(self.crawler)
        limit = job.store.limits.images_per_product
        if len(item.images) > limit:
            reason = f"{len(item.images) - limit} photos over the limit of {limit} a product"
            job.ledger.reject(item.url, "photo", reason)
            item.images = item.images[:limit]
        await asyncio.gather(*(self._fill_in(photo) for photo in item.images))
        if job.ledger.stopped and any(photo.image_id is None for photo in item.images):
            raise DropItem("the crawl ended before its photos were fetched")
        return item

    async def _fill_in(self, photo: Photo) -> None:
        job = job_of(self.crawler)
        known = job.memory.fetches.get(photo.url)
        if known and known.due_at and known.due_at > datetime.now(UTC):
            photo.image_id = known.image_id
            return
        # The same photo on several products is fetched once.
        task = self.pending.get(photo.url)
        if task is None:
            task = self.pending[photo.url] = asyncio.ensure_future(self._fetch(job, photo.url, known))
        try:
            photo.image_id = await task
        finally:
            self.pending.pop(photo.url, None)

    async def _fetch(self, job: Job, url: str, known: KnownFetch | None) -> str | None:
        """The id of the photo at an address; an earlier one where it cannot be had today."""
        earlier = known.image_id if known else None
        # Few at a time, because each is held in memory as a whole until it is decoded.
        if self.turns is None:
            self.turns = asyncio.Semaphore(max(1, job.store.limits.connections // 2))
        async with self.turns:
            response = await self._asked(job, url, earlier)
            if response is None:
                return earlier
            if len(response.body) > SMALL_BYTES:
                return await self._taken(job, url, response, known)
            await self.waiting.acquire()
        try:
            return await self._taken(job, url, response, known)
        finally:
            self.waiting.release()

    async def _asked(self, job: Job, url: str, earlier: str | None) -> Response | None:
        """The answer of a photo's address; None where there is none."""
        try:
            request = Request(
                url,
                callback=NO_CALLBACK,
                headers={"Accept": _ACCEPT},
                meta={"photo": True, "download_maxsize": job.store.limits.image_bytes, "revalidate": earlier},
                dont_filter=True,
            )
            return await self.crawler.engine.download_async(request)
        except Stopped:
            return None
        except Exception as error:
            job.ledger.reject(url, "photo", reason_for(error))
            job.ledger.errors += is_fault(error)
            return None

    async def _taken(self, job: Job, url: str, response: Response, known: KnownFetch | None) -> str | None:
        """What an answer gives: a photo's id, an earlier one where it has none."""
        earlier = known.image_id if known else None
        if response.status == NOT_MODIFIED and known:
            photo_read(job, url, response, known.image_id, known.content_hash)
            return known.image_id
        if response.status != 200:
            job.ledger.reject(url, "photo", f"HTTP {response.status}")
            job.ledger.errors += response.status >= 500
            if 400 <= response.status < 500 and response.status != 429:
                photo_read(job, url, response, None, None)
            return earlier
        return await self._keep(job, url, response)

    async def _keep(self, job: Job, url: str, response: Response) -> str | None:
        body, limits = response.body, job.store.limits
        image_id = hashlib.sha256(body).hexdigest()
        if image_id not in job.memory.image_ids:
            try:
                facts = await job.photo_reader.answer(
                    images.inspect, body, max_pixels=limits.image_pixels, min_side=limits.image_min_side
                )
            except EndedError:
                return None
            except (UnreadableImageError, WorkerError) as error:
                job.ledger.reject(url, "photo", str(error))
                photo_read(job, url, response, None, image_id)
                return None
            now = datetime.now(UTC)
            job.outbox.add_image(
                {
                    "image_id": image_id,
                    "bytes": body,
                    "width": facts.width,
                    "height": facts.height,
                    "format": facts.format,
                    "perceptual_hash": facts.perceptual_hash,
                    "first_seen": now,
                    "month": f"{now:%Y-%m}",
                }
            )
            job.memory.image_ids.add(image_id)
        photo_read(job, url, response, image_id, image_id)
        return image_id
