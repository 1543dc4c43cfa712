"""Ids that are given to crawls."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import uuid4


def new_crawl_id() -> str:
    """An id that sorts by time, so that a list of crawls reads in order."""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{uuid4().hex[:8]}"
