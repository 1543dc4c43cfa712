"""What was read is written when there is enough of it, when it has waited for a while, and at the end."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from deltalake.exceptions import DeltaError
from scrapy import signals
from scrapy.utils.asyncio import create_looping_call
from scrapy.utils.defer import _schedule_coro

from scrapers.extensions.budget import stop
from scrapers.session.job import check_job, job_of
from scrapers.session.rejects import MANY, write_rejects
from storage.errors import LookalikeError

if TYPE_CHECKING:
    from typing import Self

    from scrapy.crawler import Crawler

_LOOK_S = 5.0


class Saving:
    """Writes also where no product comes by: a crawl of unchanged pages has none, a slow one few."""

    def __init__(self, crawler: Crawler) -> None:
        self.crawler = crawler
        self.loop = create_looping_call(self._look)

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        check_job(crawler)
        extension = cls(crawler)
        crawler.signals.connect(extension.spider_opened, signal=signals.spider_opened)
        crawler.signals.connect(extension.spider_closed, signal=signals.spider_closed)
        return extension

    def spider_opened(self) -> None:
        """Begins to look."""
        self.loop.start(_LOOK_S, now=False)

    def spider_closed(self) -> None:
        """Ends."""
        if self.loop.running:
            self.loop.stop()

    def _look(self) -> None:
        job = job_of(self.crawler)
        if job.outbox.waiting_long or len(job.ledger.rejects) >= MANY:
            _schedule_coro(save(self.crawler, everything=True))


async def save(crawler: Crawler, *, everything: bool = False) -> None:
    """Writes what there is where there is enough of it; a crawl whose tables cannot be written ends.

    :param everything: however little it is.
    """
    job = job_of(crawler)
    try:
        await (job.outbox.flush() if everything else job.outbox.flush_if_full())
        if everything:
            await asyncio.to_thread(write_rejects, job, job.ledger.take_rejects())
    except (LookalikeError, DeltaError, OSError) as error:
        job.ledger.errors += 1
        job.ledger.broken = not_written(error)
        stop(crawler, job.ledger.broken)
    job.ledger.images_new = job.outbox.images_new


def not_written(error: Exception) -> str:
    """What is wrong where the data root cannot be written."""
    return f"The tables could not be written ({error}). Free space or check permissions."
