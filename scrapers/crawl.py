"""Runs one crawl in a process of its own and returns how it ended.

Scrapy's reactor can be started once a process, and Scrapy exits with 0 after errors: so a crawl is a
subprocess, and its outcome is its row in `crawls`, which it writes last of all.
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import IO, Any

import pyarrow.compute as pc
from deltalake.exceptions import DeltaError

from scrapers.config.store import Store
from scrapers.session.crawl_id import new_crawl_id
from scrapers.session.crawl_log import KEEP, CrawlLog, prune
from scrapers.session.failure import count_oom_kills, failure_of_exit
from scrapers.session.preflight import check_ready
from storage import tables
from storage.errors import BusyError, LookalikeError
from storage.import_path import import_environment
from storage.root import Root
from storage.verdicts import CrawlStatus, Failure

logger = logging.getLogger(__name__)

_GRACE_S = 180.0
"""Time after its own limit that a crawl has to finish running requests and to write."""

_STOP_S = 20.0

_LOW_MEMORY = {
    "ARROW_DEFAULT_MEMORY_POOL": "system",
    "MALLOC_ARENA_MAX": "1",
    "MALLOC_TRIM_THRESHOLD_": "65536",
}
"""Gives freed memory back to the system: a crawl of 1,200 products peaks at 330 MB instead of 400 MB."""


@dataclass(frozen=True)
class CrawlProgress:
    """How far a crawl is.

    :ivar products: products read so far.
    :ivar expected: products the store says it has; None where it does not say.
    :ivar images_new: photos stored so far that were not stored before.
    """

    store: str
    products: int
    expected: int | None
    images_new: int
    requests: int


@dataclass(frozen=True)
class CrawlOutcome:
    """How a crawl ended; its fields are the columns of `crawls`.

    :ivar status: a `CrawlStatus`.
    :ivar images: photos that the products of this crawl show.
    :ivar images_new: photos that were not stored before.
    :ivar message: a sentence.
    :ivar coverage: the share of products that have each field.
    :ivar failure: why it is not complete, a `Failure`; None if it is.
    """

    store: str
    crawl_id: str
    spider: str
    status: str
    started_at: datetime
    ended_at: datetime
    products: int = 0
    products_new: int = 0
    products_changed: int = 0
    products_removed: int = 0
    images: int = 0
    images_new: int = 0
    rejects: int = 0
    requests: int = 0
    size_bytes: int = 0
    errors: int = 0
    message: str = ""
    coverage: dict[str, float] = field(default_factory=dict)
    failure: str | None = None

    @property
    def sentence(self) -> str:
        """Why it is not complete, and what to do; empty if it is complete."""
        # A quarantined crawl's message says what to do; of a rejected one nothing is left to do.
        if self.failure is None or self.status in (CrawlStatus.QUARANTINED, CrawlStatus.REJECTED):
            return self.message
        return f"{self.message} {Failure(self.failure).advice}"

    @property
    def seconds(self) -> float:
        """How long it took."""
        return (self.ended_at - self.started_at).total_seconds()


def run_crawl(
    root: Root,
    store: Store,
    *,
    allow_private: bool = False,
    throttle: bool = True,
    query: str | None = None,
    keep_logs: int = KEEP,
    on_progress: Callable[[CrawlProgress], None] | None = None,
) -> CrawlOutcome:
    """Crawls a store and writes what it finds to the tables.

    If a store cannot be read, the status is `failed`, the message says why, and nothing stored changes.

    :param allow_private: whether addresses on this machine and in private networks are allowed.
    :param throttle: whether to go only as fast as the store answers. A crawl-delay is kept in any case.
    :param query: words to search the store for; then no product counts as removed.
    :param keep_logs: how many logs of this store's crawls are kept, see `scrapers.session.crawl_log`.
    :param on_progress: called about twice a second.
    :raises InputError: where the store needs an environment variable that is not set.
    :raises LookalikeError: where it needs a browser that is not there.
    :raises BusyError: where another crawl of this store into this data root runs.
    """
    check_ready(store, os.environ)
    crawl_id, started_at = new_crawl_id(), datetime.now(UTC)
    options: dict[str, object] = {"allow_private": int(allow_private), "throttle": int(throttle)}
    if query:
        options["query"] = query
    deadline, oom_kills = time.monotonic() + store.limits.seconds + _GRACE_S, count_oom_kills()
    with _crawl_process(root, store, crawl_id, options) as process:
        overdue = threading.Timer(deadline - time.monotonic(), process.kill)
        overdue.start()
        log = CrawlLog(process.stderr, root, store.name, crawl_id)
        log.start()
        busy = None
        try:
            for event in _events(process.stdout):
                kind = event.pop("event", None)
                if kind == "busy":
                    busy = str(event["message"])
                elif kind == "progress" and on_progress is not None:
                    on_progress(CrawlProgress(**event))
            code = process.wait()
        finally:
            overdue.cancel()
        log.join(timeout=5)
        prune(root, store.name, keep_logs)
    if busy is not None:
        raise BusyError(busy)
    outcome = _stored_outcome(root, crawl_id)
    if outcome is not None:
        return outcome
    crashed = CrawlOutcome(
        store=store.name,
        crawl_id=crawl_id,
        spider=store.strategy,
        status=CrawlStatus.FAILED,
        started_at=started_at,
        ended_at=datetime.now(UTC),
        errors=1,
        message=_crash_sentence(store, code, log.problem),
        failure=failure_of_exit(
            code,
            log.problem,
            overdue=time.monotonic() >= deadline,
            oom_kills=count_oom_kills() - oom_kills,
        ),
    )
    return _store_outcome(root, crashed)


@contextmanager
def _crawl_process(
    root: Root, store: Store, crawl_id: str, options: Mapping[str, object]
) -> Iterator[subprocess.Popen[str]]:
    """The process of a crawl; it is ended when the block is left.

    :param options: further arguments of the spider.
    """
    arguments = {
        "config": "-",  # from stdin: any user of the machine can read a command line
        "data": str(root),
        "crawl_id": crawl_id,
        **options,
    }
    # -P: a file in the working directory must not be imported in place of a module of the same name.
    command = [sys.executable, "-P", "-m", "scrapers.session.process", "crawl", store.strategy]
    command += ["-s", "PROGRESS_LINES=1"]
    command += [part for name, value in arguments.items() for part in ("-a", f"{name}={value}")]
    environment = os.environ | {
        "SCRAPY_SETTINGS_MODULE": "scrapers.settings",
        **import_environment(),
        "PYTHONUNBUFFERED": "1",
        **_LOW_MEMORY,
    }
    process = subprocess.Popen(  # noqa: S603 - our own interpreter; the arguments are no shell text
        command,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        # Ctrl-C reaches this process only, which asks the crawl once to end: after a second signal it would
        # write nothing. If this process is killed, the crawl ends at its next line of progress.
        start_new_session=True,
    )
    try:
        if process.stdin is not None:
            with suppress(BrokenPipeError), process.stdin:
                process.stdin.write(json.dumps(store.model_dump(mode="json")))
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(_STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        for stream in (process.stdout, process.stderr):
            if stream is not None:
                stream.close()


def _events(stream: IO[str] | None) -> Iterator[dict[str, Any]]:
    for line in stream or ():
        try:
            event = json.loads(line)
        except ValueError:
            logger.debug("%s", line.rstrip())
            continue
        if isinstance(event, dict):
            yield event


def _stored_outcome(root: Root, crawl_id: str) -> CrawlOutcome | None:
    rows = tables.read(root, "crawls", where=pc.field("crawl_id") == crawl_id).to_pylist()
    if not rows:
        return None
    row = rows[-1]
    row["coverage"] = dict(row["coverage"] or ())
    return CrawlOutcome(**row)


def _crash_sentence(store: Store, code: int, problem: str) -> str:
    if code < 0:
        how = f"was ended by signal {-code}"
    else:
        how = f"ended with code {code}" + (f" ({problem})" if problem else "")
    return f"The crawl of '{store.name}' {how} before it was done. Crawl again; what it read is kept."


def _store_outcome(root: Root, outcome: CrawlOutcome) -> CrawlOutcome:
    """Writes and returns the outcome of a crawl that ended without writing one."""
    try:
        tables.append(root, "crawls", [asdict(outcome)])
    except (DeltaError, OSError) as error:
        raise LookalikeError(f"{outcome.message} Its tables cannot be written ({error}).") from None
    return outcome
