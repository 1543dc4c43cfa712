"""What the crawls so far say about a store: how fresh it is, and since when it fails."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

from storage import tables
from storage.clock import LONG_AGO, credible
from storage.delta import TableRoot
from storage.verdicts import CrawlStatus, Failure

_ONLY_SEARCHED = "bing"
"""The strategy of stores whose crawls never read a whole store, because a search is all there is."""

_READ = (CrawlStatus.COMPLETE, CrawlStatus.PARTIAL, CrawlStatus.QUERY)

_OWN_FAULTS = frozenset(
    {
        Failure.INTERRUPTED,
        Failure.OUT_OF_TIME,
        Failure.OUT_OF_MEMORY,
        Failure.DISK_FULL,
        Failure.STORAGE,
        Failure.EXCEPTION,
    }
)
"""Failures of this machine, which say nothing about the store."""


@dataclass(frozen=True)
class CrawlHistory:
    """The crawls of one store.

    :ivar first_at: when its first crawl began.
    :ivar last: the latest row of `crawls`, its `coverage` as a dictionary.
    :ivar fresh_at: end of the last complete crawl, without those of a clock that was ahead, see
        `storage.clock`; None before the first.
    :ivar read_at: end of the last crawl whose products are in the tables, be it of a part of the store or of
        a search; without those of such a clock, None before the first.
    :ivar failed_nights: on how many days in a row, up to the last crawl, the store could not be read.
    """

    first_at: datetime
    last: dict[str, Any]
    fresh_at: datetime | None
    read_at: datetime | None
    failed_nights: int


def crawl_histories(root: TableRoot) -> dict[str, CrawlHistory]:
    """The crawls of each store that was ever crawled, by its name."""
    rows = tables.read(root, "crawls").to_pylist()
    rows.sort(key=lambda crawl: (crawl["store"], credible(crawl["ended_at"])))
    return {store: _history([*crawls]) for store, crawls in groupby(rows, key=lambda crawl: crawl["store"])}


def _history(crawls: Sequence[dict[str, Any]]) -> CrawlHistory:
    """:param crawls: all rows of a store, the latest last."""
    fresh = [crawl["ended_at"] for crawl in crawls if _is_fresh(crawl)]
    read = [crawl["ended_at"] for crawl in crawls if crawl["status"] in _READ and _is_credible(crawl)]
    last = crawls[-1]
    return CrawlHistory(
        first_at=min(crawl["started_at"] or crawl["ended_at"] for crawl in crawls),
        last={**last, "coverage": dict(last["coverage"] or ())},
        fresh_at=max(fresh, default=None),
        read_at=max(read, default=None),
        failed_nights=_failed_nights(crawls),
    )


def _is_fresh(crawl: dict[str, Any]) -> bool:
    searched = crawl["spider"] == _ONLY_SEARCHED and crawl["status"] == CrawlStatus.QUERY
    return (crawl["status"] == CrawlStatus.COMPLETE or searched) and _is_credible(crawl)


def _is_credible(crawl: dict[str, Any]) -> bool:
    return credible(crawl["ended_at"]) > LONG_AGO


def _failed_nights(crawls: Sequence[dict[str, Any]]) -> int:
    """A night may try a store several times, so days are counted and not crawls."""
    days = set()
    for crawl in reversed(crawls):
        if crawl["status"] != CrawlStatus.FAILED:
            break
        if crawl["failure"] not in _OWN_FAULTS:
            days.add(crawl["ended_at"].date())
    return len(days)
