"""Downloads a product's photos, checks them by decoding, and stores their bytes unchanged."""

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
from scrapers.middlewares.stopped import GivenUp, Stopped
from scrapers.session.component import JobComponent
from scrapers.session.fetches import note_photo_failed, note_photo_read
from scrapers.session.reject_reasons import is_fault, reason_for
from scrapers.session.snapshot import KnownFetch
from scrapers.session.workers import EndedError, WorkerError
from storage import images
from storage.errors import UnreadableImageError, UnsuitableImageError
from storage.verdicts import RejectStage

if TYPE_CHECKING:
    from scrapy.crawler import Crawler
    from scrapy.http import Response

    from scrapers.session.job import Job

_ACCEPT = "image/*,*/*;q=0.5"

SMALL_BYTES = 64 * 1024
"""Photos up to this size may wait to be decoded while others are downloaded."""
MAX_WAITING = 8
"""How many photos may wait so."""


class PhotosPipeline(JobComponent):
    """Fills in each photo's `image_id`; a photo that cannot be fetched has none and is a reject."""

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        self.downloads: dict[str, asyncio.Task[str | None]] = {}
        self.download_slots: asyncio.Semaphore | None = None
        self.decode_slots = asyncio.Semaphore(MAX_WAITING)

    async def process_item(self, item: ProductItem) -> ProductItem:
        """:raises DropItem: where the crawl ends before its photos are fetched; the next one reads it."""
        job = self.job
        limit = job.store.limits.images_per_product
        if len(item.images) > limit:
            reason = f"{len(item.images) - limit} photos over the limit of {limit} a product"
            job.stats.reject(item.url, RejectStage.PHOTO, reason)
            item.images = item.images[:limit]
        await asyncio.gather(*(self._fill_in_image_id(photo) for photo in item.images))
        if job.stats.stopped and any(photo.image_id is None for photo in item.images):
            raise DropItem("the crawl ended before its photos were fetched")
        return item

    async def _fill_in_image_id(self, photo: Photo) -> None:
        job = self.job
        known = job.snapshot.fetches.get(photo.url)
        if known and self._is_settled(known):
            photo.image_id = known.image_id
            return
        # Products that show the same photo at the same time wait for one download.
        task = self.downloads.get(photo.url)
        if task is None:
            task = self.downloads[photo.url] = asyncio.ensure_future(self._fetch(job, photo.url, known))
        try:
            photo.image_id = await task
        finally:
            self.downloads.pop(photo.url, None)

    def _is_settled(self, known: KnownFetch) -> bool:
        """Whether a photo needs no request now: it is not due, or this crawl has requested it already."""
        is_due = known.due_at is None or known.due_at <= datetime.now(UTC)
        return not is_due or known.fetched_at >= self.job.started_at

    async def _fetch(self, job: Job, url: str, known: KnownFetch | None) -> str | None:
        """The id of the photo at an address; the earlier one if it cannot be fetched now."""
        earlier = known.image_id if known else None
        # Few at a time, because each is held in memory until it is decoded.
        if self.download_slots is None:
            self.download_slots = asyncio.Semaphore(max(1, job.store.limits.connections // 2))
        async with self.download_slots:
            response = await self._download(job, url, earlier)
            if response is None:
                return earlier
            if len(response.body) > SMALL_BYTES:
                return await self._read_response(job, url, response, known)
            await self.decode_slots.acquire()
        try:
            return await self._read_response(job, url, response, known)
        finally:
            self.decode_slots.release()

    async def _download(self, job: Job, url: str, earlier: str | None) -> Response | None:
        """The response of a photo's address; None if there is none."""
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
            job.stats.reject(url, RejectStage.PHOTO, reason_for(error))
            job.stats.errors += is_fault(error)
            if not isinstance(error, GivenUp):  # then nothing was learnt about this photo
                note_photo_failed(job, url)
            return None

    async def _read_response(
        self, job: Job, url: str, response: Response, known: KnownFetch | None
    ) -> str | None:
        """The id of the photo in a response; the earlier one if the response holds none."""
        if response.status == NOT_MODIFIED and known and known.image_id:
            note_photo_read(job, url, response, known.image_id)
            return known.image_id
        if response.status != 200:
            job.stats.reject(url, RejectStage.PHOTO, f"HTTP {response.status}")
            job.stats.errors += response.status >= 500
            return note_photo_failed(job, url, response)
        return await self._store(job, url, response)

    async def _store(self, job: Job, url: str, response: Response) -> str | None:
        body, limits = response.body, job.store.limits
        image_id = hashlib.sha256(body).hexdigest()
        if image_id not in job.snapshot.image_ids:
            try:
                facts = await job.photo_reader.answer(
                    images.inspect, body, max_pixels=limits.image_pixels, min_side=limits.image_min_side
                )
            except EndedError:
                return None
            except (UnreadableImageError, WorkerError) as error:
                job.stats.reject(url, RejectStage.PHOTO, str(error))
                return note_photo_failed(job, url, response, for_good=isinstance(error, UnsuitableImageError))
            now = datetime.now(UTC)
            job.write_buffer.add_image(
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
            job.snapshot.image_ids.add(image_id)
        note_photo_read(job, url, response, image_id)
        return image_id
