"""Why a crawl is not complete: one `Failure`, decided from how its requests ended and what stopped it."""

from __future__ import annotations

import errno
import signal
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from deltalake.exceptions import DeltaError

from storage.errors import LookalikeError
from storage.verdicts import Failure

_BY_ERROR = {
    # Names, because the reactor's, Scrapy's and requests' exceptions are imported only where they are raised.
    "RefusedRequest": Failure.PRIVATE,
    "RefusedURLError": Failure.PRIVATE,
    "CannotResolveHostError": Failure.DNS,
    "NameResolutionError": Failure.DNS,
    "DownloadConnectionRefusedError": Failure.REFUSED,
    "ConnectionRefusedError": Failure.REFUSED,
    "DownloadTimeoutError": Failure.TIMEOUT,
    "Timeout": Failure.TIMEOUT,
    "TimeoutError": Failure.TIMEOUT,
    "TunnelError": Failure.CONNECTION,
    "DownloadFailedError": Failure.CONNECTION,
    "ResponseDataLossError": Failure.CONNECTION,
    "ConnectionError": Failure.CONNECTION,
}
"""What an exception of a request stands for, by the name of its class or of a base class.

What says most comes first, since urllib3 derives a refused connection from a timeout."""
_ROBOTS = "Forbidden by robots.txt"  # Scrapy's words
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_TLS_MODULES = ("OpenSSL", "service_identity", "ssl")
_OOM_KILLS = Path("/proc/vmstat")


@dataclass(slots=True)
class RequestOutcomes:
    """How the requests of a crawl ended, after all retries, without those for photos.

    :ivar answered: pages that were answered, without lists of products.
    :ivar failed: requests that failed, by failure.
    :ivar essential: those of `failed` without which the list of products is incomplete.
    """

    answered: int = 0
    failed: Counter[Failure] = field(default_factory=Counter)
    essential: Counter[Failure] = field(default_factory=Counter)

    def note_answer(self, *, essential: bool) -> None:
        """Notes a request that was answered."""
        self.answered += not essential

    def note_failure(self, failure: Failure, *, essential: bool = False) -> None:
        """Notes a request that failed."""
        self.failed[failure] += 1
        if essential:
            self.essential[failure] += 1

    def note_reject(self, reason: str) -> None:
        """Notes an answered page that was not kept: one that asks for a person or a password is a refusal."""
        from scrapers.extract.refused_page import CHALLENGE, PROTECTED  # here: nobody else needs lxml

        if reason.endswith((CHALLENGE, PROTECTED)):
            self.answered -= 1
            self.failed[Failure.BLOCKED] += 1


def failure_of(
    outcomes: RequestOutcomes, *, cause: Failure | None, found: bool, has_gap: bool, product_pages: int
) -> Failure:
    """Why a crawl is not complete.

    :param cause: what stopped it or went wrong on this machine, if anything did.
    :param found: whether it found any product.
    :param has_gap: whether its list of products may be incomplete.
    :param product_pages: pages that were read as product pages, with or without a product.
    """
    if cause:
        return cause
    if outcomes.essential:
        return _most(outcomes.essential)
    if found:
        # Dead links do not make a crawl incomplete: a product whose page is gone counts as removed.
        failed = outcomes.failed.copy()
        del failed[Failure.NOT_FOUND]
        return _most(failed) if failed else Failure.INCOMPLETE
    if outcomes.failed and outcomes.failed.total() >= outcomes.answered:
        return _most(outcomes.failed)
    if has_gap:
        return Failure.PLATFORM
    return Failure.NO_PRODUCTS if product_pages else Failure.EMPTY


def failure_of_status(status: int) -> Failure | None:
    """What an HTTP status stands for; None if the request was answered."""
    if status in (401, 403, 407, 429, 451):
        return Failure.BLOCKED
    if status >= 500:
        return Failure.SERVER_ERROR
    return Failure.NOT_FOUND if status >= 400 else None


def failure_of_error(error: BaseException) -> Failure | None:
    """What an exception stands for; None for a request that was left out on purpose."""
    for cause in _chain(error):
        if (isinstance(cause, OSError) and cause.errno in _FULL) or "No space left" in str(cause):
            return Failure.DISK_FULL
        if isinstance(cause, MemoryError):
            return Failure.OUT_OF_MEMORY
    if failure := failure_of_request(error):
        return failure
    if _names(error) & {"IgnoreRequest", "DownloadCancelledError"}:
        return None
    if isinstance(error, OSError | LookalikeError | DeltaError):
        return Failure.STORAGE
    return Failure.EXCEPTION


def failure_of_request(error: BaseException) -> Failure | None:
    """What a request's exception, or one that it was raised from, says about the store; None if nothing."""
    if str(error) == _ROBOTS:
        return Failure.ROBOTS
    names = set[str]()
    for cause in _chain(error):
        if type(cause).__module__.partition(".")[0] in _TLS_MODULES:
            return Failure.TLS
        names |= _names(cause)
    return next((failure for name, failure in _BY_ERROR.items() if name in names), None)


def failure_of_exit(code: int, problem: str, *, overdue: bool, oom_kills: int) -> Failure:
    """Why the process of a crawl ended without a word.

    :param code: its exit code; negative for a signal.
    :param problem: the last line of its log that names an error.
    :param overdue: whether it was killed because it exceeded its time limit.
    :param oom_kills: processes that the kernel killed meanwhile because memory ran out.
    """
    if overdue:
        return Failure.OUT_OF_TIME
    if "MemoryError" in problem or (code == -signal.SIGKILL and oom_kills > 0):
        return Failure.OUT_OF_MEMORY
    if code in (-signal.SIGKILL, -signal.SIGTERM, -signal.SIGINT, -signal.SIGHUP):
        return Failure.INTERRUPTED
    return Failure.DISK_FULL if "No space left" in problem else Failure.EXCEPTION


def count_oom_kills() -> int:
    """Processes that the kernel of this machine has killed so far because memory ran out."""
    try:
        counters = dict(line.split() for line in _OOM_KILLS.read_text().splitlines())
        return int(counters.get("oom_kill", 0))
    except (OSError, ValueError):
        return 0  # not Linux, or hidden from a container


def _most(failures: Counter[Failure]) -> Failure:
    return failures.most_common(1)[0][0]


def _names(error: BaseException) -> set[str]:
    return {base.__name__ for base in type(error).__mro__}


def _chain(error: BaseException) -> Iterator[BaseException]:
    """An exception, its causes, and what Twisted holds as the reasons of a failed request."""
    waiting, seen = [error], set[int]()
    while waiting:
        found = waiting.pop()
        if id(found) in seen:
            continue
        seen.add(id(found))
        yield found
        waiting += [cause for cause in (found.__cause__, found.__context__) if cause is not None]
        waiting += [failure.value for failure in getattr(found, "reasons", ()) if hasattr(failure, "value")]
