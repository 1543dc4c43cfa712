"""The base of Scrapy components that serve a crawl's job: extensions, middlewares, pipelines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scrapy import signals
from scrapy.exceptions import NotConfigured

if TYPE_CHECKING:
    from typing import ClassVar, Self

    from scrapy.crawler import Crawler

    from scrapers.session.job import Job


class JobComponent:
    """A component that Scrapy makes for each crawl; off if no store is crawled, as in `scrapy shell`.

    :cvar listens_to: names of Scrapy's signals; each is connected to the method of the same name.
    """

    listens_to: ClassVar[tuple[str, ...]] = ()

    def __init__(self, crawler: Crawler) -> None:
        self.crawler = crawler

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """:raises NotConfigured: where no store is crawled."""
        if not hasattr(crawler.spider, "job"):
            raise NotConfigured
        component = cls(crawler)
        for name in cls.listens_to:
            crawler.signals.connect(getattr(component, name), signal=getattr(signals, name))
        return component

    @property
    def job(self) -> Job:
        """The job of the crawl."""
        return job_of(self.crawler)


def job_of(crawler: Crawler) -> Job:
    """The job of the spider that a crawler runs."""
    job: Job = crawler.spider.job  # type: ignore[union-attr]
    return job
