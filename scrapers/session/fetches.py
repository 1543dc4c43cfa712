"""Notes what was learnt from a request: the validators for the next one, and when that is due."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from scrapers.extensions.retry_after import retry_after_s
from scrapers.middlewares.revalidate import NOT_MODIFIED
from scrapers.session.freshness import next_due
from scrapers.session.snapshot import KnownFetch
from storage.terms import LISTED

if TYPE_CHECKING:
    from scrapy.http import Response

    from scrapers.items import Source
    from scrapers.session.job import Job
    from scrapers.session.rows import Row

RETRY_DAYS = (0, 2, 4, 7)
"""Days from the first, second, third and each later failure of a photo to its next request.

0 is the next crawl, so a photo that keeps failing is requested on the first, third and seventh night after
its first failure, and then weekly."""

GONE = (404, 410)
"""Statuses that a server answers for good: such a photo is requested weekly from the start."""

MAX_RETRY_AFTER_DAYS = 30
"""Longest wait that a Retry-After may ask for; a longer one is taken for a mistake."""

_EARLY = timedelta(hours=12)
"""A photo is due half a day before its night, so that a crawl that begins a little earlier requests it.
Crawls that follow each other faster count as one failure."""


def note_page_read(job: Job, source: Source) -> None:
    """Notes that a product's own page was read."""
    known = job.snapshot.fetches.get(source.url)
    fetch = KnownFetch(
        etag=source.etag,
        last_modified=source.last_modified,
        status=200,
        content_hash=hashlib.sha256(source.body).hexdigest(),
        image_id=None,
        fetched_at=source.fetched_at,
        due_at=next_due(source.url, source.fetched_at, known.due_at if known else None),
    )
    job.snapshot.fetches[source.url] = fetch
    job.write_buffer.add_page_fetch(_row(job, source.url, fetch))


def note_page_unchanged(job: Job, url: str) -> None:
    """Notes that a page was requested and has not changed since it was read."""
    known = job.snapshot.fetches[url]
    now = datetime.now(UTC)
    fetch = replace(known, fetched_at=now, due_at=next_due(url, now, known.due_at))
    job.snapshot.fetches[url] = fetch
    job.write_buffer.add_page_fetch(_row(job, url, fetch))


def note_listed_offers(job: Job, addresses: Iterable[str]) -> None:
    """Notes what the listings show of the products whose pages were read, and how far they are trusted."""
    listed, now = job.snapshot.listed_offers, datetime.now(UTC)
    own = {"store": job.store.name, "fetched_at": now}
    for address in addresses:
        if digest := listed.digest(address):
            job.write_buffer.add_page_fetch({"url": f"{LISTED}{address}", "content_hash": digest, **own})
    job.write_buffer.add_page_fetch({"url": LISTED, "status": listed.proofs, **own})


def note_photo_read(job: Job, url: str, response: Response, image_id: str) -> None:
    """Notes that a photo was read, or has not changed since."""
    known = job.snapshot.fetches.get(url)
    unchanged = known if response.status == NOT_MODIFIED else None
    now = datetime.now(UTC)
    fetch = KnownFetch(
        etag=header(response, "ETag") or (unchanged.etag if unchanged else None),
        last_modified=header(response, "Last-Modified") or (unchanged.last_modified if unchanged else None),
        status=response.status,
        content_hash=image_id,
        image_id=image_id,
        fetched_at=now,
        due_at=now + timedelta(days=job.store.limits.image_due_days),
    )
    job.snapshot.fetches[url] = fetch
    job.write_buffer.add_photo_fetch(_row(job, url, fetch))


def note_photo_failed(
    job: Job, url: str, response: Response | None = None, *, for_good: bool = False
) -> str | None:
    """Notes that no photo could be read from an address, and when to request it again.

    :param response: None if there was none.
    :param for_good: whether its bytes are a photo that is never kept.
    :return: the photo that was read from there earlier, which stays; None if there was none.
    """
    known, now = job.snapshot.fetches.get(url), datetime.now(UTC)
    status = response.status if response else None
    days = RETRY_DAYS[-1:] if for_good or status in GONE else RETRY_DAYS
    asked = retry_after_s(response.headers.get("Retry-After")) if response else None
    fetch = KnownFetch(
        etag=known.etag if known else None,
        last_modified=known.last_modified if known else None,
        status=status,
        content_hash=None,
        image_id=known.image_id if known else None,
        fetched_at=now,
        due_at=now + max(wait_after_failure(known, now, days), _bounded(asked)),
    )
    job.snapshot.fetches[url] = fetch
    job.write_buffer.add_photo_fetch(_row(job, url, fetch))
    return fetch.image_id


def wait_after_failure(known: KnownFetch | None, now: datetime, days: Sequence[int]) -> timedelta:
    """How long to wait after a failure: longer than after the failure before, if there was one.

    :param days: as `RETRY_DAYS`.
    """
    waits = [max(timedelta(days=count) - _EARLY, timedelta()) for count in days]
    if known is None or known.due_at is None or known.content_hash is not None:
        return waits[0]  # its last request did not fail
    before = known.due_at - known.fetched_at
    if now - known.fetched_at < _EARLY:
        return max(before, waits[0])
    return next((wait for wait in waits if wait > before), waits[-1])


def _bounded(seconds: float | None) -> timedelta:
    return timedelta(seconds=min(seconds or 0.0, MAX_RETRY_AFTER_DAYS * 86_400.0))


def header(response: Response, name: str) -> str | None:
    """A header of a response, cut to 500 characters; None if it is missing."""
    value = response.headers.get(name)
    return value.decode("latin-1")[:500] if value else None


def _row(job: Job, url: str, fetch: KnownFetch) -> Row:
    return {
        "url": url,
        "store": job.store.name,
        "etag": fetch.etag,
        "last_modified": fetch.last_modified,
        "status": fetch.status,
        "content_hash": fetch.content_hash,
        "image_id": fetch.image_id,
        "fetched_at": fetch.fetched_at,
        "due_at": fetch.due_at,
    }
