"""Notes what was learnt from a request: the validators for the next one, and when that is due."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from scrapers.middlewares.revalidate import NOT_MODIFIED
from scrapers.session.freshness import next_due
from scrapers.session.snapshot import LISTED, KnownFetch

if TYPE_CHECKING:
    from scrapy.http import Response

    from scrapers.items import Source
    from scrapers.session.job import Job
    from scrapers.session.rows import Row

RETRY_DAYS = 7
"""Days until an address that had no photo is requested again."""


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


def note_photo_read(
    job: Job, url: str, response: Response, image_id: str | None, content_hash: str | None
) -> None:
    """Notes that a photo's address was requested.

    :param image_id: None if there was no photo.
    """
    known = job.snapshot.fetches.get(url)
    unchanged = known if response.status == NOT_MODIFIED else None
    now = datetime.now(UTC)
    days = job.store.limits.image_due_days if image_id else RETRY_DAYS
    fetch = KnownFetch(
        etag=header(response, "ETag") or (unchanged.etag if unchanged else None),
        last_modified=header(response, "Last-Modified") or (unchanged.last_modified if unchanged else None),
        status=response.status,
        content_hash=content_hash,
        image_id=image_id,
        fetched_at=now,
        due_at=now + timedelta(days=days),
    )
    job.snapshot.fetches[url] = fetch
    job.write_buffer.add_photo_fetch(_row(job, url, fetch))


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
