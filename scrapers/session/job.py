"""The job: what a crawl shares between its spider, pipelines and extensions."""

from __future__ import annotations

import functools
from dataclasses import dataclass, field
from datetime import UTC, datetime

from scrapers.config.store import Store
from scrapers.http.credentials import Credentials
from scrapers.session.crawl_id import new_crawl_id
from scrapers.session.crawl_stats import CrawlStats
from scrapers.session.snapshot import Snapshot
from scrapers.session.workers import AsyncWorker
from scrapers.session.write_buffer import WriteBuffer
from storage.root import Root
from storage.staging import Staging


@dataclass(slots=True)
class Job:
    """What a crawl is to do, what it knows from earlier ones, and what it has done so far.

    :ivar throttle: whether the pace adapts to how quickly the store answers. A crawl-delay always holds.
    :ivar query: words to search the store for; None if all of it is read.
    :ivar credentials: the store's own headers and proxy.
    :ivar snapshot: what earlier crawls stored; empty until the crawl has begun.
    :ivar write_buffer: rows waiting to be written to `staging`, where they stay until the crawl is judged.
    :ivar reader: the worker process that reads pages and sitemaps.
    :ivar photo_reader: the worker process that decodes photos.
    :ivar given_up: hosts that get no more requests, with the reason.
    """

    root: Root
    store: Store
    crawl_id: str = field(default_factory=new_crawl_id)
    allow_private: bool = False
    throttle: bool = True
    query: str | None = None
    credentials: Credentials = field(default_factory=Credentials)
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    snapshot: Snapshot = field(default_factory=Snapshot)
    stats: CrawlStats = field(default_factory=CrawlStats)
    staging: Staging = field(init=False)
    write_buffer: WriteBuffer = field(init=False)
    reader: AsyncWorker = field(init=False)
    photo_reader: AsyncWorker = field(init=False)
    given_up: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.staging = Staging(self.root, self.store.name)
        self.write_buffer = WriteBuffer(self.root, functools.partial(self.staging.add, self.crawl_id))
        self.reader = AsyncWorker(self.store.limits.read_seconds)
        # One photo at a time, for the memory that each takes: a WebP of 25 million pixels 380 MB.
        self.photo_reader = AsyncWorker(self.store.limits.read_seconds)

    @property
    def workers(self) -> tuple[AsyncWorker, ...]:
        """The crawl's worker processes."""
        return self.reader, self.photo_reader
