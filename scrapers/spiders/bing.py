"""Bing's image search as a store: the photos that it finds, and the pages that show them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urljoin

from scrapers.extract.api import bing_items
from scrapers.extract.sources.bing import search_photos
from scrapers.session.failure import failure_of_request
from scrapers.spiders.store import StoreSpider
from storage.errors import LookalikeError
from storage.verdicts import RejectStage

PHOTOS_PER_QUERY = 100


class BingSpider(StoreSpider):
    """Searches for the words of the crawl, else for each of the store's `queries`.

    Bing's results change from day to day, so a product that is missing from them is never marked as removed.
    """

    name = "bing"

    async def start(self) -> AsyncIterator[Any]:
        """Yields a product for each page that shows a photo."""
        job = self.job
        queries = [job.query] if job.query else job.store.queries
        named = ", ".join(f"'{words}'" for words in queries)
        job.stats.searched = f"A search for {named}"
        for words in queries:
            try:
                photos = await asyncio.to_thread(
                    search_photos,
                    words,
                    limit=min(PHOTOS_PER_QUERY, job.store.limits.pages),
                    search_url=urljoin(self.base_url, "images/async"),
                    timeout_s=job.store.limits.timeout_s,
                    allow_private=job.allow_private,
                )
            except LookalikeError as error:
                job.stats.reject(self.base_url, RejectStage.FETCH, str(error))
                job.stats.gaps.append(str(error))
                if failure := failure_of_request(error):
                    job.stats.outcomes.note_failure(failure, essential=True)
                continue
            for item in bing_items(photos, words, store=job.store.name):
                yield item
