"""When a page has to be read again."""

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from scrapers.session.freshness import WEEK, changed_before, next_due, read_lately

READ = datetime(2026, 11, 21, 3, 30, tzinfo=UTC)
URLS = [f"https://shop.example/p/{number}" for number in range(700)]


def test_pages_are_due_in_nightly_slices_within_a_week():
    due = {url: next_due(url, READ, None) for url in URLS}
    assert min(due.values()) > READ + timedelta(hours=1)
    assert max(due.values()) < READ + WEEK
    nights = Counter((at - READ).days for at in due.values())
    assert len(nights) == 7
    assert max(nights.values()) < 1.4 * len(URLS) / 7
    assert due == {url: next_due(url, READ, None) for url in URLS}


def test_a_page_keeps_its_night_though_it_is_read_in_between():
    first = next_due(URLS[0], READ, None)
    assert next_due(URLS[0], first - timedelta(hours=5), first) == first
    for late in (timedelta(0), timedelta(hours=12), timedelta(days=6)):
        assert next_due(URLS[0], first + late, first) == first + WEEK
    again = next_due(URLS[0], first + 3 * WEEK, first)
    assert again == first + 4 * WEEK


def test_a_due_time_that_cannot_be_is_decided_anew():
    assert next_due(URLS[0], READ, READ + timedelta(days=400)) == next_due(URLS[0], READ, None)


@pytest.mark.parametrize(
    ("lastmod", "unchanged"),
    [
        ("2026-11-20T10:00:00+00:00", True),
        ("2026-11-21T03:29:59Z", True),
        ("2026-11-21T03:29:59.123Z", True),
        ("2026-11-21T03:29Z", True),
        ("2026-11-21T05:29:59+02:00", True),
        ("2026-11-21T03:30:00Z", False),
        ("2026-11-20T22:31:00-05:00", False),
        ("2026-11-19", True),
        ("2026-11-20", False),  # it ends at 12:00 UTC of the 21st, where a day ends last
        ("2026-11-21", False),
        ("2026-11-20 10:00", True),
        ("2026-11-20T20:00:00", False),
        ("2031-01-01T00:00:00Z", False),
        ("9999-12-31", False),
        ("yesterday", False),
        ("1763609400", False),
        ("", False),
        (None, False),
    ],
)
def test_lastmod_is_trusted_where_it_is_surely_earlier(lastmod, unchanged):
    assert changed_before(lastmod, READ) is unchanged


def test_what_an_unfinished_crawl_read_is_not_asked_again():
    hour, day = timedelta(hours=1), timedelta(days=1)
    assert read_lately(READ, None, READ + hour)
    assert read_lately(READ, READ - day, READ + hour)
    assert not read_lately(READ, READ + hour, READ + 2 * hour)
    assert not read_lately(READ, None, READ + day)
