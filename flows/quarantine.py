"""Accepts or rejects a quarantined crawl."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pyarrow.compute as pc

from scrapers.session.promote import finish, resume, write_crawl
from storage import tables
from storage.clock import credible
from storage.errors import InputError, LookalikeError
from storage.root import Root
from storage.staging import Decision, Finding, Staging, State
from storage.verdicts import CrawlStatus, Failure

_ACCEPTED, _REJECTED = "Accepted", "Rejected"
_DECISION = re.compile(
    rf"(?P<what>{_ACCEPTED}|{_REJECTED}) on (?P<day>\d{{4}}-\d\d-\d\d): (?P<why>.*)", re.DOTALL
)
"""The message of a crawl that was decided about, see `_decision_sentence`."""


def accept(root: Root, store: str, seen: Sequence[Finding] | None = None) -> dict[str, Any]:
    """Merges a quarantined crawl into the tables.

    :param seen: the findings that the decision is about; None for those of whatever crawl is quarantined.
    :return: its row of `crawls`; that of the earlier decision where the crawl with these findings is accepted
        already.
    :raises InputError: no crawl of this store is quarantined, another one than was seen, or it is rejected.
    :raises BusyError: the store is being crawled.
    """
    staging = Staging(root, store)
    with root.lock(f"crawl-{store}"):
        resume(root, staging)
        if decided := _decided(root, staging, seen, _ACCEPTED):
            return decided
        decision = _quarantined(staging)
        _require_seen(decision, store, seen)
        crawl = decision.crawl | {"message": _decision_sentence(_ACCEPTED, decision.findings)}
        # The rows of a later crawl that was killed have not been judged.
        staging.drop_after(decision.last)
        staging.decide(State.ACCEPTED, crawl)
        finish(root, staging, crawl)
        return crawl


def reject(root: Root, store: str, seen: Sequence[Finding] | None = None) -> dict[str, Any] | None:
    """Drops a staged crawl that is quarantined, unfinished or damaged; the next one reads the store again.

    :param seen: as for `accept`.
    :return: its row of `crawls`; that of the earlier decision where the crawl with these findings is rejected
        already; None if it has none.
    :raises InputError: there is no staged crawl of this store, another one than was seen, or it is accepted.
    :raises BusyError: the store is being crawled.
    """
    staging = Staging(root, store)
    with root.lock(f"crawl-{store}"):
        if decided := _decided(root, staging, seen, _REJECTED):
            return decided
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
                "message": _decision_sentence(_REJECTED, decision.findings),
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


def _decided(
    root: Root, staging: Staging, seen: Sequence[Finding] | None, what: str
) -> dict[str, Any] | None:
    """The row of the crawl that was decided about before, so that a second press of a button changes nothing.

    :param seen: the findings of the crawl; None decides only about what is staged now.
    :param what: the decision, `_ACCEPTED` or `_REJECTED`.
    :raises InputError: it was decided otherwise.
    """
    if seen is None or staging:
        return None
    crawls = tables.read(root, "crawls", where=pc.field("store") == staging.store).to_pylist()
    last = max(crawls, key=lambda crawl: credible(crawl["ended_at"]), default=None)
    earlier = _DECISION.fullmatch(last["message"] or "") if last else None
    if last is None or earlier is None or earlier["why"] != _reasons(seen):
        return None
    if earlier["what"] != what:
        raise InputError(
            f"The crawl of '{staging.store}' was {earlier['what'].lower()} on {earlier['day']}. Look again."
        )
    return {**last, "coverage": dict(last["coverage"] or ())}


def _decision_sentence(what: str, findings: Sequence[Finding]) -> str:
    return f"{what} on {datetime.now(UTC):%Y-%m-%d}: {_reasons(findings)}"


def _reasons(findings: Sequence[Finding]) -> str:
    return " ".join(finding.sentence for finding in findings)
