"""Robots.txt as Scrapy asks for it, within a bound: each rule is compared with each address."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scrapy.robotstxt import ProtegoRobotParser

from scrapers.extract.sitemap import MAX_ROBOTS

if TYPE_CHECKING:
    from typing import Self

    from scrapy.crawler import Crawler


class BoundedRobotParser(ProtegoRobotParser):
    """Reads the first half a megabyte of a robots.txt, as RFC 9309 asks at least."""

    @classmethod
    def from_crawler(cls, crawler: Crawler, robotstxt_body: bytes) -> Self:
        return super().from_crawler(crawler, robotstxt_body[:MAX_ROBOTS])
