"""Writes rejects to the table `rejects`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from storage import tables

if TYPE_CHECKING:
    from scrapers.session.crawl_stats import Reject
    from scrapers.session.job import Job

MAX_PENDING = 2000
"""Rejects that are held in memory before they are written."""


def write_rejects(job: Job, rejects: Sequence[Reject]) -> None:
    """Writes rejects; one that is stored already stays as it was."""
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
