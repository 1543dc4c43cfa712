"""Times that were stored while a machine's clock was wrong."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

CLOCK_SKEW = timedelta(hours=1)
"""How far a stored time may lie in the future. A later one was written while a clock was wrong: it counts as
the oldest, since otherwise it would hide all newer rows until then."""

LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
"""The time that a wrong one counts as."""


def latest_credible() -> datetime:
    """The latest time that a stored row may have."""
    return datetime.now(UTC) + CLOCK_SKEW


def credible(time: datetime) -> datetime:
    """A stored time; `LONG_AGO` if it lies in the future."""
    return time if time <= latest_credible() else LONG_AGO
