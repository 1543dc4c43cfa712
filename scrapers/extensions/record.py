"""A crawl from its lock to its row in `crawls`."""

from __future__ import annotations

import contextlib
import itertools
import logging
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pyarrow.compute as pc
from deltalake.exceptions import DeltaError
from scrapy import signals
from scrapy.exceptions import CloseSpider

from scrapers.extensions.saving import not_written
from scrapers.middlewares.revalidate import NOT_MODIFIED
from scrapers.session import gates, promote, snapshot
from scrapers.session.crawl_stats import COMPLETE, FAILED, PARTIAL, QUARANTINED, missing
from scrapers.session.job import check_job, job_of
from scrapers.session.moved import keep_moved
from scrapers.session.rejects import write_rejects
from storage import tables
from storage.errors import BusyError, LookalikeError
from storage.shared_images import find_placeholders
from storage.staging import State, quarantine_sentence

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Self

    from scrapy import Request, Spider
    from scrapy.crawler import Crawler
    from scrapy.http import Response

    from scrapers.session.job import Job

logger = logging.getLogger(__name__)

BUSY = "busy"
"""Reason of a crawl that did not begin because another one of the same store runs."""


class CrawlRecord:
    """Locks the store, loads what is known of it, counts, and writes the crawl's row last of all."""

    def __init__(self, crawler: Crawler) -> None:
        self.crawler = crawler
        self.lock = contextlib.ExitStack()

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        check_job(crawler)
        record = cls(crawler)
        connect = crawler.signals.connect
        connect(record.spider_opened, signal=signals.spider_opened)
        connect(record.response_received, signal=signals.response_received)
        connect(record.request_dropped, signal=signals.request_dropped)
        connect(record.spider_error, signal=signals.spider_error)
        connect(record.item_error, signal=signals.item_error)
        connect(record.spider_closed, signal=signals.spider_closed)
        return record

    def spider_opened(self, spider: Spider) -> None:
        """Takes the lock; where another crawl has it, this one ends before its first request."""
        job: Job = spider.job  # type: ignore[attr-defined]
        try:
            self.lock.enter_context(job.root.lock(f"crawl-{job.store.name}"))
        except BusyError as error:
            job.ledger.broken = str(error)
            raise CloseSpider(BUSY) from None
        try:
            promote.resume(job.root, job.staging)
            job.memory = snapshot.load(job.root, job.store.name, job.staging)
        except LookalikeError as error:
            job.ledger.broken = str(error)
            raise CloseSpider("broken") from None
        except Exception as error:
            # Scrapy only logs what a signal's handler raises; going on with no memory would store all anew.
            job.ledger.broken = f"What is stored about '{job.store.name}' cannot be read ({error})."
            logger.exception(job.ledger.broken)
            raise CloseSpider("broken") from None

    def response_received(self, response: Response, spider: Spider) -> None:
        """Counts pages; photos are counted where they are kept."""
        if not response.meta.get("photo") and response.status != NOT_MODIFIED:
            spider.job.ledger.pages += 1  # type: ignore[attr-defined]

    def request_dropped(self, request: Request, spider: Spider) -> None:
        """A request that Scrapy passes over as asked for before: a redirect, maybe in a circle."""
        if "redirect_urls" in request.meta:
            spider.leads_to_known_page(request)  # type: ignore[attr-defined]

    def spider_error(self, failure: Any, response: Response, spider: Spider) -> None:
        """A fault of ours while reading a page: the page is a reject, and the list of products has a gap."""
        ledger = spider.job.ledger  # type: ignore[attr-defined]
        ledger.errors += 1
        url = response.url if response is not None else ""
        ledger.reject(url, "extract", f"reading failed: {type(failure.value).__name__}: {failure.value}")
        ledger.gaps.append(f"{url} could not be read ({type(failure.value).__name__})")

    def item_error(self, item: Any, response: Response, spider: Spider, failure: Any) -> None:
        """A fault of ours while keeping a product."""
        ledger = spider.job.ledger  # type: ignore[attr-defined]
        ledger.errors += 1
        url = getattr(item, "url", "")
        ledger.reject(url, "store", f"keeping failed: {type(failure.value).__name__}: {failure.value}")
        ledger.gaps.append(f"{url} could not be kept ({type(failure.value).__name__})")

    def spider_closed(self, spider: Spider, reason: str) -> None:
        """Judges the crawl, marks what is gone, and writes what it was."""
        job: Job = spider.job  # type: ignore[attr-defined]
        if reason == BUSY:
            return
        try:
            self._conclude(job, reason)
        finally:
            for worker in job.workers:
                worker.end()
                worker.close()
            self.lock.close()

    def _conclude(self, job: Job, reason: str) -> None:
        ledger = job.ledger
        if reason == "shutdown" and not ledger.stopped:
            ledger.stopped = "The crawl was interrupted."
        self._count()
        verdict = ledger.verdict(job.store.name, job.memory)
        status, message = verdict.status, job.credentials.redacted(verdict.message)
        try:
            if status == FAILED:
                ledger.count_changes(job.memory)
                row = self._row(job, status, message)
            else:
                row = self._settle(job, status, message)
            write_rejects(job, ledger.take_rejects())
        except LookalikeError as error:
            row = self._row(job, FAILED, str(error))
        except (DeltaError, OSError) as error:
            row = self._row(job, FAILED, not_written(error))
        level = logging.INFO if row["status"] == COMPLETE else logging.WARNING
        logger.log(level, "%s: %d products. %s", row["status"], len(ledger.found), row["message"])
        logger.info("coverage: %s", ledger.coverage())
        promote.write_crawl(job.root, row)
        if row["status"] not in (FAILED, QUARANTINED):
            job.staging.discard()

    def _settle(self, job: Job, status: str, message: str) -> dict[str, Any]:
        """Judges a crawl that came to an end, and makes it what is known of the store, or quarantines it.

        :return: its row of `crawls`, which is still to be written.
        """
        whole = status == COMPLETE
        if whole:
            keep_moved(job)
        self._mark_removed(job, status)
        job.ledger.count_changes(job.memory)
        findings = [
            replace(
                one,
                sentence=job.credentials.redacted(one.sentence),
                examples=tuple(map(job.credentials.redacted, one.examples)),
            )
            for one in gates.judge(job.memory, job.ledger, job.store.limits, whole=whole)
        ]
        row = self._row(job, status, message)
        if findings:
            job.staging.decide(State.QUARANTINED, row, findings)
            return row | {"status": QUARANTINED, "message": quarantine_sentence(job.store.name, findings)}
        if job.staging:
            job.staging.decide(State.ACCEPTED, row)
            promote.promote(job.root, job.staging)
        self._note_placeholders(job)
        return row | {"rejects": job.ledger.rejected}

    def _row(self, job: Job, status: str, message: str) -> dict[str, Any]:
        return _crawl_row(job, self.crawler, status, message)

    def _count(self) -> None:
        stats = self.crawler.stats
        ledger = job_of(self.crawler).ledger
        ledger.requests = stats.get_value("downloader/request_count", 0)
        ledger.size_bytes = stats.get_value("downloader/response_bytes", 0)

    def _mark_removed(self, job: Job, status: str) -> None:
        """Marks the products whose own page says that they are gone, and those that were long not met."""
        found, memory = job.ledger.found, job.memory
        lost = set(missing(found, memory.products))
        # One that was stored a moment ago, and then turned out to be at no address of its own, is gone, too.
        wanted = lost & job.ledger.gone if status in (COMPLETE, PARTIAL) else set()
        if status == COMPLETE:
            # What only a staged crawl read, which was not believed, is no product.
            wanted |= {one for one in lost if one not in memory.before}
            absent = {one: memory.absent.get(one, 0) + 1 for one in lost - wanted}
            wanted |= {one for one, nights in absent.items() if nights >= job.store.limits.absent_nights}
            back = {one: 0 for one, nights in memory.absent.items() if nights and one not in lost}
            self._note_absent(job, absent | back)
        if not wanted:
            return
        now = datetime.now(UTC)
        stored = tables.scan(job.root, "products", where=snapshot.of_store(job.store.name))
        read = (batch for rows in job.staging.rows("products") for batch in rows.to_batches())
        rows = {
            row["product_id"]: row | {"removed_at": now, "changed_at": now, "crawl_id": job.crawl_id}
            for batch in itertools.chain(stored, read)
            for row in batch.to_pylist()
            if row["product_id"] in wanted
        }
        job.staging.add(job.crawl_id, "products", list(rows.values()))
        job.ledger.removed = sum(one in job.memory.before for one in rows)

    def _note_absent(self, job: Job, nights: Mapping[str, int]) -> None:
        """Notes for how many complete crawls in a row products were not met."""
        empty = dict.fromkeys(("etag", "last_modified", "content_hash", "image_id", "due_at"))
        own = {"store": job.store.name, "fetched_at": datetime.now(UTC), **empty}
        rows = [{"url": f"{snapshot.ABSENT}{one}", "status": count, **own} for one, count in nights.items()]
        job.staging.add(job.crawl_id, "fetches", rows)

    def _note_placeholders(self, job: Job) -> None:
        """Photos of the store that show none of its products: rejects, which no index takes up."""
        mine = snapshot.of_store(job.store.name) & pc.field("removed_at").is_null()
        columns = ["store", "title", "brand", "images"]
        products = tables.read(job.root, "products", columns=columns, where=mine)
        placeholders = {image_id: count for (_, image_id), count in find_placeholders(products).items()}
        if not placeholders:
            return
        urls: dict[str, str] = {}
        for images in products["images"].to_pylist():
            for image in images:
                if image["image_id"] in placeholders:
                    urls[image["image_id"]] = min(image["url"], urls.get(image["image_id"], image["url"]))
        for image_id, url in sorted(urls.items()):
            reason = f"placeholder: the same bytes on {placeholders[image_id]} products"
            job.ledger.reject(url, "photo", reason)


def _crawl_row(job: Job, crawler: Crawler, status: str, message: str) -> dict[str, Any]:
    ledger = job.ledger
    return {
        "crawl_id": job.crawl_id,
        "store": job.store.name,
        "spider": crawler.spider.name,  # type: ignore[union-attr]
        "started_at": job.started_at,
        "ended_at": datetime.now(UTC),
        "status": status,
        "products": len(ledger.found),
        "products_new": ledger.new,
        "products_changed": ledger.changed,
        "products_removed": ledger.removed,
        "images": ledger.images,
        "images_new": ledger.images_new,
        "rejects": ledger.rejected,
        "requests": ledger.requests,
        "size_bytes": ledger.size_bytes,
        "errors": ledger.errors,
        "message": message,
        "coverage": ledger.coverage(),
    }
