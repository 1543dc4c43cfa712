"""What a store's crawls say about it: how fresh it is, and on how many nights in a row it failed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from storage import tables
from storage.crawl_history import crawl_histories
from storage.root import Root

FIRST = datetime(2026, 11, 1, 3, tzinfo=UTC)

Crawl = tuple[int, str, str | None]
"""The night, the status and the failure of a crawl."""


def write(root: Root, crawls: list[Crawl], spider: str = "sitemap") -> None:
    """Rows of `crawls` of one store, not in their order."""
    rows = [
        {"store": "shop", "crawl_id": f"{at}", "spider": spider, "status": status, "failure": failure}
        | {
            "started_at": FIRST + timedelta(days=night, minutes=at),
            "ended_at": FIRST + timedelta(days=night, minutes=at + 1),
        }
        for at, (night, status, failure) in enumerate(crawls)
    ]
    tables.append(root, "crawls", rows[::-1])


@pytest.mark.parametrize(
    ("crawls", "nights"),
    [
        ([], None),
        ([(0, "complete", None)], 0),
        ([(0, "complete", None), (1, "failed", "dns"), (2, "failed", "refused"), (3, "failed", None)], 3),
        # Tried twice a night, and a night without a crawl between.
        ([(1, "failed", "dns"), (1, "failed", "dns"), (4, "failed", "dns"), (4, "failed", "dns")], 2),
        # A fault of this machine neither counts nor ends the row.
        (
            [
                (1, "failed", "dns"),
                (2, "failed", "disk full"),
                (3, "failed", "interrupted"),
                (4, "failed", "tls"),
            ],
            2,
        ),
        ([(1, "failed", "out of memory"), (2, "failed", "exception")], 0),
        # A store that answers at all is not dead.
        ([(1, "failed", "dns"), (2, "partial", "server error"), (3, "failed", "dns")], 1),
        ([(1, "failed", "dns"), (2, "quarantined", "quarantined")], 0),
    ],
)
def test_failed_nights_in_a_row(root: Root, crawls: list[Crawl], nights: int | None) -> None:
    write(root, crawls)
    history = crawl_histories(root).get("shop")
    assert (history.failed_nights if history else None) == nights


def test_a_store_is_as_fresh_as_its_last_complete_crawl(root: Root) -> None:
    write(
        root, [(0, "complete", None), (2, "complete", None), (3, "partial", "incomplete"), (4, "query", None)]
    )
    history = crawl_histories(root)["shop"]
    assert (history.first_at, history.last["status"]) == (FIRST, "query")
    assert history.fresh_at == FIRST + timedelta(days=2, minutes=2)


def test_a_store_that_can_only_be_searched_is_as_fresh_as_its_last_search(root: Root) -> None:
    write(root, [(0, "query", None), (1, "query", None)], spider="bing")
    assert crawl_histories(root)["shop"].fresh_at == FIRST + timedelta(days=1, minutes=2)
