"""Pages and photos that were not kept, on their way to the table `rejects`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from storage import tables

if TYPE_CHECKING:
    from scrapers.session.crawl_stats import Reject
    from scrapers.session.job import Job

MANY = 2000
"""Rejects that are held before they are written."""


def write_rejects(job: Job, rejects: Sequence[Reject]) -> None:
    """Writes them; one that earlier crawls had as well stays as it was."""
    rows = [
        {
            "url": job.credentials.redacted(reject.url),
            "store": job.store.name,
            "stage": reject.stage,
            "reason": job.credentials.redacted(reject.reason),
            "crawl_id": job.crawl_id,
            "rejected_at": reject.rejected_at,
        }
        for reject in rejects
    ]
    if rows:
        tables.merge(job.root, "rejects", rows)
