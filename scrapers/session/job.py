"""One crawl of one store, as its spider, pipelines and extensions share it."""

from __future__ import annotations

import functools
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from scrapy.exceptions import NotConfigured

from scrapers.config.store import Store
from scrapers.http.credentials import Credentials
from scrapers.session.crawl_id import new_crawl_id
from scrapers.session.crawl_stats import CrawlStats
from scrapers.session.snapshot import Snapshot
from scrapers.session.workers import AsyncWorker
from scrapers.session.write_buffer import WriteBuffer
from storage.root import Root
from storage.staging import Staging

if TYPE_CHECKING:
    from scrapy.crawler import Crawler


@dataclass(slots=True)
class Job:
    """What a crawl is to do, what it knows from earlier ones, and what it has done so far.

    :ivar throttle: whether the pace adapts to how quickly the store answers. A crawl-delay holds regardless.
    :ivar query: words that the store is asked for; None where all of it is read.
    :ivar credentials: the store's own headers and proxy.
    :ivar memory: what is stored already; empty until the crawl has begun.
    :ivar outbox: what is to be stored; `staging` is where it goes until the crawl is judged.
    :ivar reader: reads pages and sitemaps; `photo_reader` decodes photos.
    :ivar given_up: hosts that are asked for nothing more, with the reason.
    """

    root: Root
    store: Store
    crawl_id: str = field(default_factory=new_crawl_id)
    allow_private: bool = False
    throttle: bool = True
    query: str | None = None
    credentials: Credentials = field(default_factory=Credentials)
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    memory: Snapshot = field(default_factory=Snapshot)
    ledger: CrawlStats = field(default_factory=CrawlStats)
    staging: Staging = field(init=False)
    outbox: WriteBuffer = field(init=False)
    reader: AsyncWorker = field(init=False)
    photo_reader: AsyncWorker = field(init=False)
    given_up: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.staging = Staging(self.root, self.store.name)
        self.outbox = WriteBuffer(self.root, functools.partial(self.staging.add, self.crawl_id))
        self.reader = AsyncWorker(self.store.limits.read_seconds)
        # One photo at a time, for the memory that each takes: a WebP of 25 million pixels 380 MB.
        self.photo_reader = AsyncWorker(self.store.limits.read_seconds)

    @property
    def workers(self) -> tuple[AsyncWorker, ...]:
        """The processes beside the crawl's."""
        return self.reader, self.photo_reader


def job_of(crawler: Crawler) -> Job:
    """The job of the spider that a crawler runs."""
    job: Job = crawler.spider.job  # type: ignore[union-attr]
    return job


def check_job(crawler: Crawler) -> None:
    """:raises NotConfigured: where no store is crawled, as in `scrapy shell` and `scrapy fetch`."""
    if not hasattr(crawler.spider, "job"):
        raise NotConfigured
