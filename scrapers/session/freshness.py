"""Decides when a page that was read before is requested again."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta, timezone

WEEK = timedelta(days=7)
"""No page is left unread for longer, whatever its store says about it."""

_EARLY = timedelta(hours=12)
"""A page is due half a day before its night, so that a crawl that begins a little earlier finds it."""

_RESUMED = timedelta(hours=20)
"""The crawl that resumes an unfinished one does not request again what was read within this time."""

_LAST_ZONE = timezone(-timedelta(hours=12))
"""The time zone where a day ends last; a store that names no time zone may be there."""


def next_due(url: str, read_at: datetime, due_at: datetime | None) -> datetime:
    """When a page is read again though nothing says that it changed.

    The first time on a day of the coming week that its address decides, so that each night reads an equal
    share of a store's pages; from then on every seventh day, even if the page is read in between.

    :param due_at: when it was due according to the last call; None the first time.
    """
    if due_at is None or due_at - read_at > WEEK:
        digest = hashlib.sha256(url.encode()).digest()
        days = 1 + int.from_bytes(digest[:4], "big") % WEEK.days
        return read_at + timedelta(days=days) - _EARLY
    missed = max(0, (read_at - due_at) // WEEK + 1)
    return due_at + missed * WEEK


def changed_before(lastmod: str | None, read_at: datetime) -> bool:
    """Whether a sitemap's `lastmod` says that a page has not changed since it was read.

    A date, a minute or a second counts as its end; a time without a zone counts as the latest it can be.
    An unreadable time, or one in the future, gives False.
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
    """Whether a page was read by an unfinished crawl that this one resumes.

    :param last_complete: when the last complete crawl of the store ended.
    """
    return now - _RESUMED < read_at and (last_complete is None or read_at > last_complete)
