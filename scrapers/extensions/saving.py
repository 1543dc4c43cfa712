"""Writes what was read: when there is enough of it, when it has waited for a while, and at the end."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from deltalake.exceptions import DeltaError
from scrapy.utils.asyncio import create_looping_call
from scrapy.utils.defer import _schedule_coro

from scrapers.extensions.budget import stop
from scrapers.session.component import JobComponent, job_of
from scrapers.session.rejects import MAX_PENDING, write_rejects
from storage.errors import LookalikeError

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

_INTERVAL_S = 5.0


class Saving(JobComponent):
    """Writes also while no product comes: a crawl of unchanged pages has none, a slow crawl has few."""

    listens_to = ("spider_opened", "spider_closed")

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        self.loop = create_looping_call(self._save_if_due)

    def spider_opened(self) -> None:
        """Starts the timer."""
        self.loop.start(_INTERVAL_S, now=False)

    def spider_closed(self) -> None:
        """Stops the timer."""
        if self.loop.running:
            self.loop.stop()

    def _save_if_due(self) -> None:
        job = self.job
        if job.write_buffer.waiting_long or len(job.stats.rejects) >= MAX_PENDING:
            _schedule_coro(save(self.crawler, everything=True))


async def save(crawler: Crawler, *, everything: bool = False) -> None:
    """Writes the waiting rows if there are enough of them; ends the crawl if they cannot be written.

    :param everything: write them however few they are.
    """
    job = job_of(crawler)
    try:
        await (job.write_buffer.flush() if everything else job.write_buffer.flush_if_full())
        if everything:
            await asyncio.to_thread(write_rejects, job, job.stats.take_rejects())
    except (LookalikeError, DeltaError, OSError) as error:
        job.stats.note_error(error)
        job.stats.broken = write_error_sentence(error)
        stop(crawler, job.stats.broken)
    job.stats.images_new = job.write_buffer.images_new


def write_error_sentence(error: Exception) -> str:
    """The sentence for a data root that cannot be written."""
    return f"The tables could not be written ({error}). Free space or check permissions."
