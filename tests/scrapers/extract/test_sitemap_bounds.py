"""A sitemap takes no more memory than its limit, whatever it unpacks to."""

import gzip
import tracemalloc

import pytest

from scrapers.extract.sitemap import UnreadableSitemap, read_sitemap

LIMIT = 1_000_000
BOMB = gzip.compress(bytes(200_000_000), 9, mtime=0)


@pytest.mark.parametrize("body", [BOMB, gzip.compress(BOMB, mtime=0)], ids=["once", "twice"])
def test_no_more_is_unpacked_than_may_be(body):
    tracemalloc.start()
    try:
        with pytest.raises(UnreadableSitemap, match="larger than 1000000 bytes unpacked"):
            read_sitemap(body, "https://shop.example/sitemap.xml", max_bytes=LIMIT)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 4 * LIMIT


def test_what_is_within_the_limit_is_read():
    body = gzip.compress(b"<urlset><url><loc>/p/1</loc></url>" + b" " * (LIMIT - 100) + b"</urlset>", mtime=0)
    found = read_sitemap(body, "https://shop.example/sitemap.xml", max_bytes=LIMIT)
    assert [entry.url for entry in found.pages] == ["https://shop.example/p/1"]
