"""Accepts or rejects a quarantined crawl."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from scrapers.session.promote import finish, resume, write_crawl
from storage.errors import InputError, LookalikeError
from storage.root import Root
from storage.staging import Decision, Finding, Staging, State
from storage.verdicts import CrawlStatus, Failure


def accept(root: Root, store: str, seen: Sequence[Finding] | None = None) -> dict[str, Any]:
    """Merges a quarantined crawl into the tables.

    :param seen: the findings that the decision is about; None for those of whatever crawl is quarantined.
    :return: its row of `crawls`.
    :raises InputError: no crawl of this store is quarantined, or another one than was seen.
    :raises BusyError: the store is being crawled.
    """
    with root.lock(f"crawl-{store}"):
        staging = Staging(root, store)
        resume(root, staging)
        decision = _quarantined(staging)
        _require_seen(decision, store, seen)
        crawl = decision.crawl | {"message": _decision_sentence("Accepted", decision)}
        # The rows of a later crawl that was killed have not been judged.
        staging.drop_after(decision.last)
        staging.decide(State.ACCEPTED, crawl)
        finish(root, staging, crawl)
        return crawl


def reject(root: Root, store: str, seen: Sequence[Finding] | None = None) -> dict[str, Any] | None:
    """Drops a staged crawl that is quarantined, unfinished or damaged; the next one reads the store again.

    :param seen: as for `accept`.
    :return: its row of `crawls`; None if it has none.
    :raises InputError: there is no staged crawl of this store, or another one than was seen.
    :raises BusyError: the store is being crawled.
    """
    with root.lock(f"crawl-{store}"):
        staging = Staging(root, store)
        if not staging:
            raise _nothing_quarantined(staging)
        try:
            decision = staging.decision()
        except LookalikeError:
            decision = None  # damaged, and dropped with the rest
        _require_seen(decision, store, seen)
        crawl = None
        if decision is not None and decision.state is State.QUARANTINED:
            crawl = decision.crawl | {
                "status": CrawlStatus.REJECTED,
                "failure": Failure.QUARANTINED,
                "message": _decision_sentence("Rejected", decision),
            }
            write_crawl(root, crawl)
        staging.discard()
        return crawl


def _quarantined(staging: Staging) -> Decision:
    decision = staging.decision()
    if decision is None or decision.state is not State.QUARANTINED:
        raise _nothing_quarantined(staging)
    return decision


def _require_seen(decision: Decision | None, store: str, seen: Sequence[Finding] | None) -> None:
    if seen is not None and (decision is None or tuple(seen) != decision.findings):
        raise InputError(f"The crawl of '{store}' is another one now. Look at its findings, then decide.")


def _nothing_quarantined(staging: Staging) -> InputError:
    return InputError(
        f"No crawl of '{staging.store}' is quarantined. `lookalike status` shows the stores with one."
    )


def _decision_sentence(what: str, decision: Decision) -> str:
    why = " ".join(finding.sentence for finding in decision.findings)
    return f"{what} on {datetime.now(UTC):%Y-%m-%d}: {why}"
