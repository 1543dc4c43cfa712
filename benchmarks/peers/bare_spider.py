"""A spider as a Scrapy tutorial writes it: title and price by CSS, photos by Scrapy's own pipeline.

    scrapy runspider benchmarks/peers/bare_spider.py -a store=http://127.0.0.1:8001 -a out=DIR

Knows the demo store's markup, keeps no history, and asks as many pages at once as Lookalike does.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

from scrapy.http import Response
from scrapy.spiders import SitemapSpider


class BareSpider(SitemapSpider):
    """Follows the sitemap to the product pages."""

    name = "bare"
    sitemap_rules: ClassVar = [("/p/", "parse_product")]
    custom_settings: ClassVar = {
        "ITEM_PIPELINES": {"scrapy.pipelines.images.ImagesPipeline": 1},
        "ROBOTSTXT_OBEY": False,
        "CONCURRENT_REQUESTS": 16,
        "CONCURRENT_REQUESTS_PER_DOMAIN": 8,
        "DOWNLOAD_DELAY": 0,
        "AUTOTHROTTLE_ENABLED": False,
        "TELNETCONSOLE_ENABLED": False,
        "LOG_LEVEL": "WARNING",
    }

    @classmethod
    def from_crawler(cls, crawler: Any, store: str, out: str) -> BareSpider:
        """:param store: the store's address.
        :param out: folder for the photos and `items.jsonl`.
        """
        crawler.settings.set("IMAGES_STORE", f"{out}/photos", priority="spider")
        crawler.settings.set("FEEDS", {f"{out}/items.jsonl": {"format": "jsonlines"}}, priority="spider")
        spider: BareSpider = super().from_crawler(crawler)
        spider.sitemap_urls = [f"{store}/sitemap_index.xml"]
        return spider

    def parse_product(self, response: Response) -> Iterator[dict[str, Any]]:
        """Title, price and photo of a page."""
        yield {
            "title": response.css("h1::text").get(),
            "price": "".join(response.css(".price > span::text, .price::text").getall()).strip(),
            "image_urls": response.css(".gallery img::attr(src)").getall(),
        }
