"""The robots.txt and the sitemaps of a demo storefront."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from html import escape

from lookalike.demo.reply import Reply, text_reply
from lookalike.demo.shelf import Listed, Shelf

_SITEMAP = 'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"'
_IMAGE = 'xmlns:image="http://www.google.com/schemas/sitemap-image/1.1"'


def robots(shelf: Shelf, rules: str, sitemap: str) -> Reply:
    """A robots.txt.

    :param rules: its Allow and Disallow lines, each ending in a newline.
    :param sitemap: path of its sitemap.
    """
    delay = f"Crawl-delay: {shelf.rules.crawl_delay:g}\n" if shelf.rules.crawl_delay else ""
    if shelf.rules.open_search:
        rules = rules.replace("Disallow: /search\n", "")
    return text_reply(f"User-agent: *\n{rules}{delay}\nSitemap: {shelf.url}{sitemap}\n")


def index(addresses: Iterable[str], modified: datetime | None = None) -> str:
    """A list of sitemaps."""
    entries = "".join(f"<sitemap>{_location(url, modified)}</sitemap>" for url in addresses)
    return f"<sitemapindex {_SITEMAP}>{entries}</sitemapindex>"


def pages(addresses: Iterable[tuple[str, datetime | None]]) -> str:
    """A sitemap of pages and when each changed."""
    entries = "".join(f"<url>{_location(url, modified)}</url>" for url, modified in addresses)
    return f"<urlset {_SITEMAP}>{entries}</urlset>"


def products(shelf: Shelf, listed: Iterable[tuple[str, Listed]]) -> str:
    """A sitemap of product pages with their photos."""
    dated = shelf.rules.lastmod
    entries = "".join(
        f"<url>{_location(url, one.modified if dated else None)}"
        f"{''.join(map(_image, shelf.photo_urls(one)))}</url>\n"
        for url, one in listed
    )
    return f"<urlset {_SITEMAP} {_IMAGE}>\n{entries}</urlset>"


def _location(url: str, modified: datetime | None) -> str:
    changed = f"<lastmod>{modified.isoformat()}</lastmod>" if modified else ""
    return f"<loc>{escape(url)}</loc>{changed}"


def _image(url: str) -> str:
    return f"<image:image><image:loc>{escape(url)}</image:loc></image:image>"
