"""Conducts a crawl from its lock to its row in `crawls`."""

from __future__ import annotations

import contextlib
import itertools
import logging
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pyarrow.compute as pc
from deltalake.exceptions import DeltaError
from scrapy.exceptions import CloseSpider

from scrapers.extensions.saving import write_error_sentence
from scrapers.middlewares.revalidate import NOT_MODIFIED
from scrapers.session import gates, promote
from scrapers.session.component import JobComponent
from scrapers.session.crawl_stats import Verdict, missing_products
from scrapers.session.failure import failure_of_error
from scrapers.session.moved import keep_identity_of_moved
from scrapers.session.rejects import write_rejects
from scrapers.session.snapshot import load_snapshot, of_store
from storage import tables
from storage.errors import BusyError, LookalikeError
from storage.shared_images import find_shared_images
from storage.staging import State, quarantine_sentence
from storage.terms import ABSENT
from storage.verdicts import CrawlStatus, Failure, RejectStage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from scrapy import Request, Spider
    from scrapy.crawler import Crawler
    from scrapy.http import Response

    from scrapers.session.job import Job

logger = logging.getLogger(__name__)

BUSY = "busy"
"""Why a crawl did not begin: another one of the same store is running."""


class CrawlRecord(JobComponent):
    """Locks the store, loads its snapshot, counts, and writes the crawl's row at the very end."""

    listens_to = (
        "spider_opened",
        "response_received",
        "request_dropped",
        "spider_error",
        "item_error",
        "spider_closed",
    )

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        self.lock = contextlib.ExitStack()

    def spider_opened(self, spider: Spider) -> None:
        """Takes the lock; if another crawl holds it, this one ends before its first request."""
        job: Job = self.job
        try:
            self.lock.enter_context(job.root.lock(f"crawl-{job.store.name}"))
        except BusyError as error:
            job.stats.broken = str(error)
            raise CloseSpider(BUSY) from None
        try:
            promote.resume(job.root, job.staging)
            job.snapshot = load_snapshot(job.root, job.store.name, job.staging)
        except LookalikeError as error:
            job.stats.broken = str(error)
            job.stats.note_error(error)
            raise CloseSpider("broken") from None
        except Exception as error:
            # Scrapy only logs what a signal's handler raises; without a snapshot all would be stored again.
            job.stats.broken = f"What is stored about '{job.store.name}' cannot be read ({error})."
            job.stats.note_error(error)
            logger.exception(job.stats.broken)
            raise CloseSpider("broken") from None

    def response_received(self, response: Response, spider: Spider) -> None:
        """Counts pages; photos are counted where they are kept."""
        if not response.meta.get("photo") and response.status != NOT_MODIFIED:
            self.job.stats.pages += 1

    def request_dropped(self, request: Request, spider: Spider) -> None:
        """Handles a redirect to an address that was requested before, maybe in a circle."""
        if "redirect_urls" in request.meta:
            spider.note_redirect_to_known_page(request)  # type: ignore[attr-defined]

    def spider_error(self, failure: Any, response: Response, spider: Spider) -> None:
        """Handles a bug in reading a page: the page is a reject, and the list of products has a gap."""
        stats = self.job.stats
        stats.note_error(failure.value)
        url = response.url if response is not None else ""
        stats.reject(
            url, RejectStage.EXTRACT, f"reading failed: {type(failure.value).__name__}: {failure.value}"
        )
        stats.gaps.append(f"{url} could not be read ({type(failure.value).__name__})")

    def item_error(self, item: Any, response: Response, spider: Spider, failure: Any) -> None:
        """Handles a bug in storing a product."""
        stats = self.job.stats
        stats.note_error(failure.value)
        url = getattr(item, "url", "")
        stats.reject(
            url, RejectStage.STORE, f"keeping failed: {type(failure.value).__name__}: {failure.value}"
        )
        stats.gaps.append(f"{url} could not be kept ({type(failure.value).__name__})")

    def spider_closed(self, spider: Spider, reason: str) -> None:
        """Judges the crawl, marks removed products, and writes the crawl's row."""
        job: Job = self.job
        if reason == BUSY:
            return
        try:
            self._finish(job, reason)
        finally:
            for worker in job.workers:
                worker.end()
                worker.close()
            self.lock.close()

    def _finish(self, job: Job, reason: str) -> None:
        stats = job.stats
        if reason == "shutdown" and not stats.stopped:
            stats.stopped, stats.cause = "The crawl was interrupted.", Failure.INTERRUPTED
        self._count_requests()
        verdict = stats.verdict(job.store.name, job.snapshot)
        verdict = replace(verdict, message=job.credentials.redacted(verdict.message))
        try:
            if verdict.status == CrawlStatus.FAILED:
                stats.count_changes(job.snapshot)
                row = _crawl_row(job, self.crawler, verdict)
            else:
                row = self._stage_or_promote(job, verdict)
            write_rejects(job, stats.take_rejects())
        except (LookalikeError, DeltaError, OSError) as error:
            sentence = str(error) if isinstance(error, LookalikeError) else write_error_sentence(error)
            failed = Verdict(CrawlStatus.FAILED, sentence, failure_of_error(error))
            row = _crawl_row(job, self.crawler, failed)
        level = logging.INFO if row["status"] == CrawlStatus.COMPLETE else logging.WARNING
        logger.log(level, "%s: %d products. %s", row["status"], len(stats.found), row["message"])
        logger.info("coverage: %s", stats.coverage())
        promote.write_crawl(job.root, row)
        if row["status"] not in (CrawlStatus.FAILED, CrawlStatus.QUARANTINED):
            job.staging.discard()

    def _stage_or_promote(self, job: Job, verdict: Verdict) -> dict[str, Any]:
        """Promotes a crawl that passes the gates, and quarantines one that does not.

        :return: its row of `crawls`, which is not written yet.
        """
        whole = verdict.status == CrawlStatus.COMPLETE
        if whole:
            keep_identity_of_moved(job)
        self._mark_removed(job, verdict.status)
        job.stats.count_changes(job.snapshot)
        findings = [
            replace(
                finding,
                sentence=job.credentials.redacted(finding.sentence),
                examples=tuple(map(job.credentials.redacted, finding.examples)),
            )
            for finding in gates.judge(job.snapshot, job.stats, job.store.limits, whole=whole)
        ]
        row = _crawl_row(job, self.crawler, verdict)
        if findings:
            job.staging.decide(State.QUARANTINED, row, findings)
            return row | {
                "status": CrawlStatus.QUARANTINED,
                "message": quarantine_sentence(job.store.name, findings),
                "failure": Failure.QUARANTINED,
            }
        if job.staging:
            job.staging.decide(State.ACCEPTED, row)
            promote.promote(job.root, job.staging)
        self._reject_shared_images(job)
        return row | {"rejects": job.stats.rejected}

    def _count_requests(self) -> None:
        scrapy_stats, stats = self.crawler.stats, self.job.stats
        stats.requests = scrapy_stats.get_value("downloader/request_count", 0)
        stats.size_bytes = scrapy_stats.get_value("downloader/response_bytes", 0)

    def _mark_removed(self, job: Job, status: CrawlStatus) -> None:
        """Marks the products whose own page says that they are gone, and those missed by several crawls."""
        found, snapshot = job.stats.found, job.snapshot
        lost = set(missing_products(found, snapshot.products))
        # A product that was just stored is gone, too, if its address turned out not to be its own.
        removed = lost & job.stats.gone if status in (CrawlStatus.COMPLETE, CrawlStatus.PARTIAL) else set()
        if status == CrawlStatus.COMPLETE:
            # A product that only an earlier staged crawl read, which was not believed, is no product.
            removed |= lost - snapshot.stored_products.keys()
            missed = {
                product_id: snapshot.missed_crawls.get(product_id, 0) + 1 for product_id in lost - removed
            }
            limit = job.store.limits.absent_nights
            removed |= {product_id for product_id, crawls in missed.items() if crawls >= limit}
            found_again = {
                product_id: 0
                for product_id, crawls in snapshot.missed_crawls.items()
                if crawls and product_id not in lost
            }
            self._note_missed_crawls(job, missed | found_again)
        if not removed:
            return
        now = datetime.now(UTC)
        stored = tables.scan(job.root, "products", where=of_store(job.store.name))
        read = (batch for rows in job.staging.rows("products") for batch in rows.to_batches())
        rows = {
            row["product_id"]: row | {"removed_at": now, "changed_at": now, "crawl_id": job.crawl_id}
            for batch in itertools.chain(stored, read)
            for row in batch.to_pylist()
            if row["product_id"] in removed
        }
        job.staging.add(job.crawl_id, "products", list(rows.values()))
        job.stats.removed = len(rows.keys() & snapshot.stored_products.keys())

    def _note_missed_crawls(self, job: Job, missed: Mapping[str, int]) -> None:
        """Notes how many complete crawls in a row have missed each product."""
        empty = dict.fromkeys(("etag", "last_modified", "content_hash", "image_id", "due_at"))
        own = {"store": job.store.name, "fetched_at": datetime.now(UTC), **empty}
        rows = [
            {"url": f"{ABSENT}{product_id}", "status": crawls, **own} for product_id, crawls in missed.items()
        ]
        job.staging.add(job.crawl_id, "fetches", rows)

    def _reject_shared_images(self, job: Job) -> None:
        """Notes the store's shared images, which show none of its products, as rejects."""
        on_sale = of_store(job.store.name) & pc.field("removed_at").is_null()
        columns = ["store", "title", "brand", "images"]
        products = tables.read(job.root, "products", columns=columns, where=on_sale)
        shared = {image_id: count for (_, image_id), count in find_shared_images(products).items()}
        if not shared:
            return
        urls: dict[str, str] = {}
        for images in products["images"].to_pylist():
            for image in images:
                if image["image_id"] in shared:
                    urls[image["image_id"]] = min(image["url"], urls.get(image["image_id"], image["url"]))
        for image_id, url in sorted(urls.items()):
            reason = f"placeholder: the same bytes on {shared[image_id]} products"
            job.stats.reject(url, RejectStage.PHOTO, reason)


def _crawl_row(job: Job, crawler: Crawler, verdict: Verdict) -> dict[str, Any]:
    stats = job.stats
    return {
        "crawl_id": job.crawl_id,
        "store": job.store.name,
        "spider": crawler.spider.name,  # type: ignore[union-attr]
        "started_at": job.started_at,
        "ended_at": datetime.now(UTC),
        "status": verdict.status,
        "products": len(stats.found),
        "products_new": stats.new,
        "products_changed": stats.changed,
        "products_removed": stats.removed,
        "images": stats.images,
        "images_new": stats.images_new,
        "rejects": stats.rejected,
        "requests": stats.requests,
        "size_bytes": stats.size_bytes,
        "errors": stats.errors,
        "message": verdict.message,
        "coverage": stats.coverage(),
        "failure": verdict.failure,
    }
