"""A robots.txt is parsed up to a size, since each of its rules is compared with each address."""

import pytest
from scrapy.utils.test import get_crawler

from scrapers.extract.sitemap import MAX_ROBOTS
from scrapers.http.robots import BoundedRobotParser

US = "Lookalike"


def allows(robots: bytes, url: str) -> bool:
    return BoundedRobotParser.from_crawler(get_crawler(), robots).allowed(url, US)


@pytest.mark.parametrize("filler", [b"Disallow: /a/1\n", b"# nothing\n", b"\n", b"Sitemap: /a.xml\n"])
def test_the_first_half_megabyte_counts_and_no_more(filler):
    head = b"User-agent: *\nDisallow: /early\n"
    within = head + filler * ((MAX_ROBOTS - len(head)) // len(filler))
    beyond = within + filler + b"\nUser-agent: *\nDisallow: /late\n"
    assert not allows(beyond, "https://shop.example/early")
    assert allows(beyond, "https://shop.example/late")
    assert not allows(head + b"Disallow: /late\n", "https://shop.example/late")


@pytest.mark.parametrize(
    "robots", [b"", b"\xff\xfe\x00", b"\x00" * 100, b"User-agent: *\r\rDisallow:", b":" * 9999]
)
def test_what_is_no_robots_txt_forbids_nothing(robots):
    assert allows(robots, "https://shop.example/p/1")
