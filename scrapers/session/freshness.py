"""When a page that was read before has to be asked for again."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta, timezone

WEEK = timedelta(days=7)
"""No page is left unread for longer, whatever its store says about it."""

_EARLY = timedelta(hours=12)
"""A page is due half a day before its night, so that a crawl that begins a little earlier finds it."""

_RESUMED = timedelta(hours=20)
"""What an unfinished crawl read is not asked for again by the one that takes it up, but is the next night."""

_LAST_ZONE = timezone(-timedelta(hours=12))
"""Where a day ends last. A store that names no time zone may be there."""


def next_due(url: str, read_at: datetime, due_at: datetime | None) -> datetime:
    """When a page is to be read again though nothing says that it changed.

    At first some day of the week that its address decides, so that each night has an equal slice of a
    store's pages; from then on every seventh day after that, whatever makes it be read in between.

    :param due_at: what was decided when it was read before; None at first.
    """
    if due_at is None or due_at - read_at > WEEK:
        digest = hashlib.sha256(url.encode()).digest()
        days = 1 + int.from_bytes(digest[:4], "big") % WEEK.days
        return read_at + timedelta(days=days) - _EARLY
    missed = max(0, (read_at - due_at) // WEEK + 1)
    return due_at + missed * WEEK


def changed_before(lastmod: str | None, read_at: datetime) -> bool:
    """Whether a sitemap's `lastmod` says that a page has not changed since it was read.

    A date counts as its end, and so does a minute or a second; a time without zone is the latest it can be.
    What cannot be read, or is yet to come, says nothing.
    """
    text = (lastmod or "").strip()
    try:
        modified = datetime.fromisoformat(text)
        if modified.tzinfo is None:
            modified = modified.replace(tzinfo=_LAST_ZONE)
        if len(text) <= len("2026-11-21"):
            modified += timedelta(days=1)
        elif modified.microsecond:
            modified += timedelta(microseconds=1)
        else:
            modified += timedelta(seconds=1) if modified.second else timedelta(minutes=1)
        return modified.astimezone(UTC) <= read_at
    except (ValueError, OverflowError):
        return False


def read_lately(read_at: datetime, last_complete: datetime | None, now: datetime) -> bool:
    """Whether a page was read by a crawl that did not come to its end and that this one takes up.

    :param last_complete: when a crawl of the store was last complete.
    """
    return now - _RESUMED < read_at and (last_complete is None or read_at > last_complete)
