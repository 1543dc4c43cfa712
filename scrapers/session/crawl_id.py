"""The ids of crawls."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import uuid4


def new_crawl_id() -> str:
    """A new id; ids sort by time."""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{uuid4().hex[:8]}"
