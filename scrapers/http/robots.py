"""Parses robots.txt up to a size limit, since each rule is compared with each address."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scrapy.robotstxt import ProtegoRobotParser

from scrapers.extract.sitemap import MAX_ROBOTS

if TYPE_CHECKING:
    from typing import Self

    from scrapy.crawler import Crawler


class BoundedRobotParser(ProtegoRobotParser):
    """Reads the first 500 KiB of a robots.txt, the least that RFC 9309 demands."""

    @classmethod
    def from_crawler(cls, crawler: Crawler, robotstxt_body: bytes) -> Self:
        return super().from_crawler(crawler, robotstxt_body[:MAX_ROBOTS])
